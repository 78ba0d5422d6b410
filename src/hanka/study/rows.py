"""The rows of a study as stages hand them on: test sets, training sets by task, what stands before queries; with fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hanka.datasets.base import Dataset
from hanka.datasets.splits import Sampling
from hanka.identity import fingerprint
from hanka.records import Example
from hanka.tasks.base import Task


@dataclass(frozen=True, slots=True, eq=False)
class TestSet:
    """The rows of one test set as they are asked."""

    dataset: Dataset
    "Where they come from."
    examples: tuple[Example, ...]
    "In the test set's order, after `eval.limit`."
    fingerprint: str
    "Of the examples."


class SplitRows(NamedTuple):
    """The rows of a split before any are chosen."""

    n_read: int
    "How many, those left out among them."
    left_out: tuple[str, ...]
    "Rows left out because their label is not in the label set."


class RowsAsked(NamedTuple):
    """Which training rows a variant asks for."""

    size: int
    "How many."
    sample: Sampling
    "The first rows, or drawn by seed, as they come or labels in turn."
    validation: float
    "Share of the training rows that is set aside to validate on."
    seed: int
    "Training seed; it draws where rows are sampled by it."


@dataclass(frozen=True, slots=True, eq=False)
class RowsOfTask:
    """The part of a training set that belongs to one data set."""

    task: Task
    "Its task."
    dataset: Dataset
    "Where the rows come from."
    examples: tuple[Example, ...]
    "In order."
    validation: tuple[Example, ...] = ()
    "Rows to validate on; never trained on."


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """The rows one variant trains on."""

    name: str
    "Data set or mix, as the study names it."
    parts: tuple[RowsOfTask, ...]
    "By data set; empty rows where they are yet to be made."
    asked: int
    "The size the study names."
    fingerprint: str
    "Of the examples; the id of the work where they are yet to be made."
    validation_fingerprint: str
    "Of the rows to validate on; empty without any."
    n_rows: int
    "Rows in all parts."
    data_id: str = ""
    "The work that makes the rows; empty where they are here."

    @property
    def fingerprints(self) -> list[str]:
        """Return what enters ids: of the examples, and of the rows to validate on."""
        return [self.fingerprint, self.validation_fingerprint]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What stands before the queries of a test set."""

    examples: tuple[Example, ...]
    "Before every query, in order, fewer than asked where the pool has no more; empty where each query has its own."
    fingerprint: str
    "Of these, or of all that a context may choose from."
    n_at_hand: int = 0
    "Demonstrations that could be shown; as many as asked where none are."

    @property
    def n_shown(self) -> int:
        """Count what stands before every query."""
        return len(self.examples)


def training_set(name: str, parts: Sequence[RowsOfTask], asked: int) -> TrainingSet:
    """Return rows as a training set with their fingerprints."""
    examples = [row for part in parts for row in part.examples]
    validation = [row for part in parts for row in part.validation]
    checked = fingerprint(validation) if validation else ""
    return TrainingSet(name, tuple(parts), asked, fingerprint(examples), checked, len(examples))
