"""Log files, streamed: JSON lines, plain or gzipped, and Parquet; each knows how far it was read, whatever it is called by now.

First stage of a monitor. A file is known by its beginning and by what stands before the place that was reached, so that a log that was renamed
when it was rotated is not read twice, one that grew is read on from where it ended, and one that begins alike is another. What cannot be parsed is a row that is None; a last line that is still being written is left for
the next time. Limits: a gzipped or Parquet file that changed is gone through from its start (rows are recognised, see `rows`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from hanka.errors import MonitorError

HEAD = 4096
"Bytes at a file's beginning that it is known by."
UNFINISHED = -1
"Size of a Parquet file that was not read to its end."
LONGEST_LINE = 8 << 20
"Bytes of a row; a longer line is malformed."
BOM = b"\xef\xbb\xbf"
BATCH = 4_000
"Rows that are handed on together."
Kind = Literal["lines", "gzip", "parquet"]
KINDS: Mapping[str, Kind] = {
    ".jsonl": "lines", ".ndjson": "lines", ".jsonl.gz": "gzip", ".ndjson.gz": "gzip", ".parquet": "parquet"
}  # fmt: skip
ROTATED = re.compile(r"(.+\.(?:jsonl|ndjson))([.-])(\d[\d.-]*)(\.gz)?", re.IGNORECASE)
"What rotation makes of a name: a number, the higher the older, or a date."
DATE = 8
"Digits from which on a number is a date."

Raw = Mapping[str, Any] | None
"A row as it stands in the file; None where it cannot be parsed."


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read."""

    head: str
    "SHA-256 of its first bytes (of Parquet, of its ends and its size)."
    head_bytes: int
    "How many they were."
    done: int
    "Bytes of a plain file, rows of another."
    size: int
    "Bytes of the whole file then; an unchanged compressed file is not opened again."
    tail: str = ""
    "SHA-256 of the bytes before the place that was reached, of a plain file; nothing where it stands in the head."


class Batch(NamedTuple):
    """Some rows of a file, and how far it is read with them."""

    rows: Sequence[Raw]
    place: Place


def find_logs(path: Path) -> list[Path]:
    """Return the log files at a path: itself, or those in a folder by name. Raises MonitorError where there is none."""
    try:
        if path.is_dir():
            found = sorted((one for one in path.iterdir() if _kind(one) and not one.name.startswith(".")), key=_age)
            if found:
                return found
            raise MonitorError(f"{path} holds no log: files may end in {', '.join(KINDS)}")
        if not path.is_file():
            raise MonitorError(f"{path}: no such log; name a file or a folder of files")
    except (OSError, ValueError) as error:
        raise MonitorError(f"{str(path)[:300]!r} cannot be looked at: {error}") from None
    if _kind(path) is None:
        raise MonitorError(f"{path} has suffix {path.suffix!r}: allowed are {', '.join(KINDS)}")
    return [path]


def _kind(path: Path) -> Kind | None:
    if rotated := ROTATED.fullmatch(path.name):
        return "gzip" if rotated[4] else "lines"
    return next((kind for suffix, kind in KINDS.items() if path.name.lower().endswith(suffix)), None)


def _age(path: Path) -> tuple[str, int, int, str]:
    """Return what log files are sorted by: their name, and rotated ones before the one that is written, oldest first."""
    rotated = ROTATED.fullmatch(path.name)
    if rotated is None:
        return path.name, 2, 0, ""
    number = int(rotated[3]) if rotated[2] == "." and rotated[3].isdecimal() and len(rotated[3]) < DATE else 0
    return rotated[1], 0 if number else 1, -number, rotated[3]


def known_place(path: Path, places: Sequence[Place]) -> Place | None:
    """Find how far a file was read, by whatever name: the place whose beginning and end it has, and that reached farthest.

    Raises MonitorError for a file that cannot be read.
    """
    try:
        size, kind = path.stat().st_size, _kind(path)
        head = cache(lambda n_bytes: _head(path, n_bytes, kind))
        found = [
            place
            for place in places
            if (kind == "parquet" or place.size <= size)
            and place.head == head(place.head_bytes)
            and (not place.tail or place.tail == _tail(path, place.done))
        ]
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror or error}") from None
    return max(found, key=lambda place: place.done, default=None)


def read_on(path: Path, before: Place | None) -> Iterator[Batch]:
    """Yield what was not read yet of a file, some thousand rows at a time. Raises MonitorError for one that cannot be read."""
    kind = _kind(path)
    assert kind is not None
    try:
        size = path.stat().st_size
        if before is not None and before.size == size and (kind != "lines" or before.done == size):
            return
        yield from {"lines": _lines, "gzip": _gzipped, "parquet": _parquet}[kind](path, size, before)
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror or error}") from None


def _head(path: Path, n_bytes: int, kind: str | None) -> str:
    with path.open("rb") as handle:
        digest = hashlib.sha256(handle.read(n_bytes))
        if kind == "parquet":
            size = path.stat().st_size
            handle.seek(max(0, size - HEAD))
            digest.update(handle.read() + str(size).encode())
    return digest.hexdigest()


def _tail(path: Path, done: int) -> str:
    """Return the hash of what stands before a place in a plain file; nothing where that is in the head."""
    if done <= HEAD:
        return ""
    with path.open("rb") as handle:
        handle.seek(done - HEAD)
        return hashlib.sha256(handle.read(HEAD)).hexdigest()


def _begin(path: Path, size: int, kind: str, before: Place | None) -> Place:
    """Return the place of a file that is about to be read: known by as much of its beginning as it has by now."""
    n_bytes = min(size, HEAD)
    return Place(_head(path, n_bytes, kind), n_bytes, before.done if before else 0, size)


def _reached(start: Place, done: int, size: int, tail: str = "") -> Place:
    return Place(start.head, start.head_bytes, done, size, tail)


def _parsed(line: bytes) -> Raw:
    try:
        found = json.loads(line.removeprefix(BOM).decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _lines(path: Path, size: int, before: Place | None) -> Iterator[Batch]:
    start = _begin(path, size, "lines", before)
    with path.open("rb") as handle:
        handle.seek(start.done)
        done = start.done
        rows: list[Raw] = []
        while line := handle.readline(LONGEST_LINE):
            row = _parsed(line)
            if not line.endswith(b"\n"):
                if len(line) >= LONGEST_LINE:
                    done += len(line) + _skip_line(handle)
                    rows.append(None)
                    continue
                if row is None:  # still being written, or broken off: read again when the file has grown
                    break
            done += len(line)
            if row is not None or line.strip():
                rows.append(row)
            if len(rows) >= BATCH:
                yield Batch(rows, _reached(start, done, size, _tail(path, done)))
                rows = []
    if rows or done > start.done:
        yield Batch(rows, _reached(start, done, max(size, done), _tail(path, done)))


def _skip_line(handle: IO[bytes] | gzip.GzipFile) -> int:
    """Go on to the end of a line that is too long; return the bytes that were passed."""
    passed = 0
    while line := handle.readline(LONGEST_LINE):
        passed += len(line)
        if line.endswith(b"\n"):
            break
    return passed


def _gzipped(path: Path, size: int, before: Place | None) -> Iterator[Batch]:
    start = _begin(path, size, "gzip", before)
    done = 0
    rows: list[Raw] = []
    is_whole = True
    with gzip.open(path, "rb") as handle:
        while True:
            try:
                line = handle.readline(LONGEST_LINE)
            except (EOFError, zlib.error, gzip.BadGzipFile):
                is_whole = False  # still being written, or damaged from here on
                break
            if not line:
                break
            if not line.endswith(b"\n") and len(line) >= LONGEST_LINE:
                _skip_line(handle)
            done += 1
            if done > start.done:
                row = _parsed(line)
                if row is not None or line.strip():
                    rows.append(row)
            if len(rows) >= BATCH:
                yield Batch(rows, _reached(start, done, 0))
                rows = []
    # The size is only noted when the file was read to its end: an unfinished one is opened again.
    yield Batch(rows, _reached(start, max(done, start.done), size if is_whole else 0))


def _parquet(path: Path, size: int, before: Place | None) -> Iterator[Batch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = _begin(path, size, "parquet", before)
    try:
        with pq.ParquetFile(path) as file:
            done = 0
            for batch in file.iter_batches(batch_size=BATCH):
                done += batch.num_rows
                new = min(batch.num_rows, done - start.done)
                if new > 0:
                    rows: list[Raw] = list(batch.slice(batch.num_rows - new).to_pylist())
                    yield Batch(rows, _reached(start, done, UNFINISHED))
            yield Batch([], _reached(start, done, size))
    except pa.ArrowException as error:
        raise MonitorError(f"{path} cannot be read as Parquet ({' '.join(str(error).split())[:200]})") from None
