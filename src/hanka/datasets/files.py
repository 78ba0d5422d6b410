"""Rows of a user's own file: JSON, JSON lines, CSV, TSV or Parquet, each row with the place it stands at.

Called by `own`. Reads the whole file; a file that cannot be read says in one line which line is to blame.
Text must be UTF-8, with or without a byte-order mark. CSV follows Python's csv module (RFC 4180 quoting,
line breaks inside quotes).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from hanka.errors import DataError

MAX_FIELD_CHARACTERS = 2**31 - 1


class Row(NamedTuple):
    """One row of a file."""

    place: str
    "Where it stands: `file:line`, or `file row n` where a format has no lines."
    values: Mapping[str, Any]
    "Column → value, as the format gives it."


RowReader: TypeAlias = Callable[[Path], Iterator[Row]]


def read_rows(path: Path) -> list[Row]:
    """Read all rows of a file by its suffix; raise DataError in one line naming the line that is wrong."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} has suffix {path.suffix!r}: allowed are {', '.join(READERS)}")
    try:
        rows = list(reader(path))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: paths are relative to the study file") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder: name a file in it") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if not rows:
        raise DataError(f"{path} has no rows")
    return rows


def _text(path: Path) -> str:
    """Read text without changing its line ends."""
    return path.read_bytes().decode("utf-8-sig")


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number} is not JSON ({error})") from error
            yield _object(f"{path}:{number}", value)


def _json(path: Path) -> Iterator[Row]:
    text = _text(path)
    if not text.lstrip().startswith("["):
        yield from _json_lines(path)
        return
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno} is not JSON ({error.msg}, column {error.colno})") from error
    for number, value in enumerate(values, start=1):
        yield _object(f"{path} row {number}", value)


def _object(place: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object with columns, found {type(value).__name__}")
    return Row(place, value)


def _separated(path: Path, delimiter: str) -> Iterator[Row]:
    limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield from _separated_rows(path, delimiter)
    finally:
        csv.field_size_limit(limit)


def _separated_rows(path: Path, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    first_line = 1
    try:
        for cells in reader:
            place, first_line = f"{path}:{first_line}", reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = _header(place, cells)
            elif len(cells) != len(header):
                raise DataError(f"{place} has {len(cells)} columns, the header has {len(header)}: check its quotes")
            else:
                yield Row(place, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise DataError(f"{path}:{first_line} cannot be read as CSV ({error})") from error


def _header(place: str, cells: list[str]) -> list[str]:
    twice = [name for name in cells if cells.count(name) > 1]
    if twice:
        raise DataError(f"{place} names the column {twice[0]!r} twice: rename one")
    return cells


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path} row {number}", values)
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be read as Parquet ({str(error).splitlines()[0]})") from error


READERS: Mapping[str, RowReader] = {
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": lambda path: _separated(path, ","),
    ".tsv": lambda path: _separated(path, "\t"),
    ".parquet": _parquet,
}
