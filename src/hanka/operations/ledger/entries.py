"""One entry a line, each holding the hash of the one before: how the log is written and read.

place/log.jsonl holds canonical JSON (sorted keys, no spaces); an entry's `hash` is the SHA-256 of the same JSON without it. Lines are
appended by one write and synced; a line without its end is what a killed process left (see `repair`). Times are UTC.
Source: Haber & Stornetta (1991), "How to time-stamp a digital document", for the chain.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hanka.errors import LedgerError
from hanka.identity import canonical
from hanka.store.cache import REASONS
from hanka.store.folder import lock_file, make_folder

LOG, LOCK = "log.jsonl", ".log.lock"
"Names in the folder of a log."
FIRST = "0" * 64
"What stands for the hash before the first entry."
KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"What a kind may be called."
PATIENCE_SECONDS = 10.0
"How long an append waits for another one to end."
LONGEST_NAME = 200
"Characters of a name."
DEEPEST = 100
"Lists and maps within each other that a body may hold."
SETTLES_SECONDS = 0.3
"How long a line without its end may be one that is being written."


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was decided or seen."""

    index: int
    "Place in the log, from 0."
    time: str
    "When it was written: UTC, ISO 8601."
    kind: str
    "What it is: approval, release, rollback, promotion, gate, alarm, retrain, repair, …"
    by: str
    "Who wrote it, as given."
    body: Mapping[str, Any]
    "What it says; JSON."
    previous: str
    "Hash of the entry before; FIRST for the first."
    hash: str
    "SHA-256 of all the rest, hex."

    @property
    def when(self) -> datetime:
        """Its time."""
        return datetime.fromisoformat(self.time)

    def line(self) -> bytes:
        """Return the line that stands for it, with its end."""
        return canonical(_fields(self)).encode() + b"\n"


def log_path(place: Path) -> Path:
    """Return the file of a log."""
    return place / LOG


def append(place: Path, kind: str, body: Mapping[str, Any], by: str, at: datetime | None = None) -> Entry:
    """Write one entry to the end of a log, beginning the log where there is none, and return it.

    body: JSON, keys text; no NaN. at: when; None: now. Waits for another append for PATIENCE_SECONDS. Raises LedgerError in one line
    for what cannot be written as it is, for a log that ends in a torn line or in a changed entry, or one that is held.
    """
    clean = _clean(kind, body, by)
    with held(place):
        return _append(place, kind, clean, by, at)


def append_held(place: Path, kind: str, body: Mapping[str, Any], by: str, at: datetime | None = None) -> Entry:
    """Write one entry to a log that the caller holds (see `held`), so that nothing comes between what it read and this."""
    return _append(place, kind, _clean(kind, body, by), by, at)


def sealed(last: Entry | None, kind: str, body: Mapping[str, Any], by: str, at: datetime | None = None) -> Entry:
    """Return the entry that follows another one, with its hash."""
    index, previous = (0, FIRST) if last is None else (last.index + 1, last.hash)
    when = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    entry = Entry(index, when, kind, by, body, previous, "")
    return Entry(index, when, kind, by, body, previous, hash_of(entry))


def hash_of(entry: Entry) -> str:
    """Return what the hash of an entry has to be."""
    rest = {name: value for name, value in _fields(entry).items() if name != "hash"}
    return hashlib.sha256(canonical(rest).encode()).hexdigest()


def lines_of(place: Path) -> list[bytes]:
    """Return the lines of a log; the last one is what stands behind the last line end: empty where none is torn."""
    try:
        return log_path(place).read_bytes().split(b"\n")
    except FileNotFoundError:
        raise LedgerError(
            f"{log_path(place)}: no such log; `hanka log approve` begins one, --log DIR names another"
        ) from None
    except OSError as error:
        raise LedgerError(f"{log_path(place)}: cannot be read: {error.strerror or error}") from None


def settled_lines(place: Path) -> list[bytes]:
    """Return the lines of a log, a last line without its end only where nobody is about to write its rest."""
    lines, until = lines_of(place), time.monotonic() + SETTLES_SECONDS
    while lines[-1] and time.monotonic() < until:
        time.sleep(0.02)
        lines = lines_of(place)
    return lines


def parsed(line: bytes) -> Entry | None:
    """Return the entry that a line holds; None where it holds none."""
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse)
        entry = Entry(**value)
        is_dated = datetime.fromisoformat(entry.time).tzinfo is not None
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (entry.time, entry.kind, entry.by, entry.previous, entry.hash)
    is_right = is_dated and all(isinstance(one, str) for one in texts) and isinstance(entry.body, dict)
    is_right = is_right and not _is_too_deep(entry.body)
    return entry if is_right and type(entry.index) is int else None


@contextmanager
def held(place: Path) -> Iterator[None]:
    """Hold a log for one process, however it ends. Raises LedgerError where another one does not let go."""
    make_folder(place)
    with (place / LOCK).open("w") as handle:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                lock_file(handle)
                break
            except OSError:
                if time.monotonic() > until:
                    raise LedgerError(
                        f"{place}: another process has held the log for {PATIENCE_SECONDS:g} seconds; wait for it, and try again"
                    ) from None
                time.sleep(0.02)
        yield


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _is_too_deep(body: Mapping[str, Any]) -> bool:
    """Tell whether lists and maps lie in each other deeper than can be hashed whoever asks."""
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        inner = [one.values() if isinstance(one, Mapping) else one for one in level]
        level = [each for one in inner for each in one if isinstance(each, (Mapping, list, tuple))]
        if not level:
            return False
    return True


def _append(place: Path, kind: str, clean: dict[str, Any], by: str, at: datetime | None) -> Entry:
    entry = sealed(_last(place), kind, clean, by.strip(), at)
    _write(log_path(place), entry.line())
    return entry


def _refuse(word: str) -> None:
    raise ValueError(word)


def require_name(by: str) -> None:
    """Raise LedgerError where a text names nobody: empty, longer than LONGEST_NAME, or more than a line."""
    if not by.strip() or len(by) > LONGEST_NAME or not by.isprintable():
        raise LedgerError(f"by {by[:60]!r}: say in one line of up to {LONGEST_NAME} characters who it is")


def _clean(kind: str, body: Mapping[str, Any], by: str) -> dict[str, Any]:
    """Return a body as it will be read back. Raises LedgerError for what JSON cannot hold as it is."""
    if not KIND.fullmatch(kind):
        raise LedgerError(f"kind {kind[:60]!r}: give a lower-case word such as gate, alarm or retrain")
    require_name(by)
    if _is_too_deep(body):
        raise LedgerError(f"{kind}: the body lies more than {DEEPEST} lists and maps deep; write it flatter")
    try:
        text = canonical(dict(body))
        text.encode()
        read_back: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise LedgerError(
            f"{kind}: the body cannot be written: {error}; give text, finite numbers, lists, maps"
        ) from None
    if canonical(read_back) != text:
        raise LedgerError(f"{kind}: the body would not be read back as it is; use text as keys, each once")
    return read_back


def _last(place: Path) -> Entry | None:
    """Return the last entry of a log. Raises LedgerError where nothing can follow it."""
    path = log_path(place)
    if not path.exists():
        return None
    *whole, rest = lines_of(place)
    if rest:
        raise LedgerError(f"{path}: line {len(whole) + 1} is torn; `hanka log repair {place} --by NAME` sets it aside")
    if not whole:
        raise LedgerError(f"{path}: holds no entry; `hanka log repair {place} --by NAME` begins it anew and logs that")
    entry = parsed(whole[-1])
    if entry is None or hash_of(entry) != entry.hash or entry.index != len(whole) - 1:
        raise LedgerError(f"{path}: line {len(whole)} is not as it was written; `hanka log verify {place}` says more")
    return entry


def _write(path: Path, line: bytes) -> None:
    """Append a line by one write and wait until it is on the disk."""
    is_new = not path.exists()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(handle).st_size
            if os.write(handle, line) != len(line):
                os.ftruncate(handle, size)
                raise LedgerError(f"{path}: the entry could not be written whole; free some space and try again")
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {REASONS.get(error.errno or 0, error.strerror)}") from None


def _sync_folder(folder: Path) -> None:
    """Wait until the name of a new file is on the disk, where the system lets a folder be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
