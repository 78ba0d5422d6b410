"""What may forbid a verdict: arms that did not come about as agreed are different before any effect.

Part of `judged`. Each check has a number, its n and whether it holds; one that could not be made says why and never counts as passed.

    sample ratio    units per arm against the weights: χ² at one look, a bet that holds at every look (`stats.allocation`)
    contaminated    units that were in more than one arm
    assignment      units in another arm than the design's hash gives them
    missing         rows without an outcome, unit by unit, arm against control; of pairs, items that one arm alone answered; of the
                    metric and of every guardrail
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from hanka.operations.ab.design import Design
from hanka.operations.ab.effects import Effect
from hanka.operations.ab.groups import Arms
from hanka.stats import e_value, mcnemar_mid_p
from hanka.stats.allocation import ratio_p_value, ratio_p_value_at_any_look
from hanka.stats.mixture import TUNED_AT, always_valid

CheckName = Literal["sample_ratio", "contaminated", "assignment", "missing"]


class Check(NamedTuple):
    """One check of how a log came about."""

    name: CheckName
    arm: str
    "The arm it is about; empty: all of them."
    outcome: Literal["holds", "fails", "not_made"]
    n_wrong: int
    "Units that are wrong; of the sample ratio, all units."
    n: int
    "Of so many."
    p_value: float | None
    "Of the sample ratio and of missing outcomes, by the test of the design's kind; None where it is a share that is limited."
    limit: float
    "Largest share, or smallest p-value, that holds."
    why: str = ""
    "Why it was not made: paired, no_salt, no_units; of a sample ratio that was, weights_supposed."
    metric: str = ""
    "Of missing outcomes, which metric's or guardrail's."


def check_log(arms: Arms, effects: tuple[Effect, ...], design: Design, is_ratio_agreed: bool) -> tuple[Check, ...]:
    """Return all checks. effects: of the metric and the guardrails. is_ratio_agreed: whether the weights were declared or are merely supposed."""
    if arms.is_paired:
        ratio = Check("sample_ratio", "", "not_made", 0, 0, None, design.limits.mismatch_level, "paired")
        return (ratio, *(_alone(effect, design) for effect in effects))
    n = sum(arms.n_units.values()) + arms.n_contaminated
    mixed = _share("contaminated", arms.n_contaminated, n, design)
    found = [_ratio(arms, design, is_ratio_agreed), mixed]
    if design.salt:
        found.append(_share("assignment", arms.n_misassigned, n - arms.n_contaminated, design))
    else:
        found.append(Check("assignment", "", "not_made", 0, n, None, design.limits.contaminated, "no_salt"))
    return (*found, *(_missing(effect, design) for effect in effects))


def _ratio(arms: Arms, design: Design, is_agreed: bool) -> Check:
    counts, weights = [arms.n_units[arm] for arm in design.arms], list(design.arms.values())
    test = ratio_p_value if design.test == "fixed" else ratio_p_value_at_any_look
    p_value, limit = test(counts, weights), design.limits.mismatch_level
    why = "" if is_agreed else "weights_supposed"
    return Check(
        "sample_ratio", "", "holds" if p_value >= limit else "fails", sum(counts), sum(counts), p_value, limit, why
    )


def _share(name: CheckName, count: int, n: int, design: Design) -> Check:
    limit = design.limits.contaminated
    return Check(name, "", "holds" if count <= limit * n else "fails", count, n, None, limit)


def _missing(effect: Effect, design: Design) -> Check:
    """Compare the shares of rows without an outcome, unit by unit."""
    a, b, limit = effect.a, effect.b, design.limits.mismatch_level
    n_missing, n = a.n_missing + b.n_missing, a.n + a.n_missing + b.n + b.n_missing
    if effect.lost is None:
        return Check("missing", effect.arm, "not_made", n_missing, n, None, limit, "no_units", effect.metric)
    lost = effect.lost if design.test == "fixed" else always_valid(effect.lost, n, design.horizon or TUNED_AT)
    outcome: Literal["holds", "fails"] = "holds" if lost.p_value >= limit else "fails"
    return Check("missing", effect.arm, outcome, n_missing, n, lost.p_value, limit, "", effect.metric)


def _alone(effect: Effect, design: Design) -> Check:
    """Ask whether items that one arm alone answered are as often of one arm as of the other."""
    only_a, only_b, limit = effect.a.n_missing, effect.b.n_missing, design.limits.mismatch_level
    if design.test == "fixed":
        p_value = mcnemar_mid_p(only_a, only_b)
    else:
        p_value = min(1.0, 1 / e_value(only_a, only_b))
    n = effect.a.n_rows + only_a + only_b
    outcome: Literal["holds", "fails"] = "holds" if p_value >= limit else "fails"
    return Check("missing", effect.arm, outcome, only_a + only_b, n, p_value, limit, "", effect.metric)
