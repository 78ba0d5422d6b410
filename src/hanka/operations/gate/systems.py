"""Who is judged, and against whom: one variant asked one way, each side with one cell per test set.

Between the policy and its rules. What ships is one checkpoint asked one way, so a label with several seeds is refused: which of
them ships has to be said. What a policy names and the run never planned is a mistake of the policy; what was planned and is not
there is missing evidence, which `measured.py` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.compare import find_side, title_of
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.errors import HankaError
from hanka.operations.gate.policy import SystemSpec
from hanka.operations.gate.policy_file import Asked
from hanka.records import UNADAPTED, is_unadapted
from hanka.store.folder import RunFolder, read_json
from hanka.store.paths import as_path

ASKING = ("shots", "context", "prompt", "draw")
"How a system is asked."


class Asking(NamedTuple):
    """How a cell was asked."""

    shots: int
    context: str
    prompt: str
    draw: int

    @property
    def said(self) -> str:
        """Say it in few English words."""
        return f"{self.shots} shots, {self.context}, {self.prompt}" + (f", draw {self.draw}" if self.draw else "")


@dataclass(frozen=True, slots=True, eq=False)
class GateSide:
    """One side: a variant with the cell that stands for it on each test set."""

    evidence: Evidence
    "Its run."
    variant: Mapping[str, Any]
    "Its fields, from plan.json."
    title: str
    "What it is called."
    cells: Mapping[str, CellEvidence]
    "Test set → its cell, whether or not that was answered."
    left_out: Mapping[str, int]
    "Test set → its cells that were asked another way, which are not judged."
    unasked: Mapping[str, CellEvidence]
    "Test set that was asked in other ways alone → one of those cells: there is no evidence of it as it would ship."


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The candidate and what it is compared with."""

    candidate: GateSide
    against: GateSide
    "Cells as the candidate's are asked, or as the policy says."

    @property
    def is_one_run(self) -> bool:
        """Whether both are of one run, so that rows agree."""
        return self.candidate.evidence is self.against.evidence


def find_sides(asked: Asked, folder: RunFolder) -> Sides:
    """Find both sides of a policy in a run. Raises HankaError in one line where one is not there, or nothing is to ship."""
    folder.require_format()
    evidence = load_evidence(folder)
    other = evidence
    if asked.policy.against.run:
        path = as_path(asked.policy.against.run, asked.source.path.resolve().parent)
        if not (path / "plan.json").is_file():
            raise asked.error(("against", "run"), f"{asked.policy.against.run!r} is not the folder of a run")
        RunFolder(path).require_format()
        if path.resolve() != folder.path.resolve():
            other = load_evidence(RunFolder(path))
    return sides_of(asked, evidence, other)


def sides_of(asked: Asked, evidence: Evidence, other: Evidence) -> Sides:
    """Find both sides in evidence that was read; other: of the run that `against` names."""
    spec = asked.policy.candidate
    key = ("candidate",)
    variant = _recommended(asked, evidence) if not spec.variant else _variant(asked, key, evidence, spec.variant)
    candidate = _candidate(asked, evidence, variant)
    rival = asked.policy.against
    if is_unadapted(rival.variant or UNADAPTED):
        reference = str(variant.get("reference") or variant["base"])
        bases = [one for one in other.plan["variants"] if is_unadapted(one["method"])]
        found = next((one for one in bases if one["base"] == reference), None)
        if found is None:
            names = ", ".join(str(one["base"]) for one in bases) or "none"
            raise asked.error(
                ("against",), f"base model {reference} was not asked in {_called(other)}: base models there are {names}"
            )
    else:
        found = _variant(asked, ("against",), other, rival.variant)
    against = _against(asked, candidate, other, found)
    if other is evidence and any(candidate.cells[test] is cell for test, cell in against.cells.items()):
        raise asked.error(
            ("against",), f"{candidate.title} asked the same way is the candidate itself; name another system"
        )
    return Sides(candidate, against)


def _recommended(asked: Asked, evidence: Evidence) -> Mapping[str, Any]:
    """Return the variant that the run's decision recommends, where there is one and only one checkpoint of it."""
    decision = read_json(evidence.folder.findings)["decision"]
    found = [one for one in decision["per_task"] if not is_unadapted(one["recommend"])]
    if not found:
        raise asked.error(
            ("candidate",),
            f"the decision of {_called(evidence)} is {decision['outcome']!r} and recommends the base model, so nothing is to ship; name "
            "a variant with `candidate:` to judge it all the same",
        )
    names = ("base", "train_dataset", "train_size")
    wanted = {(one["recommend"], *(one[name] for name in names)) for one in found}
    variants = [one for one in evidence.plan["variants"] if (one["label"], *(one[name] for name in names)) in wanted]
    if len(variants) != 1:
        raise asked.error(
            ("candidate",),
            f"the decision recommends {len(variants)} variants; name the one that ships: {_listed(variants)}",
        )
    one: Mapping[str, Any] = variants[0]
    return one


def _variant(asked: Asked, key: tuple[str, ...], evidence: Evidence, name: str) -> Mapping[str, Any]:
    """Find one variant by id, its beginning, title or label."""
    try:
        ids = find_side(evidence, name).variants
    except HankaError as error:
        raise asked.error(key, str(error)) from None
    found = [one for one in evidence.plan["variants"] if one["id"] in ids]
    if len(found) != 1:
        raise asked.error(
            key, f"{name!r} has {len(found)} seeds, and one of them ships: write its id: {_listed(found)}"
        )
    one: Mapping[str, Any] = found[0]
    return one


def _candidate(asked: Asked, evidence: Evidence, variant: Mapping[str, Any]) -> GateSide:
    """Choose the candidate's cell of each test set: as the policy says, else as the variant is meant to be asked."""
    spec = asked.policy.candidate
    own = [cell for cell in evidence.cells.values() if cell.variant["id"] == variant["id"]]
    cells = _as_asked(asked, "candidate", spec, own)
    meant = int(variant.get("meant_shots") or 0)
    chosen: dict[str, CellEvidence] = {}
    for cell in sorted(cells, key=lambda one: (abs(int(one.cell["shots"]) - meant), *evidence.order(one.asking))):
        chosen.setdefault(str(cell.cell["test_dataset"]), cell)
    return _side(evidence, variant, {test: chosen[test] for test in _in_plan(own) if test in chosen}, own)


def _against(asked: Asked, candidate: GateSide, evidence: Evidence, variant: Mapping[str, Any]) -> GateSide:
    """Choose the other side's cells: asked as the candidate's are, but for what the policy says."""
    spec = asked.policy.against
    own = [cell for cell in evidence.cells.values() if cell.variant["id"] == variant["id"]]
    cells = _as_asked(asked, "against", spec, own)
    chosen: dict[str, CellEvidence] = {}
    for test, cell in candidate.cells.items():
        wanted = _like(spec, cell)
        fitting = [
            one
            for one in cells
            if one.cell["test_dataset"] == test and all(one.cell[name] == value for name, value in wanted.items())
        ]
        near = sorted(fitting, key=lambda one: (_distance(one, cell), *evidence.order(one.asking)))
        if near:
            chosen[test] = near[0]
    if not chosen and any(one.asks in ("non_inferior", "gain") for one in asked.policy.rules):
        how = next((asking_of(cell).said for cell in candidate.cells.values()), "")
        askings = "; ".join(dict.fromkeys(asking_of(cell).said for cell in own)) or "nothing"
        raise asked.error(
            ("against",),
            f"{title_of(evidence, variant)} is never asked as {candidate.title} is ({how}): say how with `shots`, `context` or `prompt`; "
            f"it is asked with {askings}",
        )
    return _side(evidence, variant, chosen, own)


def _like(spec: SystemSpec, cell: CellEvidence) -> dict[str, Any]:
    """Return what has to be as in the candidate's cell: everything that the policy leaves open, where it says nothing of shots."""
    names = ("shots", "context", "prompt") if spec.shots is None else ("prompt",)
    return {name: cell.cell[name] for name in names if getattr(spec, name) is None}


def _distance(one: CellEvidence, cell: CellEvidence) -> tuple[bool, bool]:
    return one.cell["context"] != cell.cell["context"], one.cell["draw"] != cell.cell["draw"]


def _as_asked(asked: Asked, key: str, spec: SystemSpec, cells: list[CellEvidence]) -> list[CellEvidence]:
    """Keep the cells that are asked as a policy says. Raises PolicyError where there is none."""
    for name in ASKING:
        wanted = getattr(spec, name)
        if wanted is None:
            continue
        kept = [cell for cell in cells if cell.cell[name] == wanted]
        if not kept:
            known = ", ".join(dict.fromkeys(str(cell.cell[name]) for cell in cells)) or "none"
            raise asked.error((key, name), f"{wanted!r} is not how it was asked: {name} in the run: {known}")
        cells = kept
    return cells


def _side(
    evidence: Evidence, variant: Mapping[str, Any], cells: Mapping[str, CellEvidence], own: list[CellEvidence]
) -> GateSide:
    counts = {test: sum(cell.cell["test_dataset"] == test for cell in own) - 1 for test in cells}
    unasked = {test: cell for cell in own if (test := str(cell.cell["test_dataset"])) not in cells}
    left_out = {test: n for test, n in counts.items() if n}
    return GateSide(evidence, variant, title_of(evidence, variant), cells, left_out, unasked)


def _in_plan(cells: list[CellEvidence]) -> list[str]:
    return list(dict.fromkeys(str(cell.cell["test_dataset"]) for cell in cells))


def asking_of(cell: CellEvidence) -> Asking:
    """Return how a cell is asked."""
    return Asking(*(cell.cell[name] for name in ASKING))


def _called(evidence: Evidence) -> str:
    return evidence.folder.path.name or str(evidence.folder.path)


def _listed(variants: list[Any]) -> str:
    return ", ".join(f"{one['id']} (seed {one['seed']}, {one['train_size']} rows)" for one in variants)
