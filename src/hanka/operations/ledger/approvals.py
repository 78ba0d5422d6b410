"""Who approved which system: read from the log, and written into it where run, decision and gate allow it.

An approval names a variant by the hashes of its files and by the decision it rests on. It counts until it is withdrawn, or until the
system was rolled back from. Entries of kind `gate` are read for their `outcome` alone (pass, fail, inconclusive), and count for the run that
their `run` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import hanka
from hanka.analysis.evidence import load_evidence
from hanka.errors import LedgerError, RefusedError
from hanka.identity import canonical, sha256_text
from hanka.operations.ledger.chain import read
from hanka.operations.ledger.entries import Entry, append
from hanka.operations.ledger.systems import (
    AS_IS,
    Candidate,
    base_of,
    files_of,
    find_candidate,
    missing_of,
    relative,
    run_id,
)
from hanka.store.folder import RunFolder, read_json

APPROVAL, WITHDRAWAL, RELEASE, ROLLBACK, PROMOTION = "approval", "withdrawal", "release", "rollback", "promotion"
GATE, REPAIR = "gate", "repair"
OWN = (APPROVAL, WITHDRAWAL, RELEASE, ROLLBACK, PROMOTION, REPAIR)
"Kinds that only the commands of their own write."
OUTCOMES = ("pass", "fail", "inconclusive")
"What a gate may say."
ALLOWED = ("adapt", AS_IS)
"Decisions that need no further reason."


@dataclass(frozen=True, slots=True)
class Approval:
    """A system that somebody approved."""

    entry: Entry
    "The entry."
    ended: Entry | None = None
    "What ended it: a withdrawal, or a rollback from it; None while it counts."

    @property
    def system(self) -> tuple[str, str]:
        """Run and variant."""
        return system_of(self.entry)

    @property
    def title(self) -> str:
        """What the system is called, with the run."""
        return f"{self.entry.body['title']} of {self.entry.body['study']} ({self.entry.body['variant'][:8]})"

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return self.ended is None


@dataclass(frozen=True, slots=True)
class Signing:
    """What an approval is asked with."""

    variant: str
    "Id, its beginning, label or title."
    by: str
    "Who approves."
    role: str
    "As what."
    note: str = ""
    "What else is to be known."
    although: str = ""
    "Why, where run, decision or gate do not allow it; empty: they have to."


def system_of(entry: Entry) -> tuple[str, str]:
    """Return run and variant that an entry is about; empty where it names none."""
    return str(entry.body.get("run", "")), str(entry.body.get("variant", ""))


def approve(place: Path, folder: RunFolder, asked: Signing, at: datetime | None = None) -> Entry:
    """Log that a variant of a run is approved. Raises RefusedError where run, decision or gate do not allow it and no reason is given."""
    if not asked.role.strip():
        raise LedgerError("--role: say as what you approve, such as lead or reviewer")
    entries = read(place)
    one = find_candidate(folder, asked.variant)
    gate = gate_of(entries, one)
    against = objections(one, gate)
    if against and not asked.although.strip():
        raise RefusedError(
            f"{one.title} is not approved: {'; '.join(against)}. To approve it nevertheless, say why with --although REASON; "
            f"the reason is logged"
        )
    files = files_of(one)
    judged = one.judged
    body = {
        "run": one.run,
        "study": one.evidence.plan["study"],
        "folder": relative(folder.path, place),
        "variant": one.variant["id"],
        "label": one.variant["label"],
        "title": one.title,
        "base": base_of(one),
        "role": asked.role.strip(),
        "note": asked.note,
        "although": asked.although.strip() if against else "",
        "objections": against,
        "outcome": judged.outcome,
        "sentence": judged.sentence,
        "decision": one.decision,
        "gate": None if gate is None else {"entry": gate.index, "outcome": gate.body["outcome"]},
        "shots": one.variant.get("meant_shots", 0),
        "rows": one.variant.get("rows", ""),
        "files": files,
        "hanka": hanka.__version__,
    }
    return append(place, APPROVAL, body, asked.by, at)


def objections(one: Candidate, gate: Entry | None) -> list[str]:
    """Say what speaks against approving a system: the run is not complete, its decision is another, its gate did not pass."""
    found = missing_of(one).lines
    outcome, sentence = one.judged
    if outcome not in ALLOWED:
        said = {"trade-off": "the decision is a trade-off", "keep": "the decision is to keep the base model"}
        found.append(said.get(outcome, "nothing is decided yet" if outcome == "undecided" else sentence.rstrip(".")))
    if gate is not None and gate.body["outcome"] != "pass" and outcome != AS_IS:
        found.append(f"the gate of entry {gate.index} says {gate.body['outcome']}")
    return found


def gate_of(entries: Iterable[Entry], one: Candidate) -> Entry | None:
    """Return the last word of a gate on a system; None where the log has none on its present numbers.

    An entry counts that names the run and its decision as it is, and, where it names a variant, this one.
    """
    found = None
    for entry in entries:
        if entry.kind == GATE and (entry.body.get("run"), entry.body.get("decision")) == (one.run, one.decision):
            is_this = entry.body.get("variant") in (None, "", one.variant["id"])
            found = entry if is_this and entry.body.get("outcome") in OUTCOMES else found
    return found


def withdraw(place: Path, index: int, by: str, why: str, at: datetime | None = None) -> Entry:
    """Log that an approval no longer counts. Raises LedgerError where the entry is none that counts."""
    known = {one.entry.index: one for one in approvals(read(place))}
    counting = [str(number) for number, one in known.items() if one.counts]
    if index not in known or not known[index].counts:
        raise LedgerError(
            f"entry {index} is no approval that counts; those that count: {', '.join(counting) or 'none'}"
        )
    if not why.strip():
        raise LedgerError("--why: say why the approval is withdrawn")
    run, variant = known[index].system
    body = {
        "entry": index,
        "run": run,
        "variant": variant,
        "title": known[index].entry.body["title"],
        "why": why.strip(),
    }
    return append(place, WITHDRAWAL, body, by, at)


def approvals(entries: Sequence[Entry]) -> list[Approval]:
    """Return all approvals of a log in order, each with what ended it."""
    found: list[Approval] = []
    for entry in entries:
        if entry.kind == APPROVAL:
            found.append(Approval(entry))
        elif entry.kind == WITHDRAWAL:
            found = [Approval(one.entry, entry) if one.entry.index == entry.body["entry"] else one for one in found]
        elif entry.kind == ROLLBACK:
            left = _left(entry.body)
            found = [Approval(one.entry, entry) if one.counts and one.system == left else one for one in found]
    return found


def _left(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the system that a rollback left."""
    before = body.get("from") or {}
    return str(before.get("run", "")), str(before.get("variant", ""))


def add(place: Path, kind: str, body: Mapping[str, Any], by: str, run: RunFolder | None = None) -> Entry:
    """Log something seen or done elsewhere: a gate's verdict, an alarm, a retraining. run: the run that it is about.

    Raises LedgerError for a kind that a command of its own writes, for a gate without an outcome or a run, and for a body that says
    otherwise what the run says of itself.
    """
    if kind in OWN:
        raise LedgerError(
            f"kind {kind!r} is written by a command of its own; `hanka log --help` and `hanka rollback --help` name it"
        )
    if kind == GATE and body.get("outcome") not in OUTCOMES:
        raise LedgerError(f"a gate needs outcome={'|'.join(OUTCOMES)}, not {body.get('outcome')!r}")
    about: dict[str, Any] = {}
    if run is not None:
        about = about_run(run)
        other = next((name for name, value in about.items() if body.get(name, value) != value), None)
        if other is not None:
            raise LedgerError(f"{other} is said by --run: {about[other]!r}, not {body[other]!r}; leave one of them out")
    whole = {**about, **body}
    if kind == GATE and not whole.get("run"):
        raise LedgerError("a gate needs the run that it is about: name its folder with --run")
    return append(place, kind, whole, by)


def about_run(folder: RunFolder) -> dict[str, Any]:
    """Return how an entry names a run and the decision of its present numbers."""
    folder.require_format()
    plan = load_evidence(folder).plan
    decision = read_json(folder.findings)["decision"]
    return {"run": run_id(plan), "study": plan["study"], "decision": sha256_text(canonical(decision))}
