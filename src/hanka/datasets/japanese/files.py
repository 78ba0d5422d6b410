"""The files of one data set, each read once, and their splits.

    training file there    test: the whole file of test rows; train: rows that share no source text with it
    one file only          divided by source text: two fifths test, the rest trains, and that is recorded
    tested only            some demonstrations, and at most 2,000 of the other rows

Demonstrations come out of the training rows, a few per source text; what else shares one with them is left out. All
rows stand in a fixed hashed order, so that a size or a limit takes a fair sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanka.datasets.base import FileRead, Reading, SplitRecord
from hanka.datasets.japanese.entries import WHERE, Found, JapaneseEntry, find
from hanka.datasets.japanese.rows import Row, kept_apart
from hanka.datasets.splits import Shares, in_hash_order, reserve, split_in_three
from hanka.errors import DataError, DataMissingError
from hanka.records import Example, Split
from hanka.tasks import TASKS

TEST_SHARE = 0.4
MOST_TESTED = 2000
"Test rows of a data set that is not trained on."
N_TRAINED, N_TESTED = 16, 8
"Demonstrations of a data set that trains, and of one that only tests."


@dataclass(slots=True)
class Files:
    """What is read of one data set."""

    folder: Path
    "Folder that the user names."
    entry: JapaneseEntry
    "The data set."
    _read: dict[Split, FileRead] = field(default_factory=dict)
    _parts: Mapping[Split, list[Example]] = field(default_factory=dict)
    _record: SplitRecord | None = None

    def rows(self, split: Split, size: int | None) -> list[Example]:
        """Return the rows of a split; `size` has no meaning here. Raises DataError."""
        if not self._parts:
            self._parts = self._divided() if self.entry.trains else self._tested()
        return list(self._parts[split])

    def reading(self) -> Reading:
        """Return what was read so far."""
        return Reading(tuple(self._read.values()), self._record)

    def _tested(self) -> dict[Split, list[Example]]:
        rows = self._checked("test", self._file())
        shown, rest = reserve(kept_apart(rows), N_TESTED, self._salt("demonstrations"))
        return self._as_read(
            rows, {"test": in_hash_order(rest, self._salt("test"))[:MOST_TESTED], "demonstrations": shown}
        )

    def _divided(self) -> dict[Split, list[Example]]:
        own = find(self.folder, self.entry.train)
        if own is None:
            file = self._file()
            rows = self._checked("train", file)
            whole = kept_apart(rows)
            labelled = bool(TASKS.get(self.entry.task).labels)
            parts = split_in_three(whole, Shares(TEST_SHARE, 0.0, 0), labelled=labelled, what=str(file.path))
            test, train = parts.test, parts.train
        else:
            trained, tested = self._checked("train", own), self._checked("test", self._file())
            rows = [*tested, *trained]
            whole = kept_apart(rows)
            test = whole[: len(tested)]
            sides = {example.group for example in test}
            train = [example for example in whole[len(tested) :] if example.group not in sides]
        shown, rest = reserve(train, N_TRAINED, self._salt("demonstrations"), per_group=self.entry.per_group)
        found: dict[Split, list[Example]] = {
            "train": in_hash_order(rest, self._salt("train")),
            "test": in_hash_order(test, self._salt("test")),
            "demonstrations": shown,
        }
        if own is None:
            counts = {split: len(part) for split, part in found.items()}
            self._record = SplitRecord(str(file.path), TEST_SHARE, 0.0, 0, parts.n_groups, counts)
        return self._as_read(rows, found)

    def _as_read(self, rows: Sequence[Row], parts: Mapping[Split, list[Example]]) -> dict[Split, list[Example]]:
        """Return parts with the groups that statistics go by."""
        known = {row.example.id: row.example for row in rows}
        return {split: [known[example.id] for example in part] for split, part in parts.items()}

    def _file(self) -> Found:
        file = find(self.folder, self.entry.test)
        if file is None:
            names = " or ".join(known.names[0] for known in self.entry.test)
            upstream = self.entry.test[0].names[1]
            raise DataMissingError(f"dataset {self.entry.name}: no {names} (or {upstream}) in {self.folder}; {WHERE}")
        return file

    def _checked(self, split: Split, file: Found) -> list[Row]:
        """Read a file; raise DataError where it has not the rows that were published."""
        wanted = file.known.n_rows
        rows = self.entry.read(file.path, f"{self.entry.name}/{file.known.part}")
        if not rows or wanted not in (None, len(rows)):
            said = f"{wanted:,} rows" if wanted else "rows"
            raise DataError(f"{file.path}: expected {said}, found {len(rows):,}: not the published file; {WHERE}")
        if len({row.example.id for row in rows}) < len(rows):
            raise DataError(f"{file.path}: an id stands twice: not the published file; {WHERE}")
        self._read[split] = FileRead(split, str(file.path), len(rows), (), tuple(row.example for row in rows))
        return rows

    def _salt(self, part: str) -> str:
        return f"japanese/{self.entry.name}/{part}"
