"""The Dataset contract: examples of one task from one domain, and the sources that hold datasets.

A dataset declares task, domain, source and licence. Relation (in domain, out of domain, cross task)
is derived from these declarations, never from a name or a path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from hanka.errors import DataError
from hanka.records import RELATIONS, Example, Relation, Split

Reader: TypeAlias = Callable[[Split, int | None], list[Example]]


class SkippedRow(NamedTuple):
    """A row of an own file that is not used."""

    place: str
    "Where it stands."
    kind: str
    "declared (the study leaves it out), unknown (its label is none), blank or broken."
    what: str
    "Why it is not used, for a reader."
    value: str = ""
    "The label it has, where that is the reason."


class FileRead(NamedTuple):
    """What reading one file that the user brings came to."""

    split: Split
    "What the study names it for."
    place: str
    "File or hub address."
    n_rows: int
    "Rows in it."
    skipped: tuple[SkippedRow, ...]
    "Those that are not used."
    examples: tuple[Example, ...]
    "The others, in the order of the file."


class SplitRecord(NamedTuple):
    """How the only file of a data set was split."""

    place: str
    "The file."
    test: float
    "Share of test rows that was asked."
    validation: float
    "Share of validation rows that was asked."
    seed: int
    "Of the split."
    n_groups: int
    "Groups that were kept whole: those of the column `group`, and rows of equal text."
    n_rows: Mapping[Split, int]
    "Rows that came into each split."


class Reading(NamedTuple):
    """What is known of the files that a user brings for a data set."""

    files: tuple[FileRead, ...]
    "Those that were read so far."
    split: SplitRecord | None
    "How one of them was split; None where every split has its own."


class Origin(NamedTuple):
    """The data set whose rows another one asks as another task."""

    dataset: Dataset
    "As its source has it."
    labels: tuple[str, ...]
    "Labels of its task, by which rows are drawn in turn, as for that task; empty where the targets are others."
    rows: Mapping[str, Example]
    "Row id → row as the source has it, of those that were read."


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Examples of one task from one domain."""

    name: str
    "Unique within its source; the name a study file uses."
    task: str
    "Task name."
    domain: str
    "Where the text comes from; equal domains are in-domain to each other."
    source: str
    "mini, paper, hub, japanese, toy, or the path of an own file."
    licence: str
    "Licence or terms of the text, as stated upstream."
    splits: tuple[Split, ...]
    "Which of train, test, demonstrations, validation and passages it has."
    read: Reader
    "(split, size) → examples. size picks the training file of that size where a source has several; it never cuts."
    one_training_file: bool = False
    "Whether every size reads the same training rows, so that they need to be read only once."
    note: str = ""
    "What a reader of results must know (synthetic, evaluation only, …)."
    reading: Callable[[], Reading] | None = None
    "Of files that the user brings, where they are looked at whole: what was read of them so far, and left out."
    origin: Origin | None = None
    "Whose rows these are, where they are asked as another task."
    changed_from: Dataset | None = None
    "Whose test rows these are, each changed, where a recipe perturbs them."
    chooses_for: Dataset | None = None
    "Whose rows to validate on these are, where they are asked so that something can be chosen by them."

    @property
    def rows_of(self) -> str:
        """Return the name of the data set whose rows these are; it names the streams that draw of them, so that draws agree."""
        if self.changed_from is not None:
            return self.changed_from.rows_of
        if self.chooses_for is not None:
            return self.chooses_for.rows_of
        return self.name if self.origin is None else self.origin.dataset.name

    def load(self, split: Split, size: int | None = None) -> list[Example]:
        """Read all examples of a split, in their published order. Raises DataError if the split is missing."""
        if split not in self.splits:
            raise DataError(
                f"dataset {self.name} has no {split} split (it has: {', '.join(self.splits)}): "
                f"name another dataset for that role in the study"
            )
        return self.read(split, size)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which datasets a task trains on and is tested on by default."""

    train: str | None
    "Dataset that is trained on; None for a task that is only tested."
    in_domain: tuple[str, ...]
    "Test sets of the training domain; the first one serves cross-task tests."
    out_of_domain: tuple[str, ...]
    "Test sets of other domains."


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A place that holds datasets: mini, paper, hub, japanese or toy."""

    name: str
    "The name a study file uses in `data.source`."
    description: str
    "One line for `hanka list datasets`."
    roles: Mapping[str, Roles]
    "Default roles, by task name."
    needs_path: bool
    "Whether the study must give `data.path`."
    catalogue: Callable[[Path | None], Mapping[str, Dataset]]
    "path → datasets by name. Light: reads no rows, downloads nothing; raises DataError for a missing folder."
    is_remote: bool = False
    "Whether its rows may have to be downloaded first."
    described: Callable[[], Mapping[str, Dataset]] | None = None
    "The same datasets for reading about them without a folder; None where `catalogue(None)` lists them."


def entries(source: Source) -> list[Dataset]:
    """List a source's datasets for reading about them."""
    return list((source.described() if source.described else source.catalogue(None)).values())


def relation(trained: Dataset, tested: Dataset) -> Relation:
    """Derive the relation of a tested dataset to a trained one from task and domain."""
    if trained.task != tested.task:
        return "cross_task"
    return "in_domain" if trained.domain == tested.domain else "out_of_domain"


def nearest_relation(trained: Sequence[Dataset], tested: Dataset) -> Relation:
    """Return the nearest relation of a tested dataset to any of the trained ones; cross_task where there is none."""
    found: list[Relation] = [relation(one, tested) for one in trained]
    return min(found, key=RELATIONS.index, default="cross_task")
