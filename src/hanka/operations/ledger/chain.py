"""Is a log whole? Every line is read, hashed anew and tied to the one before; what is wrong is said line by line.

A changed entry, one that is missing, twice there or out of order, and a torn last line are seen from the log alone. Entries that were
cut off its end are not, and neither is a log that was written anew as a whole: for these a head that was kept elsewhere (on a signed page,
in a model card) is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

from hanka.errors import LedgerError
from hanka.operations.ledger.entries import FIRST, Entry, hash_of, log_path, parsed, settled_lines

What: TypeAlias = Literal["changed", "missing", "reordered", "repeated", "truncated", "torn", "empty"]
HEAD = re.compile(r"[0-9a-f]{12,64}")
"A head that is compared: a hash, or its first 12 digits or more."


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that is wrong."""

    line: int
    "Line of the file, from 1."
    what: What
    "Which kind."
    message: str
    "What is wrong there, in words."


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of a log."""

    entries: tuple[Entry, ...]
    "What could be read, in the order of the file."
    breaks: tuple[Break, ...]
    "What is wrong, in the order of the file; none: whole."
    since: int | None = None
    "Entries behind the head that was given; None where none was."

    @property
    def head(self) -> str:
        """Return the hash of the last entry: what to keep elsewhere; empty without entries."""
        return self.entries[-1].hash if self.entries else ""

    @property
    def dated_back(self) -> list[tuple[Entry, Entry]]:
        """Return entries that are dated before the one before them, with that one: a clock was set back, or a date was made up."""
        return [(one, last) for last, one in pairwise(self.entries) if one.when < last.when]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.breaks


def verify(place: Path, head: str = "") -> Verified:
    """Check the chain of a log. head: a hash that was kept elsewhere, or its beginning.

    Raises LedgerError where there is no log, or for a head that can be none.
    """
    if head and not HEAD.fullmatch(head):
        raise LedgerError(f"--head {head[:80]!r}: give the hash of an entry, 12 to 64 digits 0-9 a-f")
    *whole, rest = settled_lines(place)
    entries = [parsed(line) for line in whole]
    breaks = list(_breaks(whole, entries))
    if rest:
        breaks.append(Break(len(whole) + 1, "torn", "has no end: whoever wrote it was stopped"))
    if not whole and not rest:
        breaks.append(Break(1, "empty", "holds no entry; a log that was emptied looks the same"))
    known = tuple(one for one in entries if one is not None)
    since = None
    if head:
        at = next((number for number, one in enumerate(known) if one.hash.startswith(head)), None)
        since = None if at is None else len(known) - 1 - at
        if at is None:
            said = f"the head {head[:12]}… is in no line: entries were cut off the end, or the log was written anew"
            breaks.append(Break(max(1, len(whole)), "truncated", said))
    return Verified(known, tuple(breaks), since)


def read(place: Path) -> tuple[Entry, ...]:
    """Return all entries of a log; none where there is no log yet.

    Raises LedgerError for a log that is not whole: nothing may rest on it before somebody has looked.
    """
    if not log_path(place).exists():
        return ()
    found = verify(place)
    if found.breaks:
        first = found.breaks[0]
        raise LedgerError(
            f"{log_path(place)}: not whole, so nothing is decided by it: line {first.line}: {first.message}; "
            f"`hanka log verify {place}` says all"
        )
    return found.entries


def _breaks(lines: Sequence[bytes], entries: Sequence[Entry | None]) -> Iterator[Break]:
    """Yield what is wrong with lines, each against itself and against the last one before it that could be read."""
    there = {one.index for one in entries if one is not None}
    seen: set[str] = set()
    last: Entry | None = None
    unread = 0
    for number, (line, entry) in enumerate(zip(lines, entries, strict=True), 1):
        if entry is None:
            unread += 1
            yield Break(number, "changed", "is no entry of a log")
            continue
        if hash_of(entry) != entry.hash or entry.line() != line + b"\n":
            yield Break(
                number, "changed", f"entry {entry.index} ({entry.kind}) is not what was written: its hash differs"
            )
        elif entry.hash in seen:
            yield Break(number, "repeated", f"entry {entry.index} stands in the log already")
            continue
        elif found := _link(number, last, entry, there, unread):
            yield found
        seen.add(entry.hash)
        last, unread = entry, 0


def _link(number: int, last: Entry | None, entry: Entry, there: set[int], unread: int) -> Break | None:
    """Say what is wrong between an entry and the one before it; unread: lines between them that hold none."""
    expected = 0 if last is None else last.index + 1
    if unread and entry.index == expected + unread:
        return None  # the unread lines are said already
    if entry.index == expected:
        if entry.previous == (FIRST if last is None else last.hash):
            return None
        return Break(
            number, "changed", f"entry {entry.index} does not follow the entry before it: that one was replaced"
        )
    gone = [index for index in range(expected, entry.index) if index not in there]
    if gone:
        named = f"entry {gone[0]} is" if len(gone) == 1 else f"entries {gone[0]} to {gone[-1]} are"
        return Break(number, "missing", f"{named} missing before entry {entry.index}")
    return Break(number, "reordered", f"entry {entry.index} stands where entry {expected} belongs")
