"""Learning curves of a run: for each entry that was trained on several sizes, a point per training and what its test rows make of it.

Evidence → **curves** → the question `how_much`, the sample planner. A curve is about one entry on one base and training set, and the
test sets of one relation of its own task, asked as the entry is meant to be asked. A training counts where all test sets and prompts
of the curve were asked of it; of the test rows those that all of its points scored. So the errors of the points go together as they do: test rows
are shared by all of them, seeds by some.

Limits: values of a metric that is no mean enter through its jackknife, to first order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hanka.analysis.asked import OWN_TASK
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Pooling, SystemCells
from hanka.analysis.questions.contract import Measured
from hanka.analysis.values import CellValue, balanced, cell_value, pooled_value, unit_means
from hanka.identity import stream
from hanka.metrics import METRICS, Metric
from hanka.stats import LEAST_UNITS
from hanka.stats.curves import FEWEST_SIZES, LEAST_SIZE, CurvePoints, CurvePosterior
from hanka.stats.laws import fit_laws
from hanka.stats.resampling import FloatArray
from hanka.stats.shrinkage import averaged_within, covariance_of_means


class Topic(NamedTuple):
    """What a curve is about."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    dataset: str
    "What it was trained on."
    task: str
    "Task of the test sets."
    relation: str
    "Of the test sets."


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """One entry by number of training rows."""

    topic: Topic
    "What it is about."
    metric: Metric
    "The primary one of the task; it has a better end."
    tests: tuple[str, ...]
    "Test sets, which count equally."
    observed: Mapping[int, Measured]
    "Size → value, over its seeds."
    points: CurvePoints | None
    "None where there are too few sizes, or too few independent test rows."
    n: int
    "Test rows that all points share."
    n_seeds: int
    "Fewest seeds of a size."
    n_left_out: int
    "Trainings without all of the cells."
    seeds_share_rows: bool
    "Whether several seeds of a size were trained on the very same rows."
    seed: int
    "Of the study."

    @property
    def sign(self) -> float:
        """Return 1 where more is better, else -1."""
        return 1.0 if self.metric.higher_is_better else -1.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the sizes, ascending."""
        return tuple(sorted(self.observed))

    @cached_property
    def posterior(self) -> CurvePosterior | None:
        """Return equally likely curves through the points; None where there are too few, or no law comes near."""
        if self.points is None:
            return None
        try:
            return fit_laws(self.points, stream(self.seed, "learning curve", *self.topic))
        except ValueError:
            return None


def learning_curves(evidence: Evidence) -> list[LearningCurve]:
    """Return the curve of every entry that was trained on two sizes or more, in the order of the plan, in domain first."""
    by_entry: dict[tuple[str, str, str], list[SystemCells]] = defaultdict(list)
    for one in Pooling(Contrasts(evidence)).systems():
        if one.system.size >= LEAST_SIZE:
            by_entry[one.system[:3]].append(one)
    found = []
    for entry, systems in by_entry.items():
        if len({one.system.size for one in systems}) > 1:
            found += [
                curve for topic in _topics(evidence, entry, systems) if (curve := _curve(evidence, topic, systems))
            ]
    return found


def _topics(evidence: Evidence, entry: tuple[str, str, str], systems: Sequence[SystemCells]) -> Iterator[Topic]:
    """Yield the own tasks and relations of an entry's test sets."""
    asked = {
        (str(cell.cell["test_task"]), one.relations[test])
        for one in systems
        for test, cells in one.cells.items()
        for cell in cells
    }
    tasks = list(evidence.plan["tasks"])
    for task, relation in sorted(asked, key=lambda one: (tasks.index(one[0]), one[1])):
        if relation in OWN_TASK and METRICS.get(evidence.primary(task)).higher_is_better is not None:
            yield Topic(*entry, task, relation)


def _curve(evidence: Evidence, topic: Topic, systems: Sequence[SystemCells]) -> LearningCurve | None:
    """Build one curve; None where fewer than two sizes were asked the same."""
    by_variant: dict[str, list[CellEvidence]] = defaultdict(list)
    for one in systems:
        for cells in one.cells.values():
            for cell in cells:
                if (cell.cell["test_task"], cell.cell["relation"]) == (topic.task, topic.relation):
                    by_variant[str(cell.variant["id"])].append(cell)
    everything = {_asked(cell) for cells in by_variant.values() for cell in cells}
    complete = [cells for cells in by_variant.values() if {_asked(cell) for cell in cells} == everything]
    whole = [sorted(cells, key=_asked) for cells in sorted(complete, key=lambda cells: _trained(cells[0]))]
    metric = METRICS.get(evidence.primary(topic.task))
    values = [[value for cell in cells if (value := cell_value(evidence, cell, metric))] for cells in whole]
    kept = [(cells, found) for cells, found in zip(whole, values, strict=True) if len(cells) == len(found)]
    by_size: dict[int, list[CellEvidence]] = defaultdict(list)
    for cells, _ in kept:
        by_size[int(cells[0].variant["train_size"])] += cells
    observed = {size: mean for size, cells in by_size.items() if (mean := pooled_value(evidence, cells, metric))}
    if len(observed) < 2:
        return None
    seeds = {size: {int(cell.variant["seed"]) for cell in cells} for size, cells in by_size.items()}
    points, n = _points([found for _, found in kept], metric)
    if not all(metric.is_supported(evidence.rows(cell, metric).statistics) for cells, _ in kept for cell in cells):
        points = None  # one row of a rare class would decide: such a metric has no interval anywhere
    return LearningCurve(
        topic, metric, tuple(sorted({test for test, *_ in everything})), observed, points, n, min(map(len, seeds.values())),
        len(by_variant) - len(kept), _seeds_share_rows(by_size), int(evidence.plan["seed"]),
    )  # fmt: skip


def _trained(cell: CellEvidence) -> tuple[Any, ...]:
    return (int(cell.variant["train_size"]), int(cell.variant["seed"]), str(cell.variant["id"]))


def _asked(cell: CellEvidence) -> tuple[Any, ...]:
    return (str(cell.cell["test_dataset"]), *cell.asking)


def _seeds_share_rows(by_size: Mapping[int, Sequence[CellEvidence]]) -> bool:
    for cells in by_size.values():
        rows = {int(cell.variant["seed"]): cell.variant.get("rows") for cell in cells}
        known = [one for one in rows.values() if one]
        if len(set(known)) < len(known):
            return True
    return False


def _points(found: Sequence[Sequence[CellValue]], metric: Metric) -> tuple[CurvePoints | None, int]:
    """Return a point per training with the covariance that shared test rows give them, and how many rows that are.

    found: the cells of each training.
    """
    variants = [members[0].cell.variant for members in found]
    sizes = np.array([int(one["train_size"]) for one in variants], dtype=np.int64)
    tests = sorted({_test(one) for members in found for one in members})
    tables = [_table([[one for one in members if _test(one) == test] for members in found]) for test in tests]
    n = sum(len(table) for table in tables)
    if len(np.unique(sizes)) < FEWEST_SIZES or min(len(table) for table in tables) < LEAST_UNITS:
        return None, n
    span = metric.high - metric.low
    parts = [averaged_within(covariance_of_means(table, span, metric.binary), sizes) for table in tables]
    values = np.array([balanced(members) for members in found])
    seeds = np.array([int(one["seed"]) for one in variants], dtype=np.int64)
    return CurvePoints(
        sizes, values, seeds, sum(parts, np.zeros_like(parts[0])) / len(tests) ** 2, metric.low, metric.high
    ), n


def _test(one: CellValue) -> str:
    return str(one.cell.cell["test_dataset"])


def _table(members: Sequence[Sequence[CellValue]]) -> FloatArray:
    """Return what every unit of a test set that all trainings scored has with each of them, (units, trainings)."""
    columns = [unit_means(one) for one in members]
    shared = [unit for unit in columns[0] if all(unit in column for column in columns)]
    return np.array([[column[unit] for column in columns] for unit in shared]).reshape(len(shared), len(columns))
