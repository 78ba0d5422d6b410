"""What the log answers of a stage's criteria: is the run complete and gated, who signed, may there be another retraining by now?

Between the log and a standing; see `criteria` for what the run's numbers answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from hanka.operations.ledger.approvals import (
    APPROVAL,
    PROMOTION,
    RELEASE,
    ROLLBACK,
    Approval,
    approvals,
    gate_of,
    system_of,
)
from hanka.operations.ledger.entries import Entry
from hanka.operations.ledger.systems import AS_IS, Candidate, missing_of
from hanka.operations.rollout.criteria import Criterion, State
from hanka.operations.rollout.stages import Cadence, Stage

RETRAIN, ALARM = "retrain", "alarm"
"Kinds that others write, and that are read here."
STATES: Mapping[str, State] = {"pass": "met", "fail": "failed", "inconclusive": "open"}
"Outcome of a gate → what it makes of the criterion."


def complete(one: Candidate) -> Criterion:
    """Judge whether everything that the study asked has an answer."""
    missing = missing_of(one)
    counts = {"variants": missing.variants, "cells": missing.cells, "rows": missing.rows}
    return Criterion("complete", "open", "", "", counts) if missing.lines else Criterion("complete", "met")


def gated(entries: Sequence[Entry], one: Candidate, stage: Stage) -> Criterion:
    """Judge what a gate said of the run's present numbers; an inconclusive gate is no pass."""
    found = gate_of(entries, one)
    if found is None:
        asked = stage.gate == "required"
        return Criterion("gate", "open" if asked else "met", "none", "", {"asked": asked})
    outcome = str(found.body["outcome"])
    numbers = {"entry": found.index, "date": found.time[:10]}
    return Criterion("gate", STATES[outcome], outcome, "", numbers)


def reviewed(entries: Sequence[Entry], one: Candidate, variants: Sequence[str], stage: Stage) -> Criterion:
    """Judge whether enough people signed for the system as it is, since the last promotion."""
    signed = signatures(entries, one, variants)
    names = sorted({_person(each.entry.by): each.entry.by for each in signed}.values())
    roles = {str(each.entry.body["role"]).casefold() for each in signed}
    lacking = [role for role in stage.roles if role.casefold() not in roles]
    numbers = {"signed": len(names), "asked": stage.signatures, "roles": lacking, "names": names}
    is_met = len(names) >= stage.signatures and not lacking
    return Criterion("review", "met" if is_met else "open", "roles" if lacking else "", "", numbers)


def _person(by: str) -> str:
    """Return one spelling of a name: case, width and spaces make no second person."""
    return " ".join(unicodedata.normalize("NFKC", by).casefold().split())


def signatures(entries: Sequence[Entry], one: Candidate, variants: Sequence[str]) -> list[Approval]:
    """Return the approvals that carry the next promotion: of the system, on its present decision, after the last promotion."""
    since = max((each.index for each in entries if each.kind == PROMOTION), default=-1)
    return [
        each
        for each in approvals(entries)
        if each.counts and each.entry.index > since and each.system[0] == one.run and each.system[1] in variants
        and each.entry.body["decision"] == one.decision
    ]  # fmt: skip


def cadenced(
    entries: Sequence[Entry], one: Candidate, variants: Sequence[str], rule: Cadence, now: datetime
) -> Criterion:
    """Judge whether the period since the last other retraining is over, or a guardrail alarmed since.

    A retraining is an entry `retrain`, or the release of a system other than this one; a base model as it is was not trained.
    It was no earlier than any entry before it, whatever a clock that was set back said.
    """
    bases = {each.index for each in entries if each.kind == APPROVAL and each.body.get("outcome") == AS_IS}
    own = {(one.run, variant) for variant in variants}
    last = None
    for each in entries:
        is_release = each.kind == RELEASE and each.body["approval"] not in bases and system_of(each) not in own
        is_other = each.kind == RETRAIN and each.body.get("run") != one.run
        last = each if is_release or is_other else last
    if last is None:
        return Criterion("cadence", "met", "first", "", {"days": rule.days})
    when = max(each.when for each in entries[: last.index + 1])
    until = when + timedelta(days=rule.days)
    numbers = {
        "days": rule.days,
        "last": when.date().isoformat(),
        "until": until.date().isoformat(),
        "entry": last.index,
    }
    if now >= until:
        return Criterion("cadence", "met", "over", "", numbers)
    alarm = next(
        (
            each
            for each in reversed(entries)
            if each.kind == ALARM and each.body.get("guardrail") is True and each.index > last.index
        ),
        None,
    )
    if alarm is not None:
        return Criterion("cadence", "met", "alarm", "", numbers | {"alarm": alarm.index})
    return Criterion("cadence", "failed", "", "", numbers)


def promotions(entries: Sequence[Entry], names: Sequence[str]) -> dict[str, Entry]:
    """Return the stages that were passed, in order, each with the promotion that says so.

    A rollback from a system takes back what it was promoted for; where no other system passed that stage, every stage after it, too.
    """
    passed: dict[str, list[Entry]] = {name: [] for name in names}
    for each in entries:
        if each.kind == PROMOTION:
            passed.setdefault(str(each.body["stage"]), []).append(each)
        elif each.kind == ROLLBACK and each.body.get("from"):
            left = (each.body["from"]["run"], each.body["from"]["variant"])
            is_kept = True
            for name in names:
                others = [one for one in passed[name] if is_kept and system_of(one) != left]
                is_kept = is_kept and (bool(others) or not passed[name])
                passed[name] = others
    return {name: passed[name][-1] for name in takewhile(passed.__getitem__, names)}
