"""Rows of a text with separated columns: which character separates them, and what a quote means.

Called by `files`. The suffix says what separates columns; a header that does not hold that character and holds `;`, a tab, a
comma or `|` is separated by this one, and a first line `sep=X` says so itself. Quotes follow RFC 4180, line breaks inside
quotes too. In a file separated by tabs a quote may be plain text: where every line has the header's columns as it
stands, and reading quotes would join lines or fail, it is. In the other files a row whose quotes cannot be read has a fault,
and reading goes on in its next line; a quote that swallowed rows is an error.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

from hanka.errors import DataError

MAX_FIELD_CHARACTERS = 2**31 - 1
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"What may separate columns, and what a reader calls it."

Cells: TypeAlias = list[str]


class Line(NamedTuple):
    """The cells of one row and the line it begins in."""

    number: int
    cells: Cells
    fault: str = ""
    "Why its quotes cannot be read; empty where they can."


def separated_rows(path: Path, text: str, suffix_separator: str) -> Iterator[tuple[str, Mapping[str, str], str]]:
    """Yield place, values by column and fault (empty where there is none) of every row below the header."""
    text, first_line, separator = separator_of(text, suffix_separator)
    lines = _quoted(text, separator, first_line)
    plain = _plain(text, first_line) if separator == "\t" else None
    if plain is not None and (any(line.fault for line in lines) or len(plain) > len(lines)):
        lines = plain
    if not lines:
        return
    if lines[0].fault:
        raise DataError(f"{path}:{lines[0].number} {lines[0].fault}")
    header, rows = _header(f"{path}:{lines[0].number}", lines[0].cells), lines[1:]
    _refuse_swallowed(path, separator, len(header), rows)
    for number, cells, fault in rows:
        if fault:
            yield f"{path}:{number}", {}, fault
        elif len(cells) == len(header):
            yield f"{path}:{number}", dict(zip(header, cells, strict=True)), ""
        else:
            fault = f"has {len(cells)} columns, the header has {len(header)}: check its quotes"
            yield f"{path}:{number}", {}, fault


def separator_of(text: str, expected: str) -> tuple[str, int, str]:
    """Return the text below a `sep=` line, the number of its first line, and what separates its columns. expected: by its suffix."""
    first, _, rest = text.partition("\n")
    said = first.strip('\r\n "')
    if said.lower().startswith("sep=") and said[4:] in SEPARATORS:
        return rest, 2, said[4:]
    header = next((line for line in text.split("\n") if line.strip()), "")
    outside = "".join(header.split('"')[::2])
    others = [one for one in SEPARATORS if one in outside]
    if expected in outside or len(others) != 1:
        return text, 1, expected
    return text, 1, others[0]


def _quoted(text: str, separator: str, first_line: int) -> list[Line]:
    """Read rows with quotes, empty lines left out; a row that cannot be read ends with its line."""
    limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    lines = io.StringIO(text, newline="").readlines()
    found: list[Line] = []
    start = 0
    try:
        while start < len(lines):
            reader, begun = csv.reader(islice(lines, start, None), delimiter=separator, strict=True), start
            try:
                for cells in reader:
                    if cells:
                        found.append(Line(first_line + start, cells))
                    start = begun + reader.line_num
            except csv.Error as error:
                found.append(Line(first_line + start, [], _unreadable(separator, error)))
                start += 1
    finally:
        csv.field_size_limit(limit)
    return found


def _unreadable(separator: str, error: csv.Error) -> str:
    return (
        f"cannot be read as CSV separated by {SEPARATORS[separator]} ({error}): close every quote that opens a value, and "
        f'write one inside quotes twice ("")'
    )


def _plain(text: str, first_line: int) -> list[Line] | None:
    """Read lines as they stand, quotes being text; None where one has not the header's columns."""
    ends = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = [Line(first_line + at, line.split("\t")) for at, line in enumerate(ends) if line]
    return found if len({len(line.cells) for line in found}) == 1 else None


def _refuse_swallowed(path: Path, separator: str, n_columns: int, rows: Sequence[Line]) -> None:
    """Raise DataError for a quoted value whose inner lines are rows by themselves, down to values that other rows have."""
    seen: list[Counter[str]] = [Counter() for _ in range(n_columns)]
    for row in rows:
        if len(row.cells) == n_columns:
            for counts, cell in zip(seen, row.cells, strict=True):
                counts[cell.strip()] += 1
    for row in rows:
        for inner in (cell.splitlines()[1:-1] for cell in row.cells if "\n" in cell or "\r" in cell):
            pieces = [line.split(separator) for line in inner]
            if pieces and all(len(one) == n_columns > 1 and _has_known(one, seen) for one in pieces):
                raise DataError(
                    f"{path}:{row.number}: a quote opens here and swallows {len(pieces)} lines that are rows by "
                    f'themselves, such as {inner[0][:40]!r}: close it, or write quotes inside quotes twice ("")'
                )


def _has_known(cells: Sequence[str], seen: Sequence[Counter[str]]) -> bool:
    return any(counts[cell.strip()] > 1 for cell, counts in zip(cells, seen, strict=True))


def _header(place: str, cells: Cells) -> Cells:
    twice = [name for name in cells if name and cells.count(name) > 1]  # columns without a name are never asked for
    if twice:
        raise DataError(f"{place} names the column {twice[0]!r} twice: rename one")
    return cells
