"""All of a log → what it shows: verdicts, guardrails, the checks that may forbid a verdict, and the exit code.

Last computing step of `hanka ab test`. The interval that decides is the design's: of every look (always-valid), or of one look at the
horizon (fixed). All arms are compared with the control arm at one level together (equal shares). A verdict follows from that interval
by `stats.verdict`; `leaning` means that the interval of one look of one arm excludes 0 while the deciding one does not.

A guardrail `holds` where its deciding interval lies above -harm, is `broken` where the interval of all guardrails together lies
below it, and is `open` otherwise, as when it has no evidence: that all hold needs no correction (intersection-union, Berger 1982),
that any is broken does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from hanka.errors import DesignError
from hanka.operations.ab.checks import Check, check_log
from hanka.operations.ab.design import Design, Guardrail
from hanka.operations.ab.effects import Effect, Measured, effect_of, quantile
from hanka.operations.ab.groups import Arms, sort_arms
from hanka.operations.ab.logs import Column, Counted, Log, read_log
from hanka.stats import LEAST_UNITS, Interval, Verdict, verdict
from hanka.stats.mixture import TUNED_AT

Reason: TypeAlias = Literal[
    "sample_ratio", "contaminated", "assignment", "missing", "no_evidence", "before_horizon", "before_first_look"
]
DECIDED = ("better", "worse", "equivalent")
DONE, BROKEN, INCONCLUSIVE = 0, 1, 3
"Exit codes."


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of one arm, judged."""

    effect: Effect
    verdict: Verdict
    "Empty for the user's own value: it is shown, not judged."
    reasons: tuple[Reason, ...]
    "Why there is no verdict although intervals may say one."
    alone: Interval | None
    "Of this look alone, this arm alone."
    once: Interval | None
    "Of this look alone, all arms together."
    always: Interval | None
    "Of every look, all arms together."
    p_once: float | None
    "Two-sided, of one look."
    p_always: float | None
    "Two-sided, of every look."


@dataclass(frozen=True, slots=True)
class Kept:
    """One guardrail of one arm."""

    effect: Effect
    rail: Guardrail
    outcome: Literal["holds", "broken", "open"]
    decides: Interval | None
    "The design's, of this guardrail alone."
    reasons: tuple[Reason, ...] = ()
    "Why it is open whatever the interval says."


@dataclass(frozen=True, slots=True)
class Result:
    """What a log shows."""

    design: Design
    is_agreed: bool
    "Whether a design was given; else defaults."
    arms: Arms
    counted: Counted
    n_answers: int
    "Rows that belong to an arm, each counted once."
    log_has: frozenset[str]
    "Which of unit, item, id, time and value the log has."
    judged: tuple[Judged, ...]
    "The metric, arm by arm."
    kept: tuple[Kept, ...]
    "Guardrails, arm by arm."
    valued: tuple[Judged, ...]
    "The user's own value, arm by arm; empty where the log has none."
    checks: tuple[Check, ...]
    "Of how the log came about."

    @property
    def verdict(self) -> Verdict | Literal["mixed"]:
        """The one word of a test with one arm beside the control; of several, the word they share, else mixed or undecided.

        mixed: every arm is decided, not all alike.
        """
        words = {one.verdict for one in self.judged}
        if len(words) == 1:
            return words.pop()
        return "mixed" if words <= set(DECIDED) else "undecided"

    @property
    def n_used(self) -> int:
        """Rows that stand in a comparison of the metric."""
        return self.n_answers - sum(self.arms.left_out.values())

    @property
    def exit_code(self) -> int:
        """0: every arm is decided. 1: a guardrail of an arm that is not worse is broken. 3: something that was agreed on is open."""
        standing = {one.effect.arm for one in self.judged if one.verdict != "worse"}
        guarded = [one.outcome for one in self.kept if one.effect.arm in standing]
        if "broken" in guarded:
            return BROKEN
        is_open = any(one.verdict not in DECIDED for one in self.judged)
        return INCONCLUSIVE if is_open or "open" in guarded else DONE


def judge_log(
    paths: tuple[Path, ...], design: Design, is_agreed: bool = True, are_weights_agreed: bool = True
) -> Result:
    """Read a log and judge it by a design. Raises DataError for what cannot be read."""
    return judge(read_log(paths, design), design, is_agreed, are_weights_agreed)


def judge(log: Log, design: Design, is_agreed: bool = True, are_weights_agreed: bool = True) -> Result:
    """Judge the answers of a log by a design. is_agreed: whether the design was given; are_weights_agreed: its weights at least.

    Raises DesignError for a test that is read once and does not say when.
    """
    if design.test == "fixed" and design.horizon is None:
        raise DesignError(
            "test: fixed is read once, at its horizon, and the design names none: write horizon: N (`hanka ab power` says how many units), "
            "or test: always-valid"
        )
    arms, has_units = sort_arms(log, design), "unit" in log.has
    tables = [
        [
            effect_of(arms, arm, design.control, _measured(design, arm, column, at, arms.is_paired), has_units)
            for arm in design.treatments
        ]
        for at, column in enumerate(log.columns)
    ]
    metric, rails = tuple(tables[0]), list(design.guardrails.values())
    asked = tuple(effect for effects in tables[: 1 + len(rails)] for effect in effects)
    checks = check_log(arms, asked, design, are_weights_agreed)
    return Result(
        design=design,
        is_agreed=is_agreed,
        arms=arms,
        counted=log.counted,
        n_answers=len(log.answers),
        log_has=log.has,
        judged=tuple(_judged(effect, design, checks) for effect in metric),
        kept=tuple(
            _kept(effect, rail, design, checks)
            for rail, effects in zip(rails, tables[1:], strict=False)
            for effect in effects
        ),
        valued=tuple(_judged(effect, design, checks, False) for effect in tables[-1]) if "value" in log.has else (),
        checks=checks,
    )


def _measured(design: Design, arm: str, column: Column, at: int, is_paired: bool) -> Measured:
    tuned_at = _horizon(design, arm, is_paired) or TUNED_AT
    return Measured(column.name, at, column.kind, design.weigh == "rows", design.level, tuned_at)


def _horizon(design: Design, arm: str, is_paired: bool) -> int | None:
    """Return what of the horizon an arm and the control arm have: their share of the units, or all pairs."""
    if design.horizon is None or is_paired:
        return design.horizon
    return max(1, round(design.horizon * (design.arms[arm] + design.arms[design.control]) / sum(design.arms.values())))


def _judged(effect: Effect, design: Design, checks: tuple[Check, ...], is_judged: bool = True) -> Judged:
    alone, together = effect.once(quantile(design.level)), quantile(design.level, len(design.treatments))
    once, always = effect.once(together), effect.always(together)
    reasons = _reasons(effect, design, checks)
    higher = design.metric.better == "higher" if is_judged else None
    word = verdict(once if design.test == "fixed" else always, alone, design.metric.equivalence, higher, effect.n_least)
    if reasons and is_judged:
        word = "undecided"
    p_once = None if effect.spread is None else effect.spread.p_value
    p_always = None if effect.every is None else effect.every.p_value
    return Judged(effect, word, reasons, alone, once, always, p_once, p_always)


def _deciding(effect: Effect, design: Design, z: float) -> Interval | None:
    return effect.once(z) if design.test == "fixed" else effect.always(z)


def _reasons(effect: Effect, design: Design, checks: tuple[Check, ...]) -> tuple[Reason, ...]:
    """Say why there may be no verdict, whatever the intervals say."""
    mine = ("", design.metric.name, effect.metric)
    failed = [check for check in checks if check.outcome == "fails" and check.arm in ("", effect.arm)]
    found: list[Reason] = list(dict.fromkeys(check.name for check in failed if check.metric in mine))
    if effect.spread is None:
        return (*found, "no_evidence")
    if design.test == "fixed":
        needed = _horizon(design, effect.arm, effect.method in ("mcnemar_tango", "grouped_score", "paired_t"))
        if needed is not None and effect.n_units < needed:
            found.append("before_horizon")
    if design.test == "always-valid" and effect.n_least < _first_look(effect, design):
        found.append("before_first_look")
    return tuple(found)


def _first_look(effect: Effect, design: Design) -> int:
    """Return the units below which the interval of every look carries no verdict: a bet is exact from the first row on."""
    return LEAST_UNITS if effect.method == "mcnemar_tango" else design.limits.first_look


def _kept(effect: Effect, rail: Guardrail, design: Design, checks: tuple[Check, ...]) -> Kept:
    decides = _deciding(effect, design, quantile(design.level))
    n_rails = len(design.guardrails) * len(design.treatments)
    together = _deciding(effect, design, quantile(design.level, n_rails))
    reasons = _reasons(effect, design, checks)
    if reasons:
        return Kept(effect, rail, "open", decides, reasons)
    if decides is None or together is None or effect.n_least < LEAST_UNITS:
        return Kept(effect, rail, "open", decides)
    sign = 1 if rail.better == "higher" else -1
    least, most = sorted((sign * decides.low, sign * decides.high))
    if least > -rail.harm:
        return Kept(effect, rail, "holds", decides)
    most = max(sign * together.low, sign * together.high)
    return Kept(effect, rail, "broken" if most < -rail.harm else "open", decides)
