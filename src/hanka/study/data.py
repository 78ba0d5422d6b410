"""The rows a study uses, loaded once: training rows, test sets, demonstration pools, with fingerprints.

`corrected` leaves out rows whose label is outside the label set and demonstrations that stand in the test
set; both are counted for the audits. `paper` keeps everything as published. Where most labels of a split are
outside, the file is not what the study says, and that is an error. Every mistake names its line of the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hanka.datasets.base import Dataset
from hanka.datasets.demonstrations import ordered_pool
from hanka.datasets.overlap import exact_overlap
from hanka.errors import DataError, DataMissingError, nearest
from hanka.identity import fingerprint
from hanka.records import Example, Split
from hanka.study.resolve import Study, TaskUse
from hanka.study.source import Key

ENOUGH = 0.98
"Share of the asked training rows that must be there; published files are a few rows short, and an audit says so."


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


@dataclass(frozen=True, slots=True)
class Shown:
    """The demonstrations that stand before every query of a test set, in order."""

    examples: tuple[Example, ...]
    "Fewer than asked where the pool has no more."
    fingerprint: str
    "Of the examples."


@dataclass(slots=True)
class StudyData:
    """Loads what a study names, each dataset once."""

    study: Study
    "The study."
    _tests: dict[str, TestSet] = field(default_factory=dict)
    _pools: dict[str, tuple[list[Example], tuple[str, ...]]] = field(default_factory=dict)
    _training: dict[tuple[str, int], TrainingSet] = field(default_factory=dict)
    _orders: dict[tuple[str, int], list[Example]] = field(default_factory=dict)
    _shown: dict[tuple[str, int, int], Shown] = field(default_factory=dict)
    _training_orders: dict[tuple[str, int], tuple[Example, ...]] = field(default_factory=dict)
    _rows: dict[tuple[str, Split, int | None], tuple[list[Example], tuple[str, ...]]] = field(default_factory=dict)
    _leaked: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def corrected(self) -> bool:
        """Whether the published quirks are mended."""
        return self.study.spec.protocol == "corrected"

    def test(self, dataset: Dataset) -> TestSet:
        """Return a test set's rows. Raises StudyError if there is none."""
        if dataset.name not in self._tests:
            rows, left_out = self._labelled(dataset, "test")
            rows = rows[: self.study.spec.eval.limit]
            if not rows:
                raise self.study.source.error(self._place(dataset, "test"), f"dataset {dataset.name} has no test row")
            self._tests[dataset.name] = TestSet(dataset, tuple(rows), fingerprint(rows), left_out)
        return self._tests[dataset.name]

    def training(self, dataset: Dataset, size: int) -> TrainingSet:
        """Return the first `size` training rows.

        Raises DataMissingError where a published file is not here, StudyError where there are too few rows.
        """
        key = (dataset.name, size)
        if key not in self._training:
            rows, left_out = self._labelled(dataset, "train", size)
            if len(rows) < ENOUGH * size:
                raise self.study.source.error(
                    self._size_key(dataset, size),
                    f"{size} rows are asked and dataset {dataset.name} has {len(rows)} to train on: choose sizes up to "
                    f"{len(rows)}",
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

    def shown(self, dataset: Dataset, draw: int, shots: int) -> Shown:
        """Return the first `shots` demonstrations of a draw with their fingerprint."""
        key = (dataset.name, draw, shots)
        if key not in self._shown:
            examples = tuple(self.demonstrations(dataset, draw)[:shots]) if shots else ()
            self._shown[key] = Shown(examples, fingerprint(examples))
        return self._shown[key]

    def training_demonstrations(self, dataset: Dataset, seed: int) -> tuple[Example, ...]:
        """Return the pool that `fticl` draws from, in the order of a training seed."""
        key = (dataset.name, seed)
        if key not in self._training_orders:
            task = self.study.tasks[dataset.task].task
            leaked = self.leaked_training_demonstrations(dataset)
            rows = [row for row in self._own_pool(dataset) if row.id not in leaked]
            ordered = ordered_pool(rows, self.study.demonstrations, task.labels, seed, dataset.name, "training")
            self._training_orders[key] = tuple(ordered)
        return self._training_orders[key]

    def leaked_training_demonstrations(self, dataset: Dataset) -> frozenset[str]:
        """Return which demonstrations of a training dataset are test rows of its task; none under `paper`."""
        if not self.corrected:
            return frozenset()
        if dataset.name not in self._leaked:
            rows = self._own_pool(dataset)
            tests = (self.test(test) for test in self.study.tasks[dataset.task].tests)
            pairs = [pair for test in tests for pair in exact_overlap(rows, test.examples)]
            self._leaked[dataset.name] = frozenset(pair.first for pair in pairs)
        return self._leaked[dataset.name]

    def pool(self, dataset: Dataset) -> tuple[list[Example], tuple[str, ...]]:
        """Return a test set's demonstration pool and the ids left out of it because they are test rows.

        The pool is the dataset's own demonstrations, else its task's training dataset's.
        """
        if dataset.name not in self._pools:
            use = self.study.tasks[dataset.task]
            rows = self._own_pool(dataset) or self._training_pool(use)
            leaked: tuple[str, ...] = ()
            if self.corrected and rows:
                leaked = tuple(sorted({one for one, _ in exact_overlap(rows, self.test(dataset).examples)}))
                rows = [row for row in rows if row.id not in set(leaked)]
            self._pools[dataset.name] = (rows, leaked)
        return self._pools[dataset.name]

    def _own_pool(self, dataset: Dataset) -> list[Example]:
        return self._labelled(dataset, "demonstrations")[0] if "demonstrations" in dataset.splits else []

    def _training_pool(self, use: TaskUse) -> list[Example]:
        return self._own_pool(use.train) if use.train else []

    def _labelled(
        self, dataset: Dataset, split: Split, size: int | None = None
    ) -> tuple[list[Example], tuple[str, ...]]:
        """Load a split and keep the rows whose target is a label; generation and `paper` keep all.

        Returns the rows and the ids of those left out. Raises StudyError where most targets are no label.
        """
        key = (dataset.name, split, None if dataset.one_training_file else size)
        if key not in self._rows:
            self._rows[key] = self._read_labelled(dataset, split, size)
        return self._rows[key]

    def _read_labelled(self, dataset: Dataset, split: Split, size: int | None) -> tuple[list[Example], tuple[str, ...]]:
        rows = self._load(dataset, split, size)
        labels = self.study.tasks[dataset.task].task.labels
        if not labels:
            return rows, ()
        unknown = [row for row in rows if row.target not in labels]
        if 2 * len(unknown) > len(rows):
            raise self.study.source.error(
                self._place(dataset, split), self._unknown_labels(dataset, split, unknown, len(rows))
            )
        if not self.corrected:
            return rows, ()
        return [row for row in rows if row.target in labels], tuple(row.id for row in unknown)

    def _unknown_labels(self, dataset: Dataset, split: Split, unknown: Sequence[Example], total: int) -> str:
        labels = self.study.tasks[dataset.task].task.labels
        found = Counter(row.target for row in unknown)
        values = ", ".join(repr(value if len(value) <= 30 else value[:29] + "…") for value, _ in found.most_common(3))
        more = ", …" if len(found) > 3 else ""
        return (
            f"{len(unknown)} of {total} {split} rows of dataset {dataset.name} have a target that is no label of task "
            f"{dataset.task} ({values}{more}): {nearest(found.most_common(1)[0][0], labels)} (say which is which with "
            f"datasets.{dataset.name}.labels: {{value: label}})"
        )

    def _load(self, dataset: Dataset, split: Split, size: int | None) -> list[Example]:
        """Read rows; what is wrong with them is said with the line of the study that names them."""
        try:
            return dataset.load(split, size)
        except DataMissingError:
            raise
        except DataError as error:
            raise self.study.source.error(self._place(dataset, split), str(error)) from error

    def _place(self, dataset: Dataset, split: Split) -> Key:
        """Return the key of the study that names a dataset's rows."""
        spec = self.study.spec
        if dataset.name in spec.datasets:
            entry = spec.datasets[dataset.name]
            given = [name for name in (split, "train", "test") if getattr(entry, name)]
            return ("datasets", dataset.name, *given[:1])
        use = self.study.tasks[dataset.task]
        role = "train" if dataset is use.train else "in_domain" if dataset in use.in_domain else "out_of_domain"
        return ("tasks", dataset.task, role)

    def _size_key(self, dataset: Dataset, size: int) -> Key:
        """Return the key of the study that asks for a training size."""
        for method in self.study.methods:
            own = getattr(method.params.get(dataset.task), "sizes", None) or ()
            if size in own:
                return (*method.key, "sizes")
        return ("train", "sizes")
