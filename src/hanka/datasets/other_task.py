"""The rows of a data set of the source asked as another task: `datasets: {NAME: {task: TASK, of: DATASET}}` → a Dataset.

Splits, order, row ids and groups are the source's, and so are the streams that draw rows and demonstrations: what is asked
twice is asked with the same ones. Fields are mapped and targets checked as in a user's own files (see `own_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hanka.datasets.base import Dataset, FileRead, Origin, Reading
from hanka.datasets.own_rows import OwnSpec, asked_rows
from hanka.records import Example, Split


def as_other_task(name: str, spec: OwnSpec, origin: Dataset, labels: tuple[str, ...]) -> Dataset:
    """Make the Dataset that asks the rows of `origin` as `spec` says; they are read on load.

    labels: of the task of `origin`; empty where the targets are others.
    """
    rows = _Rows(name, spec, origin)
    return replace(
        origin,
        name=name,
        task=spec.task,
        domain=spec.domain,
        source=rows.place,
        licence=spec.licence,
        read=rows.read,
        reading=rows.reading,
        origin=Origin(origin, labels, rows.published),
    )


@dataclass(slots=True)
class _Rows:
    """The rows of one data set, each split asked anew once."""

    name: str
    spec: OwnSpec
    origin: Dataset
    published: dict[str, Example] = field(default_factory=dict)
    _read: dict[tuple[Split, int | None], FileRead] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return what readers are told of where the rows come from."""
        return f"{self.origin.name} ({self.origin.source})"

    def read(self, split: Split, size: int | None) -> list[Example]:
        """Return the rows of a split in the order of the source."""
        key = (split, size)
        if key not in self._read:
            rows = self.origin.load(split, size)
            self.published.update((row.id, row) for row in rows)
            self._read[key] = asked_rows(self.name, self.spec, split, self.place, rows)
        return list(self._read[key].examples)

    def reading(self) -> Reading:
        """Return what was read so far: of each split the most rows, where a source has files of several sizes."""
        most: dict[Split, FileRead] = {}
        for read in sorted(self._read.values(), key=lambda one: one.n_rows):
            most[read.split] = read
        return Reading(tuple(most.values()), None)


def may_share_rows(one: Dataset, other: Dataset) -> bool:
    """Tell whether two data sets are of one task, or one asks rows that were made for the other's, or both those of a third."""
    if one.task == other.task:
        return True
    return (one.origin is not None or other.origin is not None) and _made_for(one) == _made_for(other)


def side_by_side(
    one: Dataset, rows: Sequence[Example], other: Dataset, others: Sequence[Example]
) -> tuple[Sequence[Example], Sequence[Example]]:
    """Return rows of two data sets that may share some, so that what is the same row has the same text.

    Of one task: as they are asked. Of two tasks: as the source has them, whatever fields each of them reads.
    """
    if one.task == other.task:
        return rows, others
    return _published(one, rows), _published(other, others)


def _made_for(dataset: Dataset) -> str:
    """Return the task that the rows of a data set were made for."""
    return dataset.task if dataset.origin is None else dataset.origin.dataset.task


def _published(dataset: Dataset, rows: Sequence[Example]) -> list[Example]:
    """Return rows as the source has them; what is compared of a row without fields is its text."""
    known = {} if dataset.origin is None else dataset.origin.rows
    found = (known.get(row.id, row) for row in rows)
    return [row if row.fields else replace(row, fields={"text": row.target}) for row in found]
