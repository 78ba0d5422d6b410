"""Which cells need more rows before the decision stands? One look at a study that grows until it is decided.

A system's cells on a test set grow together, block by block, and with them the base model's, as long as a claim that they
bear on is open: first its gain in domain, and once that is shown the harm on each test set. A claim closes by
the rule of the decision itself (`decision.py`), on intervals that hold at every look (`stats/sequential.py`). Rows of test
sets that no claim reads are asked to the last. Every look is stored in looks.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.analysis.claims import Claim, claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import Judged, claim_json, judge
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.analysis.health import health_of
from hanka.analysis.pooling import System, system_of
from hanka.stats import BettingSpread, e_value
from hanka.store.folder import RunFolder
from hanka.store.looks import stored_looks, write_looks


def look_at(folder: RunFolder) -> dict[str, int]:
    """Look at what is stored, store the look, and return how many rows each cell that grows is to have; {} at the end."""
    evidence = load_evidence(folder)
    assert evidence.block is not None
    rows = {cell_id: cell.n_asked for cell_id, cell in evidence.cells.items()}
    before = [one for one in stored_looks(folder) if one["rows"].keys() == rows.keys() and one["rows"] != rows]
    systems, grow = _look(evidence, evidence.block)
    found = {"look": len(before) + 1, "rows": rows, "systems": systems, "grow": grow}
    write_looks(folder, evidence.block, [*before, found])
    return grow


def _look(evidence: Evidence, block: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return what is claimed of every system now, and the rows that each cell which grows is to have."""
    claims = claims_of(Contrasts(evidence))
    unfit = {one.variant["id"]: one.unfit for one in health_of(evidence) if one.unfit}
    judged = [judge(one, evidence.level, unfit) for one in claims.systems]
    open_at = {(one.claims.cells.system, test) for one in judged for test in _open_tests(one)}
    grow = _growing(evidence, block, open_at, {test for one in judged for test in one.claims.cells.cells})
    return [_system_json(one) for one in judged], grow


def _open_tests(judged: Judged) -> list[str]:
    """Return the test sets whose rows would help to decide about a system; none where its training is what fails."""
    if judged.outcome != "undecided" or (judged.unfit is not None and not judged.claims.is_better):
        return []
    deciding = judged.open if judged.claims.is_better else judged.claims.benefits
    return list(dict.fromkeys(test for claim in deciding for test in claim.tests))


def _growing(evidence: Evidence, block: int, open_at: set[tuple[System, str]], claimed: set[str]) -> dict[str, int]:
    """Return the rows that each cell is to have at the next look; cells that have them already are left out."""
    of_base: dict[tuple[str, str], int] = defaultdict(int)
    wanted: dict[str, int] = {}
    for cell in evidence.done():
        test = str(cell.cell["test_dataset"])
        if test not in claimed:
            wanted[cell.cell["id"]] = cell.n_most
        elif not cell.is_unadapted and (system_of(cell.variant), test) in open_at:
            rows = wanted[cell.cell["id"]] = min(cell.n_asked + block, cell.n_most)
            of_base[cell.reference, test] = max(of_base[cell.reference, test], rows)
    for cell in evidence.done():
        is_rival = cell.is_unadapted or not cell.variant.get("changes_weights", True)
        if is_rival and cell.cell["id"] not in wanted:
            wanted[cell.cell["id"]] = of_base[cell.reference, str(cell.cell["test_dataset"])]
    return {cell_id: rows for cell_id, rows in wanted.items() if rows > evidence.cells[cell_id].n_asked}


def _system_json(judged: Judged) -> dict[str, Any]:
    system = judged.claims.cells.system
    return {
        "base": system.base, "method": system.label, "train_dataset": system.dataset, "train_size": system.size,
        "task": judged.claims.task, "outcome": judged.outcome, "open": _open_tests(judged),
        "benefits": [_claim(one) for one in judged.claims.benefits],
        "harms": [_claim(one) for one in judged.claims.harms] if judged.claims.is_better else [],
    }  # fmt: skip


def _claim(claim: Claim) -> dict[str, Any]:
    """Return a claim as the decision stores it, with its e-value where it has one."""
    spread = claim.contrast.spread
    found = e_value(spread.only_a, spread.only_b) if isinstance(spread, BettingSpread) else None
    return claim_json(claim) | {"e_value": found if found is None or found < 1e300 else 1e300}


def growth_of(evidence: Evidence) -> dict[str, Any] | None:
    """Return what findings.json says of a study that grew: looks, rows asked, rows saved; None where all were asked."""
    looks = stored_looks(evidence.folder)
    if evidence.block is None or not looks:
        return None
    return {"block": evidence.block, "n_looks": len(looks)} | _saved(evidence) | {"stopped": _stopped(looks)}


def _saved(evidence: Evidence) -> dict[str, Any]:
    cells = [cell for cell in evidence.cells.values() if cell.is_done]
    asked, most = sum(cell.n_asked for cell in cells), sum(cell.n_most for cell in cells)
    return {"rows_asked": asked, "rows_most": most, "saved": 1 - asked / most if most else 0.0}


def _stopped(looks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return by system and task at which look it was decided; null where it never was."""
    names = ("base", "method", "train_dataset", "train_size", "task")
    found = []
    for last in looks[-1]["systems"]:
        own = [
            (one["look"], system["outcome"])
            for one in looks
            for system in one["systems"]
            if all(system[name] == last[name] for name in names)
        ]
        at = next((number for number, outcome in own if outcome != "undecided"), None)
        found.append({name: last[name] for name in names} | {"outcome": last["outcome"], "look": at})
    return found


def growth_said(growth: Mapping[str, Any]) -> dict[str, str]:
    """Say in one sentence that a study stopped when it was decided, in English and Japanese."""
    asked, most, saved = growth["rows_asked"], growth["rows_most"], growth["saved"]
    n_open = sum(1 for one in growth["stopped"] if one["look"] is None)
    en = (
        f"Test rows were asked in blocks of {growth['block']} until the decision stood, in {growth['n_looks']} looks: {asked:,} of "
        f"{most:,} answers were needed ({saved:.0%} saved). Intervals of differences hold at every look, so they are wider than "
        f"those of as many rows asked at once"
    )
    en += f"; {n_open} of {len(growth['stopped'])} systems were still open at the last row." if n_open else "."
    ja = (
        f"テスト例は {growth['block']} 件ずつ、判断がつくまで質問しました（確認 {growth['n_looks']} 回）。{most:,} 件中 {asked:,} 件の"
        f"回答で済みました（{saved:.0%} の節約）。差の区間はどの時点の確認でも成り立つように作られ、同じ件数を一度に質問した場合より広くなります"
    )
    ja += (
        f"。{len(growth['stopped'])} 系統のうち {n_open} 系統は最後の例でも判断がつきませんでした。" if n_open else "。"
    )
    return {"message_en": en, "message_ja": ja}
