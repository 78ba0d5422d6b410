"""A pool of texts without labels: what can be drawn from it, and what is left out, counted by reason.

First step of `hanka sample`. Left out are rows that cannot be read, rows without text, texts that are labelled already (equal or nearly
equal to one of those given), and near-duplicates: of texts alike the first stands for all, and knows how many they are. Alike
means what the audits mean (`datasets.overlap`): word 5-grams shared by four in five, case and spaces folded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka.datasets.files import Row, read_rows
from hanka.datasets.overlap import near_duplicates_within, near_overlap
from hanka.datasets.repeats import joined
from hanka.errors import DataError, nearest
from hanka.records import Example

USUAL = ("text", "input", "prompt", "question", "sentence", "message", "query", "content")
"Columns that a text is looked for in where none is named."
NOT_STATED = "(not stated)"
"Source of rows without one."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that can be drawn."""

    row: Mapping[str, Any]
    "The row as it stands in the file."
    text: str
    "What is to be labelled."
    source: str
    "Stratum; empty where there are none."
    n_alike: int
    "Rows of the pool that it stands for, itself among them."


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """What can be drawn."""

    path: Path
    "The file."
    sha256: str
    "Of the file."
    n_rows: int
    "Rows of the file."
    text: str
    "Column of the text."
    candidates: tuple[Candidate, ...]
    "In the order of the file."
    left_out: Mapping[str, int]
    "Reason → rows: unreadable, without text, labelled already, alike."

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the file."""
        return tuple(dict.fromkeys(name for one in self.candidates for name in one.row))


def read_pool(path: Path, text: str = "", by: str = "", labelled: Sequence[str] = ()) -> Pool:
    """Read a pool. Raises DataError in one line where a column is missing, or nothing is left to draw.

    text, by: columns of the text and of the source; empty: the usual name, no strata. labelled: texts that have a label.
    """
    rows = _read(path)
    names = {name for row in rows for name in row.values}
    column = text or _usual(path, names)
    for option, name in (("--text", column), ("--by", by)):
        if name and name not in names:
            raise DataError(f"{option} {name!r}: {path} has no such column: {nearest(name, names)}")
    left_out: Counter[str] = Counter({"unreadable": sum(bool(row.fault) for row in rows)})
    found = [(row, str(row.values.get(column) or "")) for row in rows if not row.fault]
    kept = [(row, said) for row, said in found if said.strip()]
    left_out["without text"] = len(found) - len(kept)
    fresh = _not_labelled(kept, labelled)
    left_out["labelled already"] = len(kept) - len(fresh)
    candidates = _first_of_alike(fresh, by)
    left_out["alike"] = len(fresh) - len(candidates)
    if not candidates:
        said = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if count)
        raise DataError(f"{path}: nothing is left to draw of {len(rows):,} rows ({said})")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Pool(path, digest, len(rows), column, tuple(candidates), {name: n for name, n in left_out.items() if n})


def read_texts(path: Path, text: str = "") -> list[str]:
    """Read the texts of a file of labelled rows. Raises DataError where it cannot be read or has no such column."""
    rows = [row for row in _read(path) if not row.fault]
    names = {name for row in rows for name in row.values}
    column = text if text in names else _usual(path, names)
    return [said for row in rows if (said := str(row.values.get(column) or "")).strip()]


def _read(path: Path) -> list[Row]:
    if not path.exists():
        raise DataError(f"{path} does not exist: name a file of rows (.jsonl, .json, .csv, .tsv or .parquet)")
    return read_rows(path)


def _usual(path: Path, names: set[str]) -> str:
    known = {name.casefold(): name for name in sorted(names)}
    found = next((known[name] for name in USUAL if name in known), "")
    if found or len(names) == 1:
        return found or next(iter(names))
    raise DataError(f"{path}: which column holds the text? Say --text COLUMN: {', '.join(sorted(names))}")


def _example(place: int | str, text: str) -> Example:
    return Example(str(place), {"text": text}, "")


def _not_labelled(rows: Sequence[tuple[Row, str]], labelled: Sequence[str]) -> list[tuple[Row, str]]:
    if not labelled:
        return list(rows)
    others = [_example(place, said) for place, said in enumerate(dict.fromkeys(labelled))]
    alike = near_overlap([_example(place, said) for place, (_, said) in enumerate(rows)], others)
    known = {int(one.first) for one in alike}
    return [one for place, one in enumerate(rows) if place not in known]


def _first_of_alike(rows: Sequence[tuple[Row, str]], by: str) -> list[Candidate]:
    """Keep the first of texts alike, also where they are so through others."""
    keys: list[list[int]] = [[] for _ in rows]
    pairs = near_duplicates_within([_example(place, said) for place, (_, said) in enumerate(rows)])
    for number, pair in enumerate(pairs):
        for place in (int(pair.first), int(pair.second)):
            keys[place].append(number)
    roots = joined(keys)
    sizes = Counter(roots)
    return [
        Candidate(row.values, said, _source(row, by), sizes[place])
        for place, (row, said) in enumerate(rows)
        if roots[place] == place
    ]


def _source(row: Row, by: str) -> str:
    if not by:
        return ""
    found = row.values.get(by)
    return NOT_STATED if found is None or not str(found).strip() else str(found).strip()
