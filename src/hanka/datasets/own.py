"""A user's own data: one `datasets:` entry of a study → a Dataset.

Files by suffix (see `files`) or hub datasets. Every row is checked while it is read; the first wrong one
ends the load with one line that names file, line and column. Training, validation and test rows are put into a
fixed hashed order, so that a size or a limit takes a fair sample of a sorted file. Where no demonstrations are
given, some rows are set aside for them and leave the split they came from; given ones keep their order.
Passages are texts to look up: one column, no target, in their order; they may be all that an entry has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from hanka.datasets.base import Dataset
from hanka.datasets.files import Row, read_rows
from hanka.datasets.hub_rows import PREFIX, open_hub, parse_address
from hanka.datasets.splits import in_hash_order, take_groups
from hanka.errors import DataError, nearest
from hanka.records import Example, Split

MOST_OF_TRAIN, MOST_OF_TEST = 16, 8
"Demonstrations set aside at most; never more than a tenth of the rows (one row where there are fewer than 20)."
PASSAGE = "text"
"Field of a passage, and the column it is read from unless `fields` names another."
HUB_SPLITS: Mapping[Split, str] = {"demonstrations": "validation", "passages": "train"}
"Split of a hub dataset where an address names none and it is not the same word."
SPLITS: tuple[Split, ...] = ("train", "test", "demonstrations", "validation", "passages")


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
    labels: Mapping[str, str] = field(default_factory=dict)
    "Value in the target column → label word; empty keeps the values."
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


def own_dataset(name: str, spec: OwnSpec, base_dir: Path) -> Dataset:
    """Make the Dataset of a study's `datasets:` entry; file paths are relative to `base_dir`.

    Checks names and that files exist; rows are read on load. Raises DataError in one line.
    """
    places = {split: _resolved(name, split, place, base_dir) for split, place in spec.places().items()}
    asks = places.keys() & {"train", "test"}
    if not asks and places.keys() != {"passages"}:
        raise DataError(f"dataset {name} has neither train nor test: name at least one file")
    for first, second in combinations(places, 2):
        if places[first] == places[second]:
            raise DataError(f"dataset {name}: {first} and {second} are the same ({places[first]}): use separate rows")
    allowed = (*spec.inputs, "output", "id", "group", *((PASSAGE,) if "passages" in places else ()))
    for key in spec.fields:
        if key not in allowed:
            raise DataError(f"dataset {name}: task {spec.task} has no field {key!r}: {nearest(key, allowed)}")
    return Dataset(
        name=name,
        task=spec.task,
        domain=spec.domain,
        source=next(places[split] for split in ("test", "train", "passages") if split in places),
        licence=spec.licence,
        splits=tuple(split for split in SPLITS if split in places or (split == "demonstrations" and asks)),
        read=partial(_read, name, spec, places),
        one_training_file=True,
    )


def _resolved(name: str, split: Split, place: str, base_dir: Path) -> str:
    """Return a hub address or the absolute path of a file that exists."""
    if place.startswith(PREFIX):
        return str(parse_address(place, default_split=HUB_SPLITS.get(split, split)))
    path = (base_dir / Path(place).expanduser()).resolve()
    if not path.is_file():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"dataset {name}: {split} file {path} does not exist: {nearest(path.name, beside)}")
    return str(path)


def _read(name: str, spec: OwnSpec, places: Mapping[Split, str], split: Split, size: int | None) -> list[Example]:
    donor: Split = "train" if "train" in places else "test"
    if split in places and (split != donor or "demonstrations" in places):
        rows = _examples(name, spec, split, places[split])
        return rows if split in ("demonstrations", "passages") else in_hash_order(rows, f"own/{name}/{split}")
    rows = in_hash_order(_examples(name, spec, donor, places[donor]), f"own/{name}/{donor}")
    most = MOST_OF_TRAIN if donor == "train" else MOST_OF_TEST
    wanted = min(most, max(1, len(rows) // 10)) if len(rows) > 1 else 0
    part, rest = take_groups(rows, wanted, f"own/{name}/demonstrations", even=True)
    if split != "demonstrations":
        return rest
    if not part:
        raise DataError(f"dataset {name}: {places[donor]} has too few rows (or groups) to set demonstrations aside")
    return part


def _examples(name: str, spec: OwnSpec, split: Split, place: str) -> list[Example]:
    """Read and check every row of one place."""
    if place.startswith(PREFIX):
        opened = open_hub(parse_address(place, split))
        rows = [Row(f"{place} row {number}", values) for number, values in enumerate(opened, start=1)]
    else:
        rows = read_rows(Path(place))
    if split == "passages":
        _check_columns(name, spec, (PASSAGE,), rows[0])
    else:
        _check_columns(
            name, spec, (*spec.inputs, "output", *(key for key in ("id", "group") if key in spec.fields)), rows[0]
        )
    examples: list[Example] = []
    seen: dict[str, str] = {}
    for position, row in enumerate(rows):
        default_id = f"{name}/{split}/{position:06d}"
        example = _passage(spec, row, default_id) if split == "passages" else _example(spec, row, default_id)
        if example.id in seen:
            raise DataError(f"{row.place}: id {example.id!r} was already used at {seen[example.id]}: ids must differ")
        seen[example.id] = row.place
        examples.append(example)
    return examples


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


def _example(spec: OwnSpec, row: Row, default_id: str) -> Example:
    fields = {key: _value(spec, row, key) for key in spec.inputs}
    target = _value(spec, row, "output").strip()
    if spec.labels:
        if target not in spec.labels:
            raise DataError(f"{row.place}: value {target!r} is not in labels: {nearest(target, spec.labels)}")
        target = spec.labels[target]
    example = Example(default_id, fields, target)
    if "id" in spec.fields:
        example = replace(example, id=_value(spec, row, "id"))
    if "group" in spec.fields:
        example = replace(example, group=_value(spec, row, "group"))
    return example


def _passage(spec: OwnSpec, row: Row, default_id: str) -> Example:
    """Read a passage; it has an id where its file has the column of ids."""
    found = _value(spec, row, "id") if spec.fields.get("id") in row.values else default_id
    return Example(found, {PASSAGE: _value(spec, row, PASSAGE)}, "")


def _value(spec: OwnSpec, row: Row, key: str) -> str:
    """Return a cell as text; raise DataError for a missing, empty or non-text value."""
    column = spec.fields.get(key, key)
    value: Any = row.values.get(column)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    what = "is empty" if value is None or isinstance(value, str) else f"is {type(value).__name__}, not text"
    raise DataError(f"{row.place}: column {column!r} {what}: every row needs it")
