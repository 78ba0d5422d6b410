"""Rows of a log → answers, each with its unit, arm and outcomes; whatever is not used is counted, with where it stands.

Second step of `hanka ab test`. A row that cannot be used never stops a test and is never dropped in silence: `Counted` holds how
many and the first places. A value that is no number (a text, NaN, infinity, beyond ±1e100) is `unreadable`, an empty one `missing`; neither is an
answer, and neither is 0. Limits: the whole log is read into memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hanka.datasets.files import READERS, Row, read_rows
from hanka.errors import DataError, nearest
from hanka.operations.ab.design import Design, Fields

PLACES = 3
"Places that a count names."
LARGEST = 1e100
"Beyond it a value is no measurement, and its square no number."
WORDS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
"Texts of a share."
EMPTY = ("", "null", "none", "na", "n/a")
"Texts that stand for a value that is not known."
OPTIONAL = ("item", "id", "time", "value")
"Columns that a log need not have."
KINDS: Mapping[str, str] = {
    "malformed": "cannot be read",
    "no_unit": "name no unit",
    "no_arm": "name no arm",
    "unknown_arm": "are of an arm that the design does not have",
    "duplicate": "came before with the same outcome, and count once",
    "completed": "came before; what was missing then is taken from them",
    "conflicting": "came before with another outcome, arm or unit; the first stays",
    "unreadable": "hold a value that is no number; it counts as missing",
}
"What may be said of a row, and how."


class Answer(NamedTuple):
    """One row of the log that belongs to an arm."""

    unit: str
    arm: str
    item: str
    "Empty where the log has no items."
    values: tuple[float | None, ...]
    "Of the metric, the guardrails and, where there is one, the user's own value; None: missing or unreadable."


@dataclass(slots=True)
class Counted:
    """Rows by what is wrong with them."""

    rows: int = 0
    "All rows of the log."
    found: dict[str, int] = field(default_factory=dict)
    "Kind → rows."
    places: dict[str, list[str]] = field(default_factory=dict)
    "Kind → where the first of them stand."

    def add(self, kind: str, place: str) -> None:
        """Count a row."""
        self.found[kind] = self.found.get(kind, 0) + 1
        places = self.places.setdefault(kind, [])
        if len(places) < PLACES:
            places.append(place)

    def __getitem__(self, kind: str) -> int:
        return self.found.get(kind, 0)


class Column(NamedTuple):
    """A column that holds outcomes."""

    name: str
    "What it is called in results."
    field: str
    "Column of the log."
    kind: Literal["share", "mean"]


class Log(NamedTuple):
    """What a log says of a test."""

    answers: tuple[Answer, ...]
    columns: tuple[Column, ...]
    "What `Answer.values` hold: the metric first, then the guardrails, then the user's own value where there is one."
    counted: Counted
    has: frozenset[str]
    "Which of unit, item, id, time and value the log has."


def read_log(paths: Sequence[Path], design: Design) -> Log:
    """Read the answers of a test. Raises DataError where a file cannot be read, a column is not there, or no row is of an arm."""
    rows = log_rows(paths)
    names = {name for row in rows for name in row.values}
    has = _present(design.fields, names)
    columns = _columns(design, has)
    for column in (design.fields.arm, *(column.field for column in columns)):
        if column not in names:
            raise DataError(f"{paths[0]} has no column {column!r}: {nearest(column, names)}; or map it with `fields`")
    reader = _Reader(design, columns, has)
    for row in rows:
        reader.read(row)
    if not reader.answers:
        arms = sorted({str(row.values.get(design.fields.arm)) for row in rows})[:5]
        raise DataError(f"{paths[0]}: no row is of an arm of the design ({', '.join(design.arms)}); the log has {arms}")
    return Log(tuple(reader.answers), columns, reader.counted, has)


def log_rows(paths: Sequence[Path]) -> list[Row]:
    """Read all rows of some files. Raises DataError in one line for one that cannot be read."""
    rows: list[Row] = []
    for path in paths:
        if path.suffix.lower() not in READERS:
            raise DataError(f"{path} has suffix {path.suffix!r}: a log is one of {', '.join(READERS)}")
        if not path.exists():
            raise DataError(f"{path}: there is no such log")
        rows += read_rows(path)
    return rows


def arms_of(rows: Iterable[Row], fields: Fields) -> tuple[str, ...]:
    """Return the arms that occur, in alphabetical order."""
    return tuple(sorted({text for row in rows if (text := id_text(row.values.get(fields.arm)))}))


def kind_of(rows: Iterable[Row], column: str) -> Literal["share", "mean"]:
    """Tell what a column holds: a share where every value that can be read is true, false, yes, no, 1 or 0."""
    is_share = False
    for row in rows:
        value = row.values.get(column)
        if not math.isnan(_number(value, "share")):
            is_share = True
        elif not math.isnan(_number(value, "mean")):
            return "mean"
    return "share" if is_share else "mean"


def _present(fields: Fields, names: set[str]) -> frozenset[str]:
    """Return which of the columns that a log need not have are there. Raises DataError where one that was mapped is not."""
    for name in ("unit", *OPTIONAL):
        column = getattr(fields, name)
        if column not in names and column != Fields.model_fields[name].default:
            raise DataError(f"the log has no column {column!r} (`{name}` of the design): {nearest(column, names)}")
    has = frozenset(name for name in ("unit", *OPTIONAL) if getattr(fields, name) in names)
    if not has & {"unit", "item"}:
        raise DataError(
            f"the log has neither {fields.unit!r} nor {fields.item!r}: map who was assigned with `fields: unit`"
        )
    return has


def _columns(design: Design, has: frozenset[str]) -> tuple[Column, ...]:
    found = [Column(design.metric.name, design.fields.outcome, design.metric.kind)]
    found += [Column(name, rail.field, rail.kind) for name, rail in design.guardrails.items()]
    if "value" in has:
        found.append(Column("value", design.fields.value, "mean"))
    return tuple(found)


class _Reader:
    """Reads rows one by one and remembers what it has seen."""

    def __init__(self, design: Design, columns: tuple[Column, ...], has: frozenset[str]) -> None:
        self.design, self.columns, self.has = design, columns, has
        self.counted = Counted()
        self.answers: list[Answer] = []
        self.seen: dict[tuple[str, ...], int] = {}
        fields = design.fields
        self.names = ("id",) if "id" in has else tuple(name for name in ("item", "time") if name in has)
        self.key_columns = [getattr(fields, name) for name in self.names]
        self.unit_column = fields.unit if "unit" in has else fields.item

    def read(self, row: Row) -> None:
        """Take a row's answer; one that cannot be used is counted."""
        self.counted.rows += 1
        if row.fault:
            self.counted.add("malformed", row.place)
            return
        unit, arm = id_text(row.values.get(self.unit_column)), id_text(row.values.get(self.design.fields.arm))
        wrong = "no_unit" if not unit else "no_arm" if not arm else "" if arm in self.design.arms else "unknown_arm"
        if wrong:
            self.counted.add(wrong, row.place)
            return
        item = id_text(row.values.get(self.design.fields.item)) if "item" in self.has else ""
        answer = Answer(unit, arm, item, tuple(self._value(row, column) for column in self.columns))
        key = tuple(id_text(row.values.get(column)) for column in self.key_columns)
        if self.key_columns and all(key):
            place = self.seen.setdefault(key if self.names == ("id",) else (unit, arm, *key), len(self.answers))
            if place < len(self.answers):
                self._repeated(place, answer, row.place)
                return
        self.answers.append(answer)

    def _value(self, row: Row, column: Column) -> float | None:
        given = row.values.get(column.field)
        if given is None or (isinstance(given, str) and given.strip().lower() in EMPTY):
            return None
        number = _number(given, column.kind)
        if math.isnan(number):
            self.counted.add("unreadable", f"{row.place} {column.field}")
            return None
        return number

    def _repeated(self, at: int, answer: Answer, place: str) -> None:
        """Count a row that came before; what was missing then, such as a label that came later, is taken from it."""
        before = self.answers[at]
        pairs = list(zip(before.values, answer.values, strict=True))
        moved = (before.unit, before.arm) != (answer.unit, answer.arm)
        if moved or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            self.counted.add("conflicting", place)
            return
        merged = tuple(first if first is not None else second for first, second in pairs)
        self.counted.add("duplicate" if merged == before.values else "completed", place)
        self.answers[at] = before._replace(values=merged)


def id_text(value: Any) -> str:
    """Return an id or a name as text, as it stands; empty for none, and 12 for 12.0, which is how tables store whole numbers."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text if text.strip() else ""


def _number(value: Any, kind: str) -> float:
    """Return a value as a number; NaN for what is none."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if kind == "share" and word in WORDS:
            return WORDS[word]
        try:
            value = float(word)
        except ValueError:
            return math.nan
    if not isinstance(value, (int, float, Decimal)) or not -LARGEST <= value <= LARGEST:
        return math.nan
    return float(value) if kind == "mean" or value in (0, 1) else math.nan
