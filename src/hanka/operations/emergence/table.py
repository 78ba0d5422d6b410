"""A table of values by model → measurements: one row each, columns by name or by what the caller says they are called.

    loss, performance            of every row; performance from 0 to 1
    rows                         fine-tuning rows; empty, 0 or no such column: a few-shot value
    n                            test rows behind the performance
    model                        what is drawn anew together (default: every loss is a model of its own)
    tokens, parameters           of pretraining, for the compute ahead
    held_out                     yes: kept from the fit, to hold the prediction against

A column that is none of these is not used, and named; one that is nearly one of them is a mistake. No cell is guessed at: what is no number is
one line with its place. Between a user's file and `analysis.emergence`.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from hanka.analysis.emergence.measured import Measurement
from hanka.errors import TableError, nearest
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
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            heads = tuple(reader.fieldnames or ())
            places = _places(path, heads, called)
            rows = [_measurement(path, reader.line_num, row, places) for row in reader]
    except FileNotFoundError:
        raise TableError(f"{path}: no such file; give a CSV file with the columns {', '.join(NEEDED)}") from None
    except IsADirectoryError:
        raise TableError(
            f"{path}: a folder; give a CSV file (a run answers by its report: question emergence)"
        ) from None
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from None
    except csv.Error as error:
        raise TableError(f"{path}: not a CSV file: {error}") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}") from None
    kept = [one for one in rows if one.loss < below]
    if not kept:
        raise TableError(f"{path}: no row" + (f" has a loss below {below:g}" if rows else "s; give one for each value"))
    held = (replace(one, is_held_out=one.is_held_out or one.loss < hold_out) for one in kept)
    return Table(tuple(held), tuple(name for name in heads if name not in places.values()), len(rows) - len(kept))


def _places(path: Path, heads: Sequence[str], called: Mapping[str, str]) -> dict[str, str]:
    """Return the file's column of every known name. Raises TableError for a missing, doubled or misspelt one."""
    if not heads:
        raise TableError(
            f"{path}: the file is empty; its first line names the columns, such as {', '.join(COLUMNS[:3])}"
        )
    twice = next((name for name in heads if heads.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"{path}:1: the column {twice!r} stands twice; keep one")
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


def _measurement(path: Path, line: int, row: Mapping[str, str | None], places: Mapping[str, str]) -> Measurement:
    """Read one row."""
    cells = _Cells(path, line, row, places)
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

    path: Path
    line: int
    row: Mapping[str, str | None]
    places: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a cell's text; empty where the file has no such column."""
        return (self.row.get(self.places.get(name, "")) or "").strip()

    def number(self, name: str) -> float:
        """Return a cell's finite number."""
        try:
            found = float(self.text(name))
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise self.wrong(name, "is not a finite number")
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
        return TableError(f"{self.path}:{self.line}: {self.places.get(name, name)}: {self.text(name)!r} {what}")
