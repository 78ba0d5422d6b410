"""Rows without the text that should decide: what is answered right all the same is answered by a shortcut.

`hypothesis_only` keeps one field (the last: the hypothesis of a pair, the question of a passage), `premise_removed` takes one away (the first).
Of two fields both do the same; with more they differ. What is taken away is empty, or with `by: another_row` the same field of another row of
another group, so that the form of the prompt stays as the model knows it. Targets stay, though no right answer follows from what is left: the
question `robustness` weighs the score against the best constant answer.
Sources: Gururangan et al. (2018), arXiv 1803.02324; Poliak et al. (2018), arXiv 1805.01042.
Limits: which other row's text is taken depends on which rows the study asks (`eval.limit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from hanka.errors import DataError
from hanka.identity import stream
from hanka.recipes.changes import Changed, ChangeRequest, Perturbing
from hanka.recipes.perturbing import PerturbParams, perturbation, require_field
from hanka.records import Example
from hanka.tasks.base import Task

NOTHING_THERE = "the text is empty as it is"
NO_OTHER = "no other row has another text"
FEWEST_FIELDS = 2


class RemovalParams(PerturbParams):
    """What stands in the place of a text that is taken away."""

    by: Literal["nothing", "another_row"] = "nothing"
    "nothing: the field is empty; another_row: it is that of another row of another group, drawn by seed."
    seed: int = Field(default=0, ge=0)
    "Draws the other row, whatever the seeds of the study."


class HypothesisOnlyParams(RemovalParams):
    """Which field stays."""

    keep: str = ""
    "Input field that stays (default: the last one of the task)."


class PremiseRemovedParams(RemovalParams):
    """Which field is taken away."""

    field: str = ""
    "Input field that is taken away (default: the first one of the task)."


def _chosen(named: str, place: int, task: Task) -> str:
    """Return a named field, else the one at a place. Raises DataError where the task has too few, or none of that name."""
    if named:
        require_field(named, task)
    if len(task.inputs) < FEWEST_FIELDS:
        raise DataError(
            f"task {task.name} has {len(task.inputs)} field, and without it nothing is left to ask: take a task of two fields or more"
        )
    return named or task.inputs[place]


def keep_one(request: ChangeRequest) -> list[Changed]:
    """Take every field but one."""
    kept = _chosen(request.params.keep, -1, request.task)
    return _without(request, "hypothesis_only", [one for one in request.task.inputs if one != kept])


def take_one(request: ChangeRequest) -> list[Changed]:
    """Take one field."""
    return _without(request, "premise_removed", [_chosen(request.params.field, 0, request.task)])


def _without(request: ChangeRequest, name: str, taken: Sequence[str]) -> list[Changed]:
    return [_row(request, name, row, taken) for row in request.rows]


def _row(request: ChangeRequest, name: str, row: Example, taken: Sequence[str]) -> Changed:
    n = len(request.task.inputs)
    if not any(row.fields[one].strip() for one in taken):
        return Changed(None, NOTHING_THERE)
    fields = dict.fromkeys(taken, "")
    if request.params.by == "another_row":
        others = [other for other in request.rows if _differs(other, row, taken)]
        if not others:
            return Changed(None, NO_OTHER)
        rng = stream(request.params.seed, name, row.id)
        other = others[int(rng.integers(len(others)))]
        fields = {one: other.fields[one] for one in taken}
    return Changed(replace(row, fields={**row.fields, **fields}), "", n, len(taken), len(taken))


def _differs(other: Example, row: Example, taken: Sequence[str]) -> bool:
    """Tell whether a row is of another group and all its texts that would be taken are others."""
    is_apart = other.id != row.id and (not row.group or other.group != row.group)
    return is_apart and all(other.fields[one].strip() and other.fields[one] != row.fields[one] for one in taken)


HYPOTHESIS_ONLY = perturbation(
    "hypothesis_only",
    HypothesisOnlyParams,
    Perturbing(keep_one, "none"),
    reference="Gururangan et al. (2018), arXiv 1803.02324; Poliak et al. (2018), arXiv 1805.01042",
    description="rows with one field left (the hypothesis); no right answer follows from it",
)
PREMISE_REMOVED = perturbation(
    "premise_removed",
    PremiseRemovedParams,
    Perturbing(take_one, "none"),
    reference="Gururangan et al. (2018), arXiv 1803.02324",
    description="rows with one field taken away (the premise); no right answer follows from what is left",
)
