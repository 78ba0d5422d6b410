"""A table of values by model → measurements: one row each, columns by name or by what the caller says they are called.

    loss, performance            of every row; performance from 0 to 1
    rows                         fine-tuning rows; empty, 0 or no such column: a few-shot value
    n                            test rows behind the performance
    model                        what is drawn anew together (default: every loss is a model of its own)
    tokens, parameters           of pretraining, for the compute ahead
    held_out                     yes: kept from the fit, to hold the prediction against

What separates columns is found (`datasets.separated`); where it is no comma, a number may have a decimal comma. Rows of empty cells are passed
over. A column that is none of these is not used, and named; one that is nearly one of them is a mistake. No cell is guessed at: what is no
number, and a row with more or fewer cells than the header, is one line with its place. Between a user's file and `analysis.emergence`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from hanka.analysis.emergence.measured import Measurement
from hanka.datasets.separated import separated_rows, separator_of
from hanka.errors import DataError, TableError, nearest
from hanka.stats.emergence import LEAST_ROWS, training_flops

NEEDED = ("loss", "performance")
OPTIONAL = ("rows", "n", "model", "tokens", "parameters", "held_out")
COLUMNS = (*NEEDED, *OPTIONAL)
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
NEARLY = 0.75
"Likeness from which on an unknown column is taken for a misspelt one."


class Table(NamedTuple):
    """What a file holds."""

    measured: tuple[Measurement, ...]
    "A record for every row that is wanted."
    unused: tuple[str, ...]
    "Columns that say nothing here."
    n_beyond: int
    "Rows that the caller's bound on losses leaves out."


def column_names(said: Sequence[str]) -> dict[str, str]:
    """Read `loss=NAME` → what the file calls each column. Raises TableError."""
    found: dict[str, str] = {}
    for one in said:
        name, mark, called = one.partition("=")
        if not mark or not called:
            raise TableError(f"--column {one!r}: write NAME=COLUMN, such as loss=c4_loss")
        if name not in COLUMNS:
            raise TableError(f"--column {one!r}: {name!r} is no column of such a table: {nearest(name, COLUMNS)}")
        if name in found:
            raise TableError(f"--column {one!r}: {name} is named twice; keep one")
        found[name] = called
    return found


def read_table(path: Path, called: Mapping[str, str], below: float = math.inf, hold_out: float = -math.inf) -> Table:
    """Read a CSV file. called: what it calls columns. below: only losses below it. hold_out: models of a lower loss are held out.

    Raises TableError with the place of the first mistake.
    """
    if math.isnan(below) or math.isnan(hold_out):
        raise TableError(f"--{'below' if math.isnan(below) else 'hold-out'} nan: give a loss, such as 3.0")
    text = _text(path)
    heads, lines = _lines(path, text)
    places = _places(path, heads, called)
    has_commas = separator_of(text, ",")[2] != ","
    rows = [_measurement(_Cells(place, row, places, has_commas)) for place, row in lines]
    kept = [one for one in rows if one.loss < below]
    if not kept:
        raise TableError(f"{path}: no row" + (f" has a loss below {below:g}" if rows else "s; give one for each value"))
    held = (replace(one, is_held_out=one.is_held_out or one.loss < hold_out) for one in kept)
    return Table(tuple(held), tuple(name for name in heads if name not in places.values()), len(rows) - len(kept))


def _text(path: Path) -> str:
    """Return what a file says. Raises TableError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"{path}: no such file; give a CSV file with the columns {', '.join(NEEDED)}") from None
    except IsADirectoryError:
        raise TableError(
            f"{path}: a folder; give a CSV file (a run answers by its report: question emergence)"
        ) from None
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}") from None


def _lines(path: Path, text: str) -> tuple[tuple[str, ...], list[tuple[str, Mapping[str, str]]]]:
    """Return the header and, with their places, the rows that hold anything. Raises TableError for a row that has other cells."""
    try:
        found = list(separated_rows(path, text, ","))
    except DataError as error:
        raise TableError(str(error)) from None
    for place, _, fault in found:
        if fault:
            raise TableError(f"{place}: {fault}; in a file separated by commas a number has a decimal point")
    rows = [(place, row) for place, row, _ in found]
    if not rows:
        raise TableError(
            f"{path}: no rows; give one for each value"
            if text.strip()
            else f"{path}: the file is empty; its first line names the columns, such as {', '.join(COLUMNS[:3])}"
        )
    return tuple(rows[0][1]), [(place, row) for place, row in rows if any(cell.strip() for cell in row.values())]


def _places(path: Path, heads: Sequence[str], called: Mapping[str, str]) -> dict[str, str]:
    """Return the file's column of every known name. Raises TableError for a missing, doubled or misspelt one."""
    for column in called.values():
        names = [name for name, one in called.items() if one == column]
        if len(names) > 1:
            raise TableError(f"--column: {column!r} cannot be both {names[0]} and {names[1]}; name a column of each")
    places = {name: called.get(name, name) for name in COLUMNS if called.get(name, name) in heads}
    for name, column in called.items():
        if column not in heads:
            raise TableError(f"{path}:1: no column is called {column!r} (for {name}): {nearest(column, heads)}")
    missing = next((name for name in NEEDED if name not in places), None)
    if missing is not None:
        raise TableError(
            f"{path}:1: the column {missing!r} is missing; its columns are {', '.join(heads[:8])}: say --column {missing}=…"
        )
    for head in heads:
        near = difflib.get_close_matches(head.casefold().strip(), set(COLUMNS) - set(places), n=1, cutoff=NEARLY)
        if head not in places.values() and near:
            raise TableError(
                f"{path}:1: unknown column {head!r}: did you mean {near[0]!r}? (or say --column {near[0]}={head})"
            )
    return places


def _measurement(cells: _Cells) -> Measurement:
    """Read one row."""
    loss, performance = cells.number("loss"), cells.number("performance")
    if not loss > 0:
        raise cells.wrong("loss", "must be above 0")
    if not 0 <= performance <= 1:
        raise cells.wrong("performance", "must lie from 0 to 1: give shares, not percent")
    rows = cells.whole("rows")
    if 0 < rows < LEAST_ROWS:
        raise cells.wrong("rows", f"must be 0 or at least {LEAST_ROWS}: the law begins there")
    tokens, parameters = cells.optional("tokens"), cells.optional("parameters")
    if (tokens is None) != (parameters is None):
        raise cells.wrong("tokens" if tokens is None else "parameters", "compute needs both tokens and parameters")
    if tokens is not None and min(tokens, parameters or 0.0) <= 0:
        raise cells.wrong("tokens" if tokens <= 0 else "parameters", "must be above 0")
    flops = None if tokens is None or parameters is None else training_flops(parameters, tokens)
    held = ANSWERS.get(cells.text("held_out").casefold())
    if held is None:
        raise cells.wrong("held_out", "is neither yes nor no")
    return Measurement(cells.text("model") or f"{loss!r}", loss, performance, rows, cells.whole("n"), flops, held)


class _Cells(NamedTuple):
    """The cells of one row."""

    place: str
    row: Mapping[str, str]
    places: Mapping[str, str]
    has_commas: bool
    "Whether a comma is a decimal one, for something else separates columns."

    def text(self, name: str) -> str:
        """Return a cell's text; empty where the file has no such column."""
        return self.row.get(self.places.get(name, ""), "").strip()

    def number(self, name: str) -> float:
        """Return a cell's finite number."""
        text = self.text(name)
        try:
            found = float(
                text.replace(",", ".") if self.has_commas and text.count(",") == 1 and "." not in text else text
            )
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            more = "; write 0.36 with a point and 1024 without a separator" if "," in text else ""
            raise self.wrong(name, "is not a finite number" + ("; give a share, such as 0.36" if "%" in text else more))
        return found

    def optional(self, name: str) -> float | None:
        """Return a cell's number, None where it is empty."""
        return self.number(name) if self.text(name) else None

    def whole(self, name: str) -> int:
        """Return a cell's whole number from 0, 0 where it is empty."""
        found = self.optional(name) or 0.0
        if found < 0 or found != int(found):
            raise self.wrong(name, "is not a whole number from 0")
        return int(found)

    def wrong(self, name: str, what: str) -> TableError:
        """Return the error for a cell."""
        return TableError(f"{self.place}: {self.places.get(name, name)}: {self.text(name)!r} {what}")
