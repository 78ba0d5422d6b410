"""What of a run the advice is about: one task, the systems that were tuned for it, the one that stands for tuning, and the rival.

run → **focus** → what is measured (`measured.py`) and what the run itself decides (`conflict.py`). Cells are read once and shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hanka.analysis.claims import Claims, SystemClaims, claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import decide
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.analysis.health import health_of
from hanka.analysis.pooling import Pooling, SystemCells
from hanka.errors import HankaError, nearest
from hanka.metrics import METRICS, Metric
from hanka.store.folder import RunFolder, read_json_or_none

ASKED_KINDS = ("classification", "generation", "regression")
"Kinds of task that answer a request; text that is only scored is none."


@dataclass(frozen=True, eq=False)
class Focus:
    """A run, seen from the tasks that the advice is about."""

    evidence: Evidence
    "The run."
    tasks: tuple[str, ...]
    "Tasks to be solved; what is measured of one task is measured where there is one."
    study: Mapping[str, Any]
    "study.yaml as plain values; {} where it cannot be read."
    contrasts: Contrasts = field(init=False)
    "Where cells are compared."

    def __post_init__(self) -> None:
        object.__setattr__(self, "contrasts", Contrasts(self.evidence))

    @property
    def task(self) -> str:
        """The one task. Raises ValueError where there are several."""
        (task,) = self.tasks
        return task

    @property
    def kind(self) -> str:
        """Kind of the task."""
        return str(self.evidence.task(self.task)["kind"])

    @property
    def level(self) -> float:
        """Confidence level of the study."""
        return self.evidence.level

    @cached_property
    def metric(self) -> Metric:
        """Primary metric of the task."""
        return METRICS.get(self.evidence.primary(self.task))

    @property
    def is_in_points(self) -> bool:
        """Whether differences of the metric are shares of a whole: it has a better end, and none beyond 1."""
        return self.metric.higher_is_better is not None and max(abs(self.metric.low), abs(self.metric.high)) <= 1

    @property
    def sign(self) -> float:
        """1, or -1 where less is better."""
        return -1.0 if self.metric.higher_is_better is False else 1.0

    @cached_property
    def pooling(self) -> Pooling:
        """The systems of the run and their cells."""
        return Pooling(self.contrasts)

    @cached_property
    def claims(self) -> Claims:
        """What the run claims of its systems."""
        return claims_of(self.contrasts)

    @cached_property
    def decision(self) -> Mapping[str, Any]:
        """The run's own decision of the task, as findings.json has it, or made now; {} where nothing was tuned for it."""
        stored = read_json_or_none(self.evidence.folder.findings)
        whole = stored["decision"] if stored else self._decide()
        found: Mapping[str, Any] = next((one for one in whole["per_task"] if one["task"] == self.task), {})
        return found

    def _decide(self) -> dict[str, Any]:
        unfit = {one.variant["id"]: one.unfit for one in health_of(self.evidence) if one.unfit}
        return decide(self.evidence, self.claims, unfit)

    @cached_property
    def systems(self) -> tuple[SystemClaims, ...]:
        """Tuned systems with what is claimed of them on the task."""
        return tuple(one for one in self.claims.systems if one.task == self.task)

    @cached_property
    def candidate(self) -> SystemClaims | None:
        """The system that stands for tuning: the one that the run's decision is about; None where nothing was tuned."""
        wanted = [self.decision.get(name) for name in ("base", "candidate", "train_dataset", "train_size")]
        named = (one for one in self.systems if list(one.cells.system) == wanted)
        return next(named, self.systems[-1] if self.systems else None)

    @property
    def rival(self) -> str:
        """Base model that is prompted: the one the candidate is weighed against, else the first that was asked."""
        if self.candidate is not None:
            return self.candidate.cells.reference
        return next((str(one.variant["base"]) for one in self.evidence.cells.values() if one.is_unadapted), "")

    def prompted(self, relation: str = "in_domain", base: str = "") -> list[CellEvidence]:
        """Return the finished cells of a base model on the task's test sets of a relation; base: by default the rival."""
        return [
            one
            for one in self.evidence.done()
            if one.is_unadapted
            and one.variant["base"] == (base or self.rival)
            and (one.cell["test_task"], one.cell["relation"]) == (self.task, relation)
        ]

    def first_prompted(self, relation: str = "in_domain", base: str = "") -> list[CellEvidence]:
        """Return those of the first asking: fewest shots, first prompt and draw, first context."""
        cells = self.prompted(relation, base)
        first = min((one.asking for one in cells), key=self.evidence.order, default=None)
        return [one for one in cells if one.asking == first]

    def tests(self, cells: SystemCells, relation: str) -> tuple[str, ...]:
        """Return the test sets of the task and a relation that a system has answered."""
        return tuple(
            test
            for test, members in cells.cells.items()
            if members and members[0].cell["test_task"] == self.task and cells.relations[test] == relation
        )


def focus_on(folder: RunFolder, task: str = "") -> Focus:
    """Read a run and look at the tasks that are to be solved in it.

    task: the only one; empty: all that were trained, or all that are asked where none was. Raises HankaError in one line.
    """
    folder.require_format()
    evidence = load_evidence(folder)
    asked = [name for name, one in evidence.plan["tasks"].items() if one["kind"] in ASKED_KINDS]
    if not asked:
        raise HankaError(f"{folder.path}: no task of this run answers a request, so there is nothing to advise on")
    if task and task not in asked:
        raise HankaError(f"--task {task!r}: no task of {folder.path} that answers requests: {nearest(task, asked)}")
    trained = [name for name in evidence.plan["trained_tasks"] if name in asked]
    return Focus(evidence, (task,) if task else tuple(trained or asked), _study_of(folder))


def _study_of(folder: RunFolder) -> Mapping[str, Any]:
    from hanka.errors import StudyError
    from hanka.study.source import read_source

    try:
        return read_source(folder.study).values
    except StudyError:
        return {}


def names(tests: Sequence[str], limit: int = 4) -> str:
    """Write the names of test sets, those beyond the limit as a count."""
    return " + ".join([*tests[:limit], *([f"{len(tests) - limit} more"] if len(tests) > limit else [])])
