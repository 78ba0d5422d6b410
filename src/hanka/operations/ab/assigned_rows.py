"""A file of units → the same file with the arm of each: rows keep their order, none is left out.

`hanka ab assign`. JSON lines in, JSON lines out; tables in, CSV out. A row without a unit keeps its place with an empty arm and is counted;
so is a unit that a layer's slots keep out of the experiment.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanka.datasets.files import Row, read_rows
from hanka.errors import DataError, DesignError, nearest
from hanka.operations.ab.assignment import assigned_arm
from hanka.operations.ab.design import Design
from hanka.operations.ab.logs import id_text, log_rows

ARM = "arm"
"Column that is added."
JSON_LIKE = (".jsonl", ".json")


class Assigned(NamedTuple):
    """Rows with their arms."""

    text: str
    "The file to be written."
    n_rows: int
    n_units: Mapping[str, int]
    "Arm → different units."
    n_outside: int
    "Different units that are not in the experiment."
    without_unit: tuple[str, ...]
    "Where rows without a unit stand."


def require_suffix(out: Path, given: str) -> None:
    """Raise DataError where a file would hold another format than its name says. given: suffix of the units, .jsonl or .csv, …"""
    allowed = JSON_LIKE if given.lower() in JSON_LIKE else (".csv",)
    if out.suffix.lower() not in allowed:
        raise DataError(f"--out {out}: JSON lines come back as .jsonl, tables as .csv; name it {out.stem}{allowed[0]}")


def assign_rows(path: Path, design: Design, column: str) -> Assigned:
    """Assign every row of a file. Raises DataError where it cannot be read or has no such column."""
    return _assign(log_rows([path]), design, column, path.suffix.lower() in JSON_LIKE)


def assign_text(text: bytes, suffix: str, design: Design, column: str) -> Assigned:
    """Assign every row of what came in by standard input. suffix: .jsonl or .csv."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"stdin{suffix}"
        path.write_bytes(text)
        try:
            rows = [row._replace(place=row.place.replace(f"{folder}/", "")) for row in read_rows(path)]
        except DataError as error:
            raise DataError(str(error).replace(f"{folder}/", "")) from None
    return _assign(rows, design, column, suffix in JSON_LIKE)


def _assign(rows: Sequence[Row], design: Design, column: str, is_json: bool) -> Assigned:
    require_salt(design)
    names = {name for row in rows for name in row.values}
    if column not in names:
        raise DataError(f"the rows have no column {column!r}: {nearest(column, names)}; or name another with --unit")
    if ARM in names:
        raise DataError(f"the rows have a column {ARM!r} already: rename it, so that no assignment is overwritten")
    without: list[str] = []
    units: dict[str, set[str]] = {arm: set() for arm in (*design.arms, "")}
    assigned: list[dict[str, Any]] = []
    for row in rows:
        if row.fault:
            raise DataError(f"{row.place} {row.fault}: mend it; a row that cannot be read cannot be given back")
        unit = id_text(row.values[column]) if column in row.values else ""
        arm = assigned_arm(design, unit) if unit else None
        if unit:
            units[arm or ""].add(unit)
        else:
            without.append(row.place)
        assigned.append({**row.values, ARM: arm})
    counts = {arm: len(units[arm]) for arm in design.arms}
    text = _as_lines(assigned) if is_json else _as_csv(assigned)
    return Assigned(text, len(rows), counts, len(units[""]), tuple(without))


def require_salt(design: Design) -> None:
    """Raise DesignError where units are assigned elsewhere."""
    if not design.salt:
        raise DesignError(
            f"the design {design.name!r} has no salt, so nothing is assigned by hash; write `salt: {design.name}`"
        )


def _as_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    written = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(written, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return written.getvalue()
