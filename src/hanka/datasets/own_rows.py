"""The rows of one file of a user as examples, every one checked: kept, or left out for a reason that is counted.

Called by `own`. A row is left out because the study says so (`labels: {value: null}`), because its label is none of the
task's (`unknown`), or because it is blank or broken (`broken`). More than the declared share of these, by default any,
ends the load with one line that names what, where, how many and what to do. Nothing is dropped in silence: `audits`
counts what was left out.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hanka.datasets.base import FileRead, SkippedRow
from hanka.datasets.files import Row, read_rows
from hanka.datasets.hub_rows import PREFIX, open_hub, parse_address
from hanka.datasets.splits import Shares
from hanka.errors import DataError, nearest
from hanka.records import Example, Split
from hanka.tasks.messages import COLUMNS, MESSAGES, answered, conversation

PASSAGE = "text"
"Field of a passage, and the column it is read from unless `fields` names another."
MOST_NAMED = 4
"Values and places that a message names."
MOST_ADVISED = 0.5
"A share of rows above this is no slip, and a message does not offer to leave them out."


@dataclass(frozen=True, slots=True)
class OwnSpec:
    """One entry of a study's `datasets:`, with the input fields of its task."""

    task: str
    "Task name; empty where there are passages only."
    domain: str
    "Where the text comes from."
    inputs: tuple[str, ...]
    "Input fields of the task's prompts."
    train: str | None = None
    "File or hub dataset with training rows."
    test: str | None = None
    "File or hub dataset with test rows."
    demonstrations: str | None = None
    "File or hub dataset with demonstrations; None sets rows of train (else of test) aside."
    validation: str | None = None
    "File or hub dataset with rows to choose variants by; None: a study may set training rows aside."
    passages: str | None = None
    "File or hub dataset with texts to look up."
    fields: Mapping[str, str] = field(default_factory=dict)
    "Task field → column; `output` is the target, `id` and `group` are optional; others keep their names."
    labels: Mapping[str, str | None] = field(default_factory=dict)
    "Value in the target column → label word, or None to leave its rows out; other values are kept as they are."
    words: tuple[str, ...] = ()
    "Labels of the task; empty where any text is a target."
    refusal: Callable[[Example], str] | None = None
    "Why a row's own target is no right answer of the task, empty where it is; None: any text is one."
    unknown: float = 0.0
    "Share of a file's rows that may have a target that is no label; they are left out."
    broken: float = 0.0
    "Share of a file's rows that may be blank or broken; they are left out."
    split: Shares | None = None
    "How the rows of `train` are divided among training, validation and test; None: they all are training rows."
    turns: str = "last"
    "Which turns of a conversation are trained on: the last answer, or all of them."
    slices: tuple[str, ...] = ()
    "Columns that results are also shown by; a row may leave them empty."
    licence: str = "not stated"
    "Licence or terms of the text."

    def places(self) -> dict[Split, str]:
        """Return what is given, by split."""
        given: dict[Split, str | None] = {
            "train": self.train,
            "test": self.test,
            "demonstrations": self.demonstrations,
            "validation": self.validation,
            "passages": self.passages,
        }
        return {split: place for split, place in given.items() if place is not None}


class _LeftOutError(Exception):
    """A row that is not used, with its kind and reason."""

    def __init__(self, kind: str, what: str, value: str = "") -> None:
        self.kind, self.what, self.value = kind, what, value
        super().__init__(what)


def checked_rows(name: str, spec: OwnSpec, split: Split, place: str) -> FileRead:
    """Read and check every row of one place. Raises DataError in one line; see the module docstring."""
    rows = _rows(split, place)
    readable = next(row for row in rows if not row.fault)
    spec = _with_column_of_messages(spec, readable)
    answer = () if MESSAGES in spec.inputs and "output" not in spec.fields else ("output",)
    named = tuple(key for key in ("id", "group") if key in spec.fields)
    needed = (PASSAGE,) if split == "passages" else (*spec.inputs, *answer, *named)
    _check_columns(name, spec, needed, readable)
    if split == "test" or (split == "train" and spec.split is not None):
        _check_slices(name, spec, readable)
    examples: list[Example] = []
    skipped: list[SkippedRow] = []
    seen: dict[str, str] = {}
    for position, row in enumerate(rows):
        default_id = f"{name}/{split}/{position:06d}"
        try:
            made = [_passage(spec, row, default_id)] if split == "passages" else _examples(spec, row, split, default_id)
        except _LeftOutError as why:
            skipped.append(SkippedRow(row.place, why.kind, why.what, why.value))
            continue
        for example in made:
            if example.id in seen:
                raise DataError(
                    f"{row.place}: id {example.id!r} was already used at {seen[example.id]}: ids must differ"
                )
            seen[example.id] = row.place
        examples += made
    return _usable(name, spec, FileRead(split, place, len(rows), tuple(skipped), tuple(examples)))


def asked_rows(name: str, spec: OwnSpec, split: Split, place: str, rows: Sequence[Example]) -> FileRead:
    """Ask rows that are examples already as those of another task, each checked like a row of a file.

    Ids, groups, slices and order stay. `spec.fields` maps a field of the task, or `output`, to a field of the rows; their
    target is their field `output`. Raises DataError in one line.
    """
    for key in (*spec.inputs, "output") if rows else ():
        known = (*rows[0].fields, "output")
        if (found := spec.fields.get(key, key)) not in known:
            raise DataError(
                f"dataset {name}: rows of {place} have no field {found!r} for field {key!r}: {nearest(found, known)}; map it "
                f"with fields: {{{key}: FIELD}}"
            )
    examples: list[Example] = []
    skipped: list[SkippedRow] = []
    for number, row in enumerate(rows, start=1):
        values = {**row.fields, "output": row.target}
        fields = {key: values[spec.fields.get(key, key)] for key in spec.inputs}
        try:
            target = _label(spec, values[spec.fields.get("output", "output")])
            examples.append(_accepted(spec, replace(row, fields=fields, target=target)))
        except _LeftOutError as why:
            skipped.append(SkippedRow(f"{split} row {number}", why.kind, why.what, why.value))
    read = FileRead(split, place, len(rows), tuple(skipped), tuple(examples))
    return _usable(name, spec, read) if rows else read


def _usable(name: str, spec: OwnSpec, read: FileRead) -> FileRead:
    """Return what was read; raise DataError where more of it is not used than the study allows, or nothing is left."""
    _require_readable(spec, read)
    _require_known_labels(name, spec, read)
    if not read.examples:
        first = read.skipped[0]
        raise DataError(f"{read.place}: none of {read.n_rows} rows is left: {first.place} {first.what}")
    return read


def _rows(split: Split, place: str) -> list[Row]:
    if not place.startswith(PREFIX):
        return read_rows(Path(place))
    opened = open_hub(parse_address(place, split))
    rows = [Row(f"{place} row {number}", values) for number, values in enumerate(opened, start=1)]
    if not rows:
        raise DataError(f"{place} has no rows")
    return rows


def _check_columns(name: str, spec: OwnSpec, needed: Sequence[str], row: Row) -> None:
    """Check on the first row that every mapped column exists, and name the nearest one."""
    for key in needed:
        column = spec.fields.get(key, key)
        if column not in row.values:
            file = row.place.rpartition(":")[0] or row.place
            raise DataError(
                f"dataset {name}: {file} has no column {column!r} for field {key!r}: {nearest(column, row.values)}; "
                f"map it with fields: {{{key}: COLUMN}}"
            )


def _check_slices(name: str, spec: OwnSpec, row: Row) -> None:
    """Check on the first row that is tested on that the columns of `slices` exist; other splits may lack them."""
    for column in spec.slices:
        if column not in row.values:
            file = row.place.rpartition(":")[0] or row.place
            raise DataError(
                f"dataset {name}: {file} has no column {column!r} to show results by: {nearest(column, row.values)}"
            )


# ---- one row


def _with_column_of_messages(spec: OwnSpec, row: Row) -> OwnSpec:
    """Find the column of conversations where the study does not name it."""
    if MESSAGES not in spec.inputs or MESSAGES in spec.fields:
        return spec
    found = next((column for column in COLUMNS if column in row.values), MESSAGES)
    return replace(spec, fields={**spec.fields, MESSAGES: found})


def _examples(spec: OwnSpec, row: Row, split: Split, default_id: str) -> list[Example]:
    """Read a row: one example, or of a conversation one for each turn that is answered."""
    if MESSAGES not in spec.inputs or "output" in spec.fields:
        return [_example(spec, row, default_id)]
    if row.fault:
        raise _LeftOutError("broken", row.fault)
    column = spec.fields[MESSAGES]
    try:
        turns = conversation(row.values.get(column))
    except ValueError as why:
        raise _LeftOutError("broken", f"column {column!r} {why}") from None
    every = spec.turns == "all" and split in ("train", "validation")
    made = []
    for place, (before, answer) in enumerate(found := answered(turns, every=every), start=1):
        told = Row(row.place, {**row.values, column: before, "output": answer})
        example = _example(spec, told, default_id)
        if len(found) > 1:
            example = replace(example, id=f"{example.id}/{place}", group=example.group or example.id)
        made.append(example)
    return made


def _example(spec: OwnSpec, row: Row, default_id: str) -> Example:
    target = _label(spec, "" if _leaves_blank_out(spec, row) else _value(spec, row, "output").strip())
    fields = {key: _value(spec, row, key) for key in spec.inputs}
    example = Example(default_id, fields, target, slices={column: _shown(row, column) for column in spec.slices})
    if "id" in spec.fields:
        example = replace(example, id=_value(spec, row, "id"))
    if "group" in spec.fields:
        example = replace(example, group=_value(spec, row, "group"))
    return _accepted(spec, example)


def _accepted(spec: OwnSpec, example: Example) -> Example:
    """Return an example whose own target its task takes for right; raise for another."""
    if spec.refusal is not None and (why := spec.refusal(example)):
        raise _LeftOutError("broken", why)
    return example


def _shown(row: Row, column: str) -> str:
    """Return a cell of a slice as text; empty where it is missing."""
    value = row.values.get(column)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()


def _leaves_blank_out(spec: OwnSpec, row: Row) -> bool:
    """Tell whether a row has no label, and the study says what to do with such rows (`labels: {"": null}`)."""
    value = row.values.get(spec.fields.get("output", "output"))
    return not row.fault and "" in spec.labels and (value is None or (isinstance(value, str) and not value.strip()))


def _passage(spec: OwnSpec, row: Row, default_id: str) -> Example:
    """Read a passage; it has an id where its file has the column of ids."""
    found = _value(spec, row, "id") if spec.fields.get("id") in row.values else default_id
    return Example(found, {PASSAGE: _value(spec, row, PASSAGE)}, "")


def _label(spec: OwnSpec, value: str) -> str:
    """Return the target that a value stands for; raise for one that is left out, or that is no label."""
    if value in spec.labels:
        word = spec.labels[value]
        if word is None:
            raise _LeftOutError("declared", f"{value!r} is left out, as `labels` says", value)
        return word
    if value in spec.words or not (spec.words or any(spec.labels.values())):
        return value
    raise _LeftOutError("unknown", f"{value!r} is no label", value)


def _value(spec: OwnSpec, row: Row, key: str) -> str:
    """Return a cell as text; raise for a row without it."""
    if row.fault:
        raise _LeftOutError("broken", row.fault)
    column = spec.fields.get(key, key)
    value: Any = row.values.get(column)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    if value is None or isinstance(value, str):
        raise _LeftOutError("blank", f"column {column!r} is empty")
    if isinstance(value, float):
        raise _LeftOutError("blank", f"column {column!r} is {value}, which is no value")
    kind = (
        "a list"
        if isinstance(value, (list, tuple))
        else "an object"
        if isinstance(value, dict)
        else type(value).__name__
    )
    raise _LeftOutError("broken", f"column {column!r} is {kind}, not text")


# ---- all rows


def _require_readable(spec: OwnSpec, read: FileRead) -> None:
    """Raise DataError where more rows are blank or broken than the study allows."""
    wrong = [one for one in read.skipped if one.kind in ("blank", "broken")]
    if len(wrong) <= spec.broken * read.n_rows:
        return
    first = wrong[0]
    gap = " " if first.what.startswith(("is ", "has ", "cannot ")) else ": "
    others = [one.place.rpartition("/")[2] for one in wrong[1:MOST_NAMED]]
    also = f"; also {', '.join(others)}{', …' if len(wrong) > MOST_NAMED else ''}" if others else ""
    verb, them = ("is", "it") if len(wrong) == 1 else ("are", "them")
    share = _share(len(wrong), read.n_rows)
    advice = f", or leave such rows out with `broken: {share:g}`" if share <= MOST_ADVISED else ""
    raise DataError(
        f"{first.place}{gap}{first.what} ({len(wrong)} of {read.n_rows} rows {verb} blank or broken{also}): mend "
        f"{them}{advice}"
    )


def _require_known_labels(name: str, spec: OwnSpec, read: FileRead) -> None:
    """Raise DataError where more rows have a target that is no label than the study allows."""
    unknown = [one for one in read.skipped if one.kind == "unknown"]
    if len(unknown) <= spec.unknown * read.n_rows:
        return
    words = [*spec.words, *(value for value, word in spec.labels.items() if word is not None)]
    by_value: dict[str, list[SkippedRow]] = {}
    for one in unknown:
        by_value.setdefault(one.value, []).append(one)
    values = sorted(by_value, key=lambda value: -len(by_value[value]))
    said = [
        f"{_short(value)!r} ({len(by_value[value])}, first in {by_value[value][0].place.rpartition('/')[2]}; "
        f"{_hint(value, words)})"
        for value in values[:MOST_NAMED]
    ]
    more = f", and {len(values) - MOST_NAMED} more values" if len(values) > MOST_NAMED else ""
    meant = {value: _likely(value, words) for value in values[:MOST_NAMED]}
    pairs = (
        ", ".join(f"{value!r}: {word!r}" for value, word in meant.items() if word) or f"{_short(values[0])!r}: LABEL"
    )
    share = _share(len(unknown), read.n_rows)
    advice = f", or leave out a share with `unknown: {share:g}`" if share <= MOST_ADVISED else ""
    raise DataError(
        f"{len(unknown)} of {read.n_rows} {read.split} rows of dataset {name} have a target that is no label of task "
        f"{spec.task}: {', '.join(said)}{more}. Say what they mean with datasets.{name}.labels: {{{pairs}}}, leave them out "
        f"with {{{_short(values[0])!r}: null}}{advice}"
    )


def _share(n: int, total: int) -> float:
    """Return the smallest share in hundredths that allows n of total."""
    return math.ceil(100 * n / total) / 100


def _short(value: str) -> str:
    return value if len(value) <= 30 else value[:29] + "…"


def _hint(value: str, words: Sequence[str]) -> str:
    """Say how a value relates to the labels: the same in another case, width or Unicode form, the nearest, or none."""
    for word in words:
        if unicodedata.normalize("NFC", word) == unicodedata.normalize("NFC", value):
            return f"{word!r} in another Unicode form"
        if word.casefold() == value.casefold():
            return f"{word!r} in another case"
        if _folded(word) == _folded(value):
            return f"{word!r} in another width, case or spacing"
    return nearest(value, words)


def _likely(value: str, words: Sequence[str]) -> str:
    """Return the label that a value is nearest to; empty where none is near."""
    same = next((word for word in words if _folded(word) == _folded(value)), None)
    return same or next((word for word in words if f"did you mean {word!r}" in nearest(value, words)), "")


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
