"""What the log of decisions says of a run's variants, for their model cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hanka.analysis.cards import Governed, Signed
from hanka.errors import RefusedError
from hanka.operations.ledger.approvals import Approval, about_run, approvals
from hanka.operations.ledger.chain import read
from hanka.operations.ledger.entries import Entry, log_path
from hanka.operations.ledger.serving import back_from
from hanka.store.folder import RunFolder, read_json


def governed_variants(place: Path, folder: RunFolder) -> dict[str, Governed]:
    """Return by variant who approved it on the run's present decision, and what would be served instead; {} without a log.

    Raises LedgerError for a log that is not whole: a card is no place for what it says.
    """
    if not log_path(place).exists():
        return {}
    entries, about = read(place), about_run(folder)
    known = approvals(entries)
    head = entries[-1].hash if entries else ""
    found = {}
    for variant in read_json(folder.plan)["variants"]:
        own = [
            one for one in known
            if one.counts and one.system == (about["run"], variant["id"]) and one.entry.body["decision"] == about["decision"]
        ]  # fmt: skip
        found[str(variant["id"])] = Governed(tuple(map(_signed, own)), _instead(entries, own), head)
    return found


def _signed(one: Approval) -> Signed:
    body = one.entry.body
    return Signed(one.entry.by, str(body["role"]), one.entry.time[:10], one.entry.index, str(body["although"]))


def _instead(entries: Sequence[Entry], own: list[Approval]) -> str:
    if not own:
        return ""
    try:
        return back_from(entries, own[-1]).title
    except RefusedError:
        return ""
