"""Which approved system is served: released, rolled back, and told to a server in a file that is replaced as a whole.

The log is the truth; place/current.json repeats its last word for a server to read, with paths seen from its own folder. A system is
served only with the very files that were approved: each is hashed before the pointer moves. Limit: a base model that is served as it is has
no files here; its identity is told instead.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hanka.errors import LedgerError, RefusedError
from hanka.operations.ledger.approvals import RELEASE, ROLLBACK, Approval, approvals
from hanka.operations.ledger.chain import read
from hanka.operations.ledger.entries import Entry, append_held, held, log_path
from hanka.operations.ledger.systems import changed_files
from hanka.store.folder import read_json_or_none, write_json

POINTER = "current.json"
FORMAT = 1
"Of current.json."
SHORTEST = 4
"Characters of an id that name an approval."


@dataclass(frozen=True, slots=True)
class Live:
    """What is served."""

    entry: Entry
    "The release or rollback that said so."
    approval: Approval
    "The approval it rests on."


@dataclass(frozen=True, slots=True)
class Move:
    """What a release or a rollback does."""

    live: Live | None
    "What is served before; None: nothing yet."
    to: Approval
    "What is served afterwards."


def live(entries: Sequence[Entry]) -> Live | None:
    """Return what a log says is served; None where nothing was released."""
    known = {one.entry.index: one for one in approvals(entries)}
    last = next((one for one in reversed(entries) if one.kind in (RELEASE, ROLLBACK)), None)
    return None if last is None else Live(last, known[last.body["approval"]])


def plan_release(place: Path, which: str = "") -> Move:
    """Return what releasing an approved system would do. which: entry, or the beginning of a variant's id; empty: the last one approved.

    Raises LedgerError where no approval of that name counts, RefusedError where its files are not those that were approved.
    """
    entries = _begun(place)
    to = _named(approvals(entries), which)
    return _checked(place, Move(live(entries), to))


def plan_rollback(place: Path, which: str = "") -> Move:
    """Return what rolling back would do: to the approved system that was served last before this one, or to one that is named.

    Where none was served before, to the one that was approved last before this one.
    Raises RefusedError where nothing approved is left, or where its files are not those that were approved.
    """
    entries = _begun(place)
    now, known = live(entries), approvals(entries)
    if which:
        to = _named(known, which)
        if now is not None and to.system == now.approval.system:
            raise LedgerError(f"{to.title} is what is served now; name another approval with --to")
    else:
        to = back_from(entries, now.approval if now is not None else None)
    return _checked(place, Move(now, to))


def back_from(entries: Sequence[Entry], now: Approval | None) -> Approval:
    """Return what a rollback from a system goes to; now: the system, None: whatever is approved last.

    Raises RefusedError where nothing approved is left.
    """
    left = [one for one in approvals(entries) if one.counts and (now is None or one.system != now.system)]
    before = _served(entries, left) or [one for one in left if now is None or one.entry.index < now.entry.index]
    if not before:
        others = f"; approved later: {', '.join(_shown(one) for one in left)}, to be named with --to" if left else ""
        served = f" before {now.title}" if now else ""
        raise RefusedError(f"no approved system is left{served}, so there is nothing to go back to{others}")
    return before[-1]


def carry_out(place: Path, kind: str, move: Move, by: str, why: str = "", at: datetime | None = None) -> Entry:
    """Log a move that was planned and tell it to the server. kind: release or rollback.

    Where the system is served already, the pointer alone is written anew. The log is held from the last look at it until the
    pointer stands, so that of two who move at once one is refused. Raises LedgerError where the log went on since.
    """
    with held(place):
        entries = read(place)
        now = live(entries)
        if (now and now.entry) != (move.live and move.live.entry):
            raise LedgerError(
                f"{place}: something else was released meanwhile; look at it with `hanka log show {place}`"
            )
        if not any(one.counts and one.entry == move.to.entry for one in approvals(entries)):
            raise LedgerError(f"{place}: entry {move.to.entry.index} no longer counts; it was withdrawn meanwhile")
        if now is not None and now.approval.entry == move.to.entry:
            entry = now.entry
        else:
            entry = append_held(place, kind, _moved(move, why), by, at)
        write_json(place / POINTER, _pointer(move.to) | _said(entry))
    return entry


def _moved(move: Move, why: str) -> dict[str, Any]:
    """Return the body of the entry for a move."""
    run, variant = move.to.system
    body: dict[str, Any] = {
        "approval": move.to.entry.index,
        "run": run,
        "variant": variant,
        "title": move.to.entry.body["title"],
    }
    if move.live is not None:
        run, variant = move.live.approval.system
        body["from"] = {"run": run, "variant": variant, "title": move.live.approval.entry.body["title"]}
    return body | ({"why": why} if why else {})


def folder_of(place: Path, one: Approval) -> Path:
    """Return the folder of an approved system's run, as it is seen from here."""
    return Path(os.path.normpath(place / one.entry.body["folder"]))


def pointer_says(place: Path) -> str:
    """Say what is wrong with current.json against the log; empty where it repeats the log's last word."""
    now = live(read(place))
    found = read_json_or_none(place / POINTER)
    if now is None:
        return "" if found is None else f"{place / POINTER} names a system, and the log released none"
    wanted = _pointer(now.approval) | _said(now.entry)
    if not isinstance(found, dict) or any(found.get(name) != value for name, value in wanted.items()):
        again = f"hanka log release --to {now.approval.entry.index} --confirm --by NAME"
        return f"{place / POINTER} does not say what the log says; `{again}` writes it anew"
    return ""


def _served(entries: Sequence[Entry], left: Sequence[Approval]) -> list[Approval]:
    """Return which of some approvals are of what was served, in order: what worked before goes before what was only approved.

    A system whose approval was withdrawn is still one that was served where another approval of the same files counts.
    """
    known = {one.entry.index: one for one in approvals(entries)}
    moves = [known[one.body["approval"]] for one in entries if one.kind in (RELEASE, ROLLBACK)]
    same = ([one for one in left if _what(one) == _what(served)] for served in moves)
    return [found[-1] for found in same if found]


def _what(one: Approval) -> tuple[tuple[str, str], Any]:
    return one.system, one.entry.body["files"]


def _begun(place: Path) -> tuple[Entry, ...]:
    """Return the entries of a log. Raises LedgerError where none was begun: a wrong folder is not an empty log."""
    if not log_path(place).exists():
        raise LedgerError(f"{log_path(place)}: no such log; `hanka log approve` begins one, or name its folder")
    return read(place)


def _named(known: Sequence[Approval], which: str) -> Approval:
    """Return the last approval that counts and is meant: by its entry, or by the beginning of its variant's id or its title."""
    counting = [one for one in known if one.counts]
    listed = ", ".join(_shown(one) for one in counting) or "none"
    if not counting:
        raise RefusedError("no approval counts, so nothing can be served; `hanka log approve` signs one")
    if not which:
        return counting[-1]
    found = [one for one in counting if which == str(one.entry.index)]
    if not found and len(which) >= SHORTEST:
        found = [one for one in counting if one.system[1].startswith(which) or one.entry.body["title"] == which]
    if not found:
        raise LedgerError(f"{which!r} names no approval that counts; approved are: {listed}")
    if len({one.system for one in found}) > 1:
        raise LedgerError(f"{which!r} names several systems; write the number of the entry: {listed}")
    return found[-1]


def _shown(one: Approval) -> str:
    return f"entry {one.entry.index} = {one.title}"


def _checked(place: Path, move: Move) -> Move:
    body = move.to.entry.body
    folder = folder_of(place, move.to)
    wrong = changed_files(folder, body["files"])
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise RefusedError(
            f"{move.to.title} cannot be served: in {folder} {', '.join(wrong[:3])}{more}; put the approved files "
            f"back, or name another approval"
        )
    return move


def _pointer(one: Approval) -> dict[str, Any]:
    body = one.entry.body
    return {
        "format": FORMAT,
        "title": body["title"],
        "study": body["study"],
        "run": body["run"],
        "variant": body["variant"],
        "folder": f"{body['folder']}/variants/{body['variant']}" if body["files"] else None,
        "base": body["base"],
        "shots": body["shots"],
        "files": {f"{body['folder']}/{name}": digest for name, digest in body["files"].items()},
        "approval": one.entry.index,
    }


def _said(entry: Entry) -> dict[str, Any]:
    """Return what current.json says of the entry that put a system there."""
    return {"entry": entry.index, "since": entry.time, "head": entry.hash}
