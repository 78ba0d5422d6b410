"""The files of one data set of pairs, read once, and their splits.

    test            the test file; labels take turns in a hashed order while both last, so a limit takes as many matches as others
    validation      the validation file in the same order, MOST_VALIDATED rows at most: every training looks at all of them
    train           the training file without pairs that stand in one of the two, in a hashed order
    demonstrations  N_SHOWN of the training rows, labels in turn

A pair that stands in two files is left out of training, counted and named: in three published training files all validation pairs
stand, so that checkpoints were chosen on rows that were learnt. Rows about one left record of a split share a group: they are no
independent draws. Limits: as published, records stand in several splits; pairs do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hanka.datasets.base import FileRead, Reading, SkippedRow
from hanka.datasets.matching.layouts import Pair, Record, as_ditto, read_pairs
from hanka.datasets.matching.records import SERIALISATIONS
from hanka.datasets.splits import in_hash_order, interleaved
from hanka.errors import DataMissingError
from hanka.identity import sha256_text
from hanka.records import Example, Split

MOST_VALIDATED = 40
N_SHOWN = 8
YES, NO = "Yes", "No"
FILES: tuple[Split, ...] = ("test", "validation", "train")
"Splits that have files, those that are set apart first."


@dataclass(slots=True)
class PairFiles:
    """What is read of one data set, whichever way its records are written."""

    name: str
    "Of the data set."
    paths: Mapping[Split, Path]
    "Split → file."
    where: str
    "What to say of a file that is missing."
    _read: dict[Split, tuple[list[Pair], list[SkippedRow], int]] = field(default_factory=dict)

    def pairs(self, split: Split) -> tuple[list[Pair], list[SkippedRow], int]:
        """Return usable pairs of a file, what is left out of it, and its lines. Raises DataError."""
        if split not in self._read:
            if split not in self.paths:
                raise DataMissingError(f"dataset {self.name} has no file of {split} pairs; {self.where}")
            pairs, skipped, n_lines = read_pairs(self.paths[split], f"{self.name}/{split}")
            if split == "train":
                pairs = self._set_apart(pairs, skipped)
            self._read[split] = pairs, skipped, n_lines
        return self._read[split]

    def _set_apart(self, pairs: list[Pair], skipped: list[SkippedRow]) -> list[Pair]:
        """Leave out training pairs that are asked elsewhere."""
        taken = {
            pair.key: split for split in ("validation", "test") if split in self.paths for pair in self.pairs(split)[0]
        }
        for pair in pairs:
            if pair.key in taken:
                what = f"the pair stands among the {taken[pair.key]} pairs, too"
                skipped.append(SkippedRow(f"{self.paths['train'].name} pair {pair.id}", "shared", what))
        return [pair for pair in pairs if pair.key not in taken]


@dataclass(slots=True)
class PairRows:
    """One data set: the pairs of its files with records written in one way."""

    files: PairFiles
    "Its files."
    serialisation: str
    "A key of SERIALISATIONS."
    _parts: dict[Split, list[Example]] = field(default_factory=dict)
    _blank: dict[Split, list[SkippedRow]] = field(default_factory=dict)

    def rows(self, split: Split, size: int | None) -> list[Example]:
        """Return the rows of a split; `size` has no meaning here. Raises DataError."""
        if split not in self._parts:
            self._make(split)
        return list(self._parts[split])

    def _make(self, split: Split) -> None:
        name = self.files.name
        if split in ("train", "demonstrations"):
            ordered = in_hash_order(self._examples("train"), f"matching/{name}/train")
            shown = interleaved(ordered)[:N_SHOWN]
            ids = {row.id for row in shown}
            self._parts["train"] = [row for row in ordered if row.id not in ids]
            self._parts["demonstrations"] = shown
            return
        ordered = interleaved(in_hash_order(self._examples(split), f"matching/{name}/{split}"))
        self._parts[split] = ordered[:MOST_VALIDATED] if split == "validation" else ordered

    def _examples(self, split: Split) -> list[Example]:
        write, blank = SERIALISATIONS[self.serialisation], self._blank.setdefault(split, [])
        found = []
        for pair in self.files.pairs(split)[0]:
            if write(pair.left) and write(pair.right):
                found.append(to_example(pair, write, split))
            else:
                blank.append(
                    SkippedRow(f"{self.files.paths[split].name} pair {pair.id}", "blank", "a side has no text")
                )
        return found

    def reading(self) -> Reading:
        """Return what was read so far."""
        files = []
        for split in FILES:
            if split in self._blank:  # read by this data set
                _, skipped, n_lines = self.files.pairs(split)
                parts: tuple[Split, ...] = ("train", "demonstrations") if split == "train" else (split,)
                rows = tuple(row for part in parts for row in self._parts.get(part, ()))
                files.append(
                    FileRead(split, str(self.files.paths[split]), n_lines, (*skipped, *self._blank[split]), rows)
                )
        return Reading(tuple(files), None)


def to_example(pair: Pair, write: Callable[[Record], str], split: str) -> Example:
    """Return a pair as a row: two texts that are asked with, and both records, which are not."""
    left = as_ditto(pair.left)
    fields = {
        "left": write(pair.left),
        "right": write(pair.right),
        "left_record": left,
        "right_record": as_ditto(pair.right),
    }
    return Example(pair.id, fields, YES if pair.is_match else NO, f"{split}/{sha256_text(left)[:16]}")
