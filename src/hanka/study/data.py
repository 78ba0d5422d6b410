"""The rows a study uses, loaded once: training rows, test sets, demonstration pools, with fingerprints.

`corrected` leaves out test rows whose label is outside the label set and demonstrations that stand in the
test set; both are counted for the audits. `paper` keeps everything as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hanka.datasets.base import Dataset
from hanka.datasets.demonstrations import ordered_pool
from hanka.datasets.overlap import exact_overlap
from hanka.errors import DataError
from hanka.identity import fingerprint
from hanka.records import Example
from hanka.study.resolve import Study, TaskUse
from hanka.tasks.base import Task


@dataclass(frozen=True, slots=True)
class TestSet:
    """The rows of one test set as they are asked."""

    dataset: Dataset
    "Where they come from."
    examples: tuple[Example, ...]
    "In the test set's order, after `eval.limit`."
    fingerprint: str
    "Of the examples."
    left_out: tuple[str, ...]
    "Rows left out because their label is not in the label set."


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The rows one variant trains on."""

    dataset: Dataset
    "Where they come from."
    examples: tuple[Example, ...]
    "The first `asked` rows in the dataset's order."
    asked: int
    "The size the study names."
    fingerprint: str
    "Of the examples."
    left_out: tuple[str, ...]
    "Rows left out because their label is not in the label set."


@dataclass(slots=True)
class StudyData:
    """Loads what a study names, each dataset once."""

    study: Study
    "The study."
    _tests: dict[str, TestSet] = field(default_factory=dict)
    _pools: dict[str, tuple[list[Example], tuple[str, ...]]] = field(default_factory=dict)
    _training: dict[tuple[str, int], TrainingSet] = field(default_factory=dict)
    _orders: dict[tuple[str, int], list[Example]] = field(default_factory=dict)

    @property
    def corrected(self) -> bool:
        """Whether the published quirks are mended."""
        return self.study.spec.protocol == "corrected"

    def test(self, dataset: Dataset) -> TestSet:
        """Return a test set's rows. Raises DataError if none is left."""
        if dataset.name not in self._tests:
            rows, left_out = self._labelled(dataset.load("test"), self.study.tasks[dataset.task].task)
            rows = rows[: self.study.spec.eval.limit]
            if not rows:
                raise DataError(f"dataset {dataset.name}: no test row is left; check its labels")
            self._tests[dataset.name] = TestSet(dataset, tuple(rows), fingerprint(rows), left_out)
        return self._tests[dataset.name]

    def training(self, dataset: Dataset, size: int) -> TrainingSet:
        """Return the first `size` training rows.

        Raises DataMissingError where a published file is not here, DataError where there are too few rows.
        """
        key = (dataset.name, size)
        if key not in self._training:
            rows, left_out = self._labelled(dataset.load("train", size), self.study.tasks[dataset.task].task)
            if len(rows) < 0.98 * size:
                raise DataError(
                    f"dataset {dataset.name} has {len(rows)} training rows, train.sizes asks for {size}: "
                    f"choose sizes up to {len(rows)}"
                )
            rows = rows[:size]
            self._training[key] = TrainingSet(dataset, tuple(rows), size, fingerprint(rows), left_out)
        return self._training[key]

    def demonstrations(self, dataset: Dataset, draw: int) -> list[Example]:
        """Return a test set's demonstrations in the order of a draw; fewer shots take the first of them."""
        key = (dataset.name, draw)
        if key not in self._orders:
            task = self.study.tasks[dataset.task].task
            pool, _ = self.pool(dataset)
            self._orders[key] = ordered_pool(
                pool, self.study.demonstrations, task.labels, self.study.spec.seeds[0], dataset.name, draw
            )
        return self._orders[key]

    def training_demonstrations(self, dataset: Dataset, seed: int) -> list[Example]:
        """Return the pool that `fticl` draws from, in the order of a training seed."""
        task = self.study.tasks[dataset.task].task
        pool = self._own_pool(dataset) or []
        rows, _ = self._labelled(pool, task)
        return ordered_pool(rows, self.study.demonstrations, task.labels, seed, dataset.name, "training")

    def pool(self, dataset: Dataset) -> tuple[list[Example], tuple[str, ...]]:
        """Return a test set's demonstration pool and the ids left out of it because they are test rows.

        The pool is the dataset's own demonstrations, else its task's training dataset's.
        """
        if dataset.name not in self._pools:
            use = self.study.tasks[dataset.task]
            rows, _ = self._labelled(self._own_pool(dataset) or self._training_pool(use) or [], use.task)
            leaked: tuple[str, ...] = ()
            if self.corrected and rows:
                leaked = tuple(sorted({one for one, _ in exact_overlap(rows, self.test(dataset).examples)}))
                rows = [row for row in rows if row.id not in set(leaked)]
            self._pools[dataset.name] = (rows, leaked)
        return self._pools[dataset.name]

    @staticmethod
    def _own_pool(dataset: Dataset) -> list[Example] | None:
        return dataset.load("demonstrations") if "demonstrations" in dataset.splits else None

    def _training_pool(self, use: TaskUse) -> list[Example] | None:
        return self._own_pool(use.train) if use.train else None

    def _labelled(self, rows: Sequence[Example], task: Task) -> tuple[list[Example], tuple[str, ...]]:
        """Keep rows whose target is a label; generation and `paper` keep all."""
        if not task.labels or not self.corrected:
            return list(rows), ()
        known = set(task.labels)
        return [row for row in rows if row.target in known], tuple(row.id for row in rows if row.target not in known)


