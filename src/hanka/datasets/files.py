"""Rows of a user's own file: JSON, JSON lines, CSV, TSV or Parquet, each row with the place it stands at.

Called by `own`. Reads the whole file; a file that cannot be read says in one line which line is to blame, a row that cannot
be read is a row with a `fault`. Text must be UTF-8, with or without a byte-order mark. What separates columns is in
`separated`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from hanka.errors import DataError


class Row(NamedTuple):
    """One row of a file."""

    place: str
    "Where it stands: `file:line`, or `file row n` where a format has no lines."
    values: Mapping[str, Any]
    "Column → value, as the format gives it."
    fault: str = ""
    "Why the row cannot be read; empty where it can."


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
    if all(row.fault for row in rows):
        raise DataError(f"{rows[0].place} {rows[0].fault}")
    return rows


def _text(path: Path) -> str:
    """Read text without changing its line ends."""
    return path.read_bytes().decode("utf-8-sig")


def _json_lines(path: Path) -> Iterator[Row]:
    text = _text(path)
    if _begins_whole(text):
        yield from _whole(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _line(f"{path}:{number}", line)


def _line(place: str, line: str) -> Row:
    try:
        return _object(place, json.loads(line))
    except (ValueError, RecursionError) as error:
        return Row(place, {}, f"is not JSON ({error})")


def _begins_whole(text: str) -> bool:
    """Tell whether a text is one JSON value over several lines: its first line alone is none."""
    first = text.lstrip().split("\n", 1)[0]
    if not first.rstrip().endswith(("{", "[", ",")):
        return False
    try:
        json.loads(first)
    except ValueError:
        return True
    return False


def _json(path: Path) -> Iterator[Row]:
    text = _text(path)
    try:
        json.loads(text.split("\n", 1)[0])
    except (ValueError, RecursionError):
        is_lines = False
    else:
        is_lines = "\n" in text.strip()
    if is_lines:
        yield from _json_lines(path)
    else:
        yield from _whole(path, text)


def _whole(path: Path, text: str) -> Iterator[Row]:
    """Read one JSON value: a list of rows, an object that holds one, or columns by name."""
    if not text.strip():
        return
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno} is not JSON ({error.msg}, column {error.colno})") from error
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to hold rows") from None
    values = found if isinstance(found, list) else _rows_inside(path, found)
    for number, value in enumerate(values, start=1):
        yield _object(f"{path} row {number}", value)


def _rows_inside(path: Path, found: Any) -> list[Any]:
    """Return the rows of an object: its one list of objects, its columns as rows, or itself as the only row."""
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a list of rows, found {_kind(found)}")
    lists = [name for name, value in found.items() if isinstance(value, list) and any(map(_is_object, value))]
    if len(lists) == 1:
        return list(found[lists[0]])
    if lists:
        raise DataError(
            f"{path} holds several lists of rows ({', '.join(lists)}): save the one that is meant by itself"
        )
    columns = list(found.values())
    if columns and all(isinstance(column, list) for column in columns):
        if len({len(column) for column in columns}) > 1:
            sizes = ", ".join(f"{name} {len(column)}" for name, column in found.items())
            raise DataError(f"{path} holds columns of different lengths ({sizes}): every row needs a value in each")
        return [dict(zip(found, values, strict=True)) for values in zip(*columns, strict=True)]
    if columns and all(map(_is_object, columns)):
        keys = list(dict.fromkeys(key for column in columns for key in column))
        return [{name: column.get(key) for name, column in found.items()} for key in keys]
    return [found]


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _object(place: str, value: Any) -> Row:
    if not isinstance(value, dict):
        return Row(place, {}, f"is no object with columns, but {_kind(value)}")
    return Row(place, value)


def _kind(value: Any) -> str:
    """Name a JSON value's kind in its own words."""
    names = {"NoneType": "null", "str": "a text", "bool": "true or false", "list": "a list", "dict": "an object"}
    return names.get(type(value).__name__, "a number")


def _separated(path: Path, delimiter: str) -> Iterator[Row]:
    from hanka.datasets.separated import separated_rows

    for place, values, fault in separated_rows(path, _text(path), delimiter):
        yield Row(place, values, fault)


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
