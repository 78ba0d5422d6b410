"""The stages of a rollout and what each asks: a YAML file, or the defaults here.

The article names three stages and the rules of the first two lines below (a shown gain in domain; no loss above two points out of
domain; guardrails; a signature). It states no other number: the rest are this module's defaults, each with why.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, read_file
from hanka.errors import HankaError
from hanka.guardrails.limits import Rates, with_files

Kind: TypeAlias = Literal["classification", "regression", "generation", "likelihood", "harness"]
ALL: tuple[Kind, ...] = ("classification", "regression", "generation", "likelihood", "harness")
STAGES_FILE = FileKind(
    noun="stages",
    error=HankaError,
    keys="`stages:` and `cadence:`",
    missing="docs/rollout.md shows one; without --stages the defaults hold",
    empty="docs/rollout.md shows one",
)


class Stage(BaseModel):
    """What has to be shown before the next stage begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")
    "What it is called."
    kinds: tuple[Kind, ...] = Field(default=ALL, min_length=1)
    "Kinds of task that it is about: every task of these that the system was trained on is judged."
    gain: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    "In domain, against the base at every asking: the simultaneous lower bound of the gain has to exceed it."
    margin: float = Field(default=0.02, gt=0.0, allow_inf_nan=False)
    "On every out-of-domain test set: a loss as large as this has to be excluded."
    cross_task: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    "The same on every test set of another task; null: not asked."
    seeds: int = Field(default=1, ge=1)
    "Trainings of the system behind the numbers."
    unanswered: float = Field(default=0.05, gt=0.0, lt=1.0, allow_inf_nan=False)
    "Guardrail: share of rows without an answer that could be read, by its upper bound. 0 of 60 rows stay below the default."
    guardrails: Rates = Field(default_factory=dict)
    "Further guardrails by name, each with the share that the upper bound of its rate has to stay below: `{refusals: 0.02}`."
    gate: Literal["required", "if_recorded"] = "required"
    "Guardrail: whether the log has to hold a gate's pass for the run; a gate that failed always counts."
    signatures: int = Field(default=1, ge=1, le=100)
    "Approvals of the system by different people since the last promotion."
    roles: tuple[str, ...] = ()
    "Roles that have to be among those who signed."


class Cadence(BaseModel):
    """How often a system may be replaced by a retrained one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: float = Field(default=30.0, ge=0.0, le=36_500.0, allow_inf_nan=False)
    "At most one retraining in so many days; a guardrail's alarm since the last one lifts it."


DEFAULT = (
    Stage(name="classification", kinds=("classification", "regression")),
    Stage(name="generation", kinds=("generation",)),
    # Who retrains elsewhere relies on the method, not on one checkpoint: five seeds, as the decision asks of such a claim; and
    # many uses meet other tasks, so a loss there may not exceed five points, the harm that a study declares by default.
    Stage(name="scale", kinds=ALL, cross_task=0.05, seeds=5, signatures=2),
)


class Stages(BaseModel):
    """All stages in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: tuple[Stage, ...] = Field(default=DEFAULT, min_length=1)
    "In the order in which they are passed."
    cadence: Cadence = Cadence()
    "How often a system may be replaced."

    @model_validator(mode="after")
    def _names_differ(self) -> Stages:
        names = [one.name for one in self.stages]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two stages are called {twice!r}; a promotion is logged by name")
        return self


def read_stages(path: Path | None) -> Stages:
    """Read a stages file; None: the defaults. Raises HankaError with file, line and key."""
    if path is None:
        return Stages()
    source = read_file(path, STAGES_FILE)
    try:
        found = Stages.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error, Stages) from None
    stages = []
    for at, one in enumerate(found.stages):
        try:
            rates = with_files(one.guardrails, source.path.resolve().parent)
        except HankaError as error:
            raise source.error(("stages", at, "guardrails"), str(error)) from None
        stages.append(one.model_copy(update={"guardrails": rates}))
    return found.model_copy(update={"stages": tuple(stages)})
