"""Published layouts of labelled pairs → pairs of records; a line that is none of them is counted, never dropped in silence.

    ditto       COL name VAL text COL price VAL 9.99 \\t COL name VAL … \\t 1          one pair a line, as text
    JSON lines  {"title_left": …, "price_left": …, "title_right": …, "label": 1}       plain or .gz, as WDC Products and TailorMatch

Source: Li et al. (2020), arXiv 2004.00584 (ditto); Peeters, Der & Bizer (2023), arXiv 2301.09521 (WDC Products); Steiner, Peeters & Bizer
(2024), arXiv 2409.08185 (TailorMatch). Limits: a value that itself holds `COL … VAL` is read as two attributes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka.datasets.base import SkippedRow
from hanka.errors import DataError

Record = Mapping[str, str]
"Attribute → text, in the order of the file; empty texts are kept."

ATTRIBUTE = re.compile(r"COL\s+(\S+)\s+VAL(?:\s|$)")
SIDES = ("_left", "_right")
IDS = ("id", "cluster_id", "pair_id")
"Attributes that name a record and say nothing of it."
LABELS: Mapping[str, bool] = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records and whether they mean the same."""

    id: str
    "Of its line."
    left: Record
    "First record."
    right: Record
    "Second record."
    is_match: bool
    "Label."

    @property
    def key(self) -> tuple[str, str]:
        """What two lines share that hold the same pair."""
        return as_ditto(self.left), as_ditto(self.right)


def as_ditto(record: Record) -> str:
    """Write a record as `COL name VAL text …`."""
    return " ".join(f"COL {name} VAL {text}".rstrip() for name, text in record.items())


def read_record(text: str) -> dict[str, str]:
    """Read a record written as `COL name VAL text …`; {} where the text is none, ValueError where a name stands twice."""
    found = list(ATTRIBUTE.finditer(text))
    if not found or text[: found[0].start()].strip():
        return {}
    ends = [*(one.start() for one in found[1:]), len(text)]
    record: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        if match[1] in record:
            raise ValueError(f"attribute {match[1]!r} stands twice")
        record[match[1]] = " ".join(text[match.end() : end].split())
    return record


def read_pairs(path: Path, name: str) -> tuple[list[Pair], list[SkippedRow], int]:
    """Read a file of pairs: pairs, lines that cannot be used with the reason, and how many lines there are.

    name: begins the ids. Raises DataError where the file cannot be read or holds no pair.
    """
    is_ditto = path.suffix == ".txt"
    pairs: list[Pair] = []
    skipped: list[SkippedRow] = []
    n_lines = 0
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        n_lines += 1
        try:
            pairs.append(_ditto(line, f"{name}/{number}") if is_ditto else _json(line, f"{name}/{number}"))
        except ValueError as error:
            skipped.append(SkippedRow(f"{path.name} line {number}", "broken", str(error)))
    if not pairs:
        why = f"; the first: {skipped[0].what}" if skipped else ""
        raise DataError(
            f"{path} holds no pair of records in {n_lines} lines{why}; expected `COL name VAL text … \\t … \\t 0 or 1`, or JSON lines"
        )
    return pairs, skipped, n_lines


def _lines(path: Path) -> Iterator[str]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error})") from error
    yield from text.split("\n")


def _ditto(line: str, id_: str) -> Pair:
    parts = line.rstrip("\r").split("\t")
    if len(parts) != 3:
        raise ValueError(f"{len(parts)} columns instead of 3: two records and a label")
    left, right = read_record(parts[0]), read_record(parts[1])
    if not left or not right:
        raise ValueError("a side is no `COL name VAL text …`")
    return Pair(id_, left, right, _label(parts[2]))


def _json(line: str, id_: str) -> Pair:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, Mapping):
        raise ValueError("no JSON object")
    left, right = (_side(value, side) for side in SIDES)
    if not left or not right:
        raise ValueError("no attributes such as title_left and title_right")
    if "label" not in value:
        raise ValueError("no `label`")
    return Pair(id_, left, right, _label(str(value["label"])))


def _side(value: Mapping[str, Any], side: str) -> dict[str, str]:
    """Return the attributes of one side; ids are no descriptions."""
    names = [name for name in value if name.endswith(side) and name.removesuffix(side) not in IDS]
    return {
        name.removesuffix(side): "" if value[name] is None else " ".join(str(value[name]).split()) for name in names
    }


def _label(text: str) -> bool:
    found = LABELS.get(text.strip().casefold())
    if found is None:
        raise ValueError(f"label {text.strip()[:20]!r} is neither 0 nor 1")
    return found
