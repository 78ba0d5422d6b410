"""Where a run stands: before which stage, which criteria are met, and whether it may go on.

Reads a run, the stages and the log; `promote` alone writes. A failed criterion goes before an open one: what must not go on is not called
unfinished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hanka.analysis.claims import Claims, claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.pooling import Pooling, SystemCells, system_of
from hanka.errors import HankaError, LedgerError, RefusedError
from hanka.operations.ledger.approvals import PROMOTION, Approval
from hanka.operations.ledger.approvals import system_of as system_of_entry
from hanka.operations.ledger.chain import read
from hanka.operations.ledger.entries import Entry, append_held, held
from hanka.operations.ledger.systems import Candidate, find_candidate
from hanka.operations.rollout.criteria import Criterion, Judging, measured
from hanka.operations.rollout.signed import cadenced, complete, gated, promotions, reviewed, signatures
from hanka.operations.rollout.stages import Stage, Stages
from hanka.store.folder import RunFolder, read_json

Verdict: TypeAlias = Literal["go_on", "must_not", "missing", "through"]
EXIT: Mapping[Verdict, int] = {"go_on": 0, "through": 0, "must_not": 1, "missing": 3}
"Verdict → exit code."


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands."""

    candidate: Candidate
    "The run, with one variant of the system."
    system: SystemCells
    "The system, over its seeds."
    stages: Stages
    "What was asked for."
    passed: Mapping[str, Entry]
    "Stages that were passed, with the promotion of each."
    stage: Stage | None
    "The stage it stands before passing; None: all are passed, the last one by this system."
    tasks: tuple[str, ...]
    "Trained tasks that the stage is about."
    criteria: tuple[Criterion, ...]
    "What the stage asks; () where all are passed."
    signed: tuple[Approval, ...]
    "Approvals that carry the next promotion."
    head: str
    "Head of the log; empty where there is none yet."
    at: datetime
    "When it was looked at."

    @property
    def verdict(self) -> Verdict:
        """May it go on?"""
        states = {one.state for one in self.criteria}
        if self.stage is None:
            return "through"
        return "must_not" if "failed" in states else "missing" if "open" in states else "go_on"

    @property
    def exit_code(self) -> int:
        """0 may go on, 1 must not, 3 evidence is missing."""
        return EXIT[self.verdict]

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """What the run decided about the tasks of the stage, or about all where it trained none of its kinds."""
        per_task = self.candidate.findings["decision"]["per_task"]
        return [one for one in per_task if one["task"] in self.tasks] or list(per_task)


def stand(folder: RunFolder, place: Path, stages: Stages, variant: str, now: datetime) -> Standing:
    """Judge a run by the stage that the log says comes next.

    variant: of the system; empty: the one that the run's decision is about. Where all stages are passed, but the last one by another
    system or on other numbers, it is the last one that this system stands before: what another one showed is no evidence of it.
    Raises HankaError where the decision is about no system, or several.
    """
    entries = read(place)
    passed = promotions(entries, [one.name for one in stages.stages])
    stage = next((one for one in stages.stages if one.name not in passed), None)
    one = find_candidate(folder, variant or _decided(folder, stage))
    claims, system = _judged(one)
    variants = [each["id"] for each in system.variants]
    last = stages.stages[-1]
    if stage is None and not _is_of(passed[last.name], one, variants):
        stage = last
    own = _own_tasks(one, system)
    tasks = tuple(task for task in own if stage is not None and one.evidence.task(task)["kind"] in stage.kinds)
    criteria: list[Criterion] = []
    if stage is not None:
        numbers = measured(Judging(one.evidence, claims, system, stage, tasks)) if tasks else [_no_task(stage, own)]
        criteria = [
            complete(one),
            *numbers,
            gated(entries, one, stage),
            reviewed(entries, one, variants, stage),
            cadenced(entries, one, variants, stages.cadence, now),
        ]
    signed = tuple(signatures(entries, one, variants))
    head = entries[-1].hash if entries else ""
    return Standing(one, system, stages, passed, stage, tasks, tuple(criteria), signed, head, now)


def promote(place: Path, standing: Standing, by: str, at: datetime | None = None) -> Entry:
    """Log that the system of a standing passed its stage. Raises RefusedError where it may not, LedgerError where the log went on."""
    if standing.stage is None:
        raise RefusedError("all stages are passed; nothing is left to promote to")
    if standing.verdict != "go_on":
        wanted = ", ".join(dict.fromkeys(one.name for one in standing.criteria if one.state != "met"))
        raise RefusedError(f"stage {standing.stage.name} is not passed: {wanted}")
    body = _promoted(standing, standing.stage)
    with held(place):
        entries = read(place)
        if not entries or entries[-1].hash != standing.head:
            raise LedgerError(f"{place}: the log went on since the run was judged; judge it again")
        return append_held(place, PROMOTION, body, by, at)


def _promoted(standing: Standing, stage: Stage) -> dict[str, Any]:
    """Return the body of the entry for a promotion: which system passed what, and every condition with its numbers."""
    last = standing.signed[-1].entry
    return {
        "stage": stage.name,
        "run": last.body["run"],
        "variant": last.body["variant"],
        "title": last.body["title"],
        "study": last.body["study"],
        "decision": standing.candidate.decision,
        "approvals": [one.entry.index for one in standing.signed],
        "asked": stage.model_dump(mode="json"),
        "criteria": [
            {"name": one.name, "state": one.state, "about": one.about, "numbers": dict(one.numbers)}
            for one in standing.criteria
        ],
    }


def _is_of(promotion: Entry, one: Candidate, variants: Sequence[str]) -> bool:
    """Tell whether a promotion is of a system, on its present numbers."""
    run, variant = system_of_entry(promotion)
    return run == one.run and variant in variants and promotion.body["decision"] == one.decision


def _decided(folder: RunFolder, stage: Stage | None) -> str:
    """Return a variant of the system that a run's decision is about, on the tasks of a stage."""
    folder.require_format()
    plan, per_task = read_json(folder.plan), read_json(folder.findings)["decision"]["per_task"]
    kinds = plan["tasks"]
    about = [one for one in per_task if stage is None or kinds[one["task"]]["kind"] in stage.kinds] or per_task
    found: dict[tuple[Any, ...], str] = {}
    for entry in about:
        key = (entry["base"], entry.get("candidate", ""), entry["train_dataset"], entry["train_size"])
        for variant in plan["variants"]:
            if tuple(system_of(variant)) == key:
                found.setdefault(key, variant["id"])
    adapted = ", ".join(
        dict.fromkeys(f"{one['id'][:8]} = {one['label']}" for one in plan["variants"] if one["train_task"])
    )
    if len(found) != 1:
        what = "several systems" if found else "no system"
        raise HankaError(
            f"{folder.path}: its decision is about {what}; name one with --variant: {adapted or 'it trained none'}"
        )
    return next(iter(found.values()))


def _judged(one: Candidate) -> tuple[Claims, SystemCells]:
    """Return all claims of a run and the system of a candidate. Raises HankaError for the base model, which is not rolled out."""
    contrasts = Contrasts(one.evidence)
    own = system_of(one.variant)
    system = next((each for each in Pooling(contrasts).systems() if each.system == own), None)
    if system is None:
        raise HankaError(f"{one.title} is not adapted, so there is nothing to roll out; name another with --variant")
    return claims_of(contrasts), system


def _own_tasks(one: Candidate, system: SystemCells) -> list[str]:
    """Return the tasks that a system is tested on in domain."""
    inside = [test for test, relation in system.relations.items() if relation == "in_domain"]
    tasks = {str(cell["test_dataset"]): str(cell["test_task"]) for cell in one.evidence.plan["cells"]}
    return list(dict.fromkeys(tasks[test] for test in inside))


def _no_task(stage: Stage, own: Sequence[str]) -> Criterion:
    return Criterion("task", "open", "", "+".join(own), {"kinds": list(stage.kinds)})


def missing(criteria: Sequence[Criterion]) -> list[Criterion]:
    """Return what is not met, what fails first."""
    return sorted((one for one in criteria if one.state != "met"), key=lambda one: one.state != "failed")
