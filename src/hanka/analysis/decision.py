"""Should it be adapted, how, with how much data? Four outcomes per trained task, each with what would change it.

*adapt*: a gain in domain is shown against the base at every asking, and on every test set a loss larger than the
declared harm is excluded. *trade-off*: the gain is shown, and so is a loss on some test set. *keep*: no system can gain what
would be worthwhile. *undecided*: anything else, with the rows or seeds that would decide it. What is shown comes from
`claims.py`; nothing is chosen on the test rows but the best of several systems, whose gain has a simultaneous interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hanka.analysis.asked import undeclared_said
from hanka.analysis.claims import Claim, Claims, SystemClaims
from hanka.analysis.evidence import Evidence
from hanka.analysis.sentences import Told, Unfit, also, said
from hanka.records import UNADAPTED
from hanka.stats import design_effect, rows_to_exclude, rows_to_show

Outcome: TypeAlias = Literal["adapt", "trade-off", "keep", "undecided"]
PREFERRED: tuple[Outcome, ...] = ("adapt", "trade-off", "undecided", "keep")
"Which outcome of several systems is a task's: what is shown goes before what is open, and that before giving up."
SEEDS = 5
"Training seeds from which a claim is about the method, not about these checkpoints."


@dataclass(frozen=True, slots=True)
class Judged:
    """A system with its outcome."""

    claims: SystemClaims
    outcome: Outcome
    harmed: tuple[Claim, ...]
    "Losses that are shown."
    open: tuple[Claim, ...]
    "Test sets where a loss beyond the margin is neither shown nor excluded."
    unfit: Unfit | None = None
    "Why nothing follows from its training; None where it trained."


def decide(evidence: Evidence, claims: Claims, unfit: Mapping[str, Unfit] | None = None) -> dict[str, Any]:
    """Return the decision for findings.json: one sentence over all, one entry per trained task.

    unfit: variant id → why nothing follows from its training, as `health.py` found it.
    """
    per_task = []
    for task in evidence.plan["trained_tasks"]:
        judged = [judge(one, evidence.level, unfit or {}) for one in claims.systems if one.task == task]
        per_task.append(_entry(evidence, claims, task, judged))
    nothing = undeclared_said(evidence) or (NOTHING_EN, NOTHING_JA)
    return {
        "outcome": overall([entry["outcome"] for entry in per_task]),
        "sentence_en": " ".join(entry["sentence_en"] for entry in per_task) or nothing[0],
        "sentence_ja": "".join(entry["sentence_ja"] for entry in per_task) or nothing[1],
        "margins": {kind: evidence.plan["stats"][kind] for kind in ("equivalence", "harm", "worthwhile")},
        "n_contrasts": {
            "benefit": len(claims.systems),
            "harm": sum(len(one.harms) for one in claims.systems if one.is_better),
        },
        "per_task": per_task,
    }


NOTHING_EN = "No task was trained, so there is nothing to decide."
NOTHING_JA = "学習したタスクがないため、判断の対象がありません。"


def overall(outcomes: Sequence[str]) -> str:
    """Return one word for several tasks, or none: theirs where they agree, else undecided; a gain with a price is a trade-off."""
    if set(outcomes) == {"adapt", "trade-off"}:
        return "trade-off"
    return outcomes[0] if len(set(outcomes)) == 1 else "undecided"


def judge(system: SystemClaims, level: float, unfit: Mapping[str, Unfit]) -> Judged:
    """Judge a system. One that did not train shows nothing about whether adapting pays: it is undecided, never a keep."""
    harmed = tuple(one for one in system.harms if system.is_better and one.verdict == "worse")
    unclear = tuple(one for one in system.harms if one.least(level) <= -one.margins["harm"] and one not in harmed)
    if system.is_better:
        outcome: Outcome = "trade-off" if harmed else "undecided" if unclear else "adapt"
    else:
        toughest = system.toughest
        most = toughest.wide.high if toughest.wide else math.inf
        outcome = "keep" if most < toughest.margins["worthwhile"] else "undecided"
    why = next((unfit[one["id"]] for one in system.cells.variants if one["id"] in unfit), None)
    if why is not None and not system.is_better:
        outcome = "undecided"
    return Judged(system, outcome, harmed, unclear, why)


def _entry(evidence: Evidence, claims: Claims, task: str, judged: Sequence[Judged]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "task": task,
        "outcome": "undecided",
        "recommend": UNADAPTED,
        "base": "",
        "train_dataset": "",
    }
    entry |= {"train_size": 0, "n_seeds": 0, "asked": None, "benefit": None, "harms": [], "decide": None, "systems": []}
    entry["others"] = []
    if not judged:
        return entry | {
            "sentence_en": f"{task}: undecided, because no variant could be compared in domain.",
            "sentence_ja": f"{task}：ドメイン内で比較できるバリアントがないため、判断できません。",
            "flip_en": "", "flip_ja": "",
        }  # fmt: skip
    best = _best(judged)
    system, toughest = best.claims.cells.system, best.claims.toughest
    shown = best.outcome in ("adapt", "trade-off")
    entry |= {
        "outcome": best.outcome,
        "recommend": system.label if shown else UNADAPTED,
        "candidate": system.label,
        "base": system.base,
        "train_dataset": system.dataset,
        "train_size": system.size,
        "n_seeds": toughest.contrast.n_seeds,
        "asked": best.claims.cells.asked[toughest.tests[0]]._asdict(),
        "benefit": claim_json(toughest),
        "harms": [claim_json(one) for one in best.claims.harms],
        "decide": what_decides(best, claims, evidence.level),
        "systems": [_system_json(one, claims, evidence.level) for one in judged],
    }
    told = _told(task, best, claims, evidence.level)
    others = [_told(task, one, claims, evidence.level) for one in judged if one is not best]
    return entry | said(told, evidence) | {"others": [also(one, evidence, told) for one in others if one.decide]}


def _told(task: str, one: Judged, claims: Claims, level: float) -> Told:
    return Told(task, one.claims, one.outcome, one.harmed, one.open, what_decides(one, claims, level), one.unfit)


def _best(judged: Sequence[Judged]) -> Judged:
    """Return the system a task's outcome is about: the largest gain among those with the preferred outcome."""
    outcome = next(one for one in PREFERRED if any(each.outcome == one for each in judged))
    candidates = [one for one in judged if one.outcome == outcome]
    trained = [one for one in candidates if one.unfit is None]
    return max(trained or candidates, key=lambda one: one.claims.toughest.gain)


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return a claim as findings.json holds it; differences as they are, not upwards."""
    contrast, wide = claim.contrast, claim.wide
    low, high = sorted((claim.sign * wide.low, claim.sign * wide.high)) if wide else (None, None)
    return {
        "tests": list(claim.tests),
        "relation": claim.relation,
        "metric": claim.metric.name,
        "rival_shots": claim.rival.shots if claim.rival else None,
        "rival_context": claim.rival.context if claim.rival else None,
        "n": contrast.n,
        "n_units": contrast.n_units,
        "n_seeds": contrast.n_seeds,
        "value": contrast.value_a,
        "base_value": contrast.value_b,
        "delta": contrast.delta,
        "sim_low": low,
        "sim_high": high,
        "p_value": contrast.p_value,
        "p_adjusted": claim.p_adjusted if wide else None,
        "verdict": claim.verdict,
        "margins": dict(claim.margins),
        "variance": {term.source: term.variance for term in contrast.terms},
    }


def _system_json(judged: Judged, claims: Claims, level: float) -> dict[str, Any]:
    system = judged.claims.cells.system
    return {
        "base": system.base,
        "method": system.label,
        "train_dataset": system.dataset,
        "train_size": system.size,
        "outcome": judged.outcome,
        "benefits": [claim_json(one) for one in judged.claims.benefits],
        "did_not_train": judged.unfit.en if judged.unfit else "",
        "harmed": [list(one.tests) for one in judged.harmed],
        "open": [list(one.tests) for one in judged.open],
        "decide": what_decides(judged, claims, level),
    }


def what_decides(judged: Judged, claims: Claims, level: float) -> dict[str, Any] | None:
    """Say how many rows per test set, or seeds, would decide; None where it is decided."""
    if judged.outcome != "undecided":
        return None
    if judged.unfit is not None and not judged.claims.is_better:
        return _plan(judged.claims.toughest, None, "training")
    if judged.claims.is_better:
        worst = min(judged.open, key=lambda one: one.least(level) + one.margins["harm"])
        return _plan(worst, _rows_against_harm(worst, level), "harm")
    claim = judged.claims.toughest
    alpha = 1.0 - claims.benefit.local_level
    return _plan(claim, rows_to_decide(claim, alpha), "benefit")


def rows_to_decide(claim: Claim, alpha: float) -> int | None:
    """Return how many rows per test set would show a gain as large as was seen, or else that none is worthwhile.

    None where no number of rows would, see `rows_for`.
    """
    worthwhile = claim.margins["worthwhile"]
    return rows_for(claim, claim.gain if claim.gain >= worthwhile else worthwhile - claim.gain, alpha)


def rows_for(claim: Claim, distance: float, alpha: float) -> int | None:
    """Return how many rows per test set would show, at a two-sided level, that a gain is so far from a bound.

    distance: between the gain that was seen and the bound. None where no number of rows would: there is no distance, seeds are
    what varies most, or nothing differs and rows are more than right or wrong.
    """
    contrast = claim.contrast
    spread = contrast.row_variance if contrast.discordant is None else max(contrast.discordant, contrast.row_variance)
    if distance <= 0 or _is_luck_of_training(contrast.terms):
        return None
    if contrast.discordant == 0 and contrast.row_variance == 0 and distance < 1:
        return math.ceil(rows_to_exclude(distance, alpha) * contrast.n / contrast.n_units)
    if spread <= 0:
        return None
    effect = design_effect(contrast.n, contrast.n_units, _items(claim), contrast.row_variance)
    return math.ceil(rows_to_show(distance, spread, alpha) * effect)


def _rows_against_harm(claim: Claim, level: float) -> int | None:
    return rows_for(claim, claim.gain + claim.margins["harm"], 2 * (1 - level))


def _plan(claim: Claim, rows: int | None, about: str) -> dict[str, Any]:
    seeds = SEEDS if claim.contrast.n_seeds < SEEDS else claim.contrast.n_seeds
    return {"about": about, "tests": list(claim.tests), "rows": rows, "rows_now": claim.contrast.n, "seeds": seeds}


def _items(claim: Claim) -> float:
    spread = claim.contrast.spread
    own = spread.error**2 if spread else 0.0
    return next((term.variance for term in claim.contrast.terms if term.source == "items"), own)


def _is_luck_of_training(terms: Sequence[Any]) -> bool:
    """Tell whether seeds or draws vary more than rows do, so that more rows would not help."""
    items = sum(term.variance for term in terms if term.source == "items")
    return bool(terms) and items < sum(term.variance for term in terms if term.source != "items")
