"""One metric of an arm against the control arm: difference, interval of one look, interval of every look.

Fourth step of `hanka ab test`. Which statistics stand behind it:

    each unit in one arm, each all right or all wrong        score interval of two shares      `stats.unpaired`
    each unit in one arm, anything else                      t interval by units               `stats.unpaired`
    both arms on the same items                              as two systems of a study         `stats.paired`
    every look: paired right-or-wrong items                  confidence sequence by betting    `stats.sequential`
    every look: anything else                                confidence sequence by a mixture  `stats.mixture`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hanka.identity import stream
from hanka.operations.ab.groups import Arms, Pairs, Units
from hanka.stats import (
    ComparisonSettings,
    GroupedScoreSpread,
    Interval,
    NoSpread,
    ScoreSpread,
    Spread,
    compare,
    mean,
    normal_quantile,
    plan_resampling,
    t_interval,
    wilson_interval,
)
from hanka.stats.mixture import TUNED_AT, always_valid
from hanka.stats.resampling import FloatArray
from hanka.stats.unpaired import TwoSharesSpread, mean_difference, parts

Method = Literal["two_shares", "welch", "mcnemar_tango", "grouped_score", "paired_t", "none"]
METHODS: dict[type, Method] = {ScoreSpread: "mcnemar_tango", GroupedScoreSpread: "grouped_score"}
"Of pairs, by what their interval is made from; a t interval of the differences where it is another."


@dataclass(frozen=True, slots=True)
class Side:
    """One arm's value of a metric."""

    value: float | None
    "Share or mean; None where no unit has a value."
    low: float | None
    "Lower end of its own interval; None where its units support none."
    high: float | None
    "Upper end."
    n: int
    "Units (pairs, where arms are paired)."
    n_rows: int
    "Rows."
    n_missing: int
    "Units without a value; of pairs, items that this arm alone answered."


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference of an arm and the control arm in one metric."""

    arm: str
    metric: str
    a: Side
    "The arm."
    b: Side
    "The control arm."
    delta: float | None
    "a - b; None where one of them has no value."
    n_units: int
    "Independent units behind it: of both arms; of pairs, the pairs or who asked them."
    method: Method
    "How the interval of one look is made."
    spread: Spread | None
    "What intervals of one look are made from; None where the units support none."
    every: Spread | None
    "What intervals of every look are made from."
    lost: Spread | None = None
    "Difference of the shares of rows without a value, unit by unit; None where arms are paired or one has no units."

    @property
    def n_least(self) -> int:
        """Independent units of the smaller arm; of pairs, the pairs or who asked them."""
        return min(self.a.n, self.b.n, self.n_units)

    def once(self, z: float) -> Interval | None:
        """Return the interval of one look, whose level a normal quantile says."""
        return None if self.spread is None else self.spread.interval(z)

    def always(self, z: float) -> Interval | None:
        """Return the interval that holds at every look, whose level a normal quantile says."""
        return None if self.every is None else self.every.interval(z)


@dataclass(frozen=True, slots=True)
class Measured:
    """Which values are compared, and how."""

    metric: str
    column: int
    "Of the log's values."
    kind: Literal["share", "mean"]
    by_rows: bool
    "Whether each row counts equally, not each unit."
    level: float
    "Of the arms' own intervals."
    tuned_at: int = TUNED_AT
    "Units at which the interval of every look is sharpest."


def effect_of(arms: Arms, arm: str, control: str, measured: Measured, has_units: bool) -> Effect:
    """Compare an arm with the control arm. has_units: whether the log says who asked."""
    if arms.is_paired:
        return paired_effect(arms.pairs(arm, control, measured.column, has_units), arm, measured)
    return unpaired_effect(arms.units(arm, measured.column), arms.units(control, measured.column), arm, measured)


def unpaired_effect(a: Units, b: Units, arm: str, measured: Measured) -> Effect:
    """Compare an arm's units with the control arm's."""
    values = [parts(side.sums, side.sizes, measured.by_rows) if side.n else np.zeros(0) for side in (a, b)]
    whole = [_value(side, measured.by_rows) for side in (a, b)]
    # Rows that count one by one make a share of units only where no unit has several.
    are_single = not measured.by_rows or all((side.sizes == 1).all() for side in (a, b))
    are_shares = measured.kind == "share" and are_single and _are_right_or_wrong(*values)
    sides = [
        _side(value, one, measured.level, side.n_rows, side.n_missing, are_shares)
        for value, one, side in zip(whole, values, (a, b), strict=True)
    ]
    spread: Spread | None = None
    method: Method = "none"
    delta = None if whole[0] is None or whole[1] is None else whole[0] - whole[1]
    if delta is not None and are_shares:
        method, spread = "two_shares", _two_shares(*values)
    elif delta is not None and (found := mean_difference(*values)) is not None:
        method, spread = "welch", found._replace(delta=delta)  # the jackknife's own mean differs in its bias
    n_units = a.n + b.n
    every = None if spread is None else always_valid(spread, n_units, measured.tuned_at)
    lost = _lost(a.missing, b.missing)
    return Effect(arm, measured.metric, sides[0], sides[1], delta, n_units, method, spread, every, lost)


def _two_shares(a: FloatArray, b: FloatArray) -> TwoSharesSpread:
    return TwoSharesSpread(round(float(a.sum())), len(a), round(float(b.sum())), len(b))


def _are_right_or_wrong(*values: FloatArray) -> bool:
    return bool(np.isin(np.concatenate(values), (0.0, 1.0)).all())


def _lost(a: FloatArray, b: FloatArray) -> Spread | None:
    """Compare how much is missing: units that lost a part of their rows count with that part."""
    if not (len(a) and len(b)):
        return None
    if not _are_right_or_wrong(a, b) and (found := mean_difference(a, b)) is not None:
        return found
    return _two_shares(np.ceil(a), np.ceil(b))


def paired_effect(pairs: Pairs, arm: str, measured: Measured) -> Effect:
    """Compare an arm with the control arm on the items that both answered."""
    a, b, units = pairs.a, pairs.b, pairs.units
    n_pairs = len(a)
    if units and not measured.by_rows:
        a, b = _by_unit(a, units), _by_unit(b, units)
        units = ()
    are_shares = measured.kind == "share" and _are_right_or_wrong(a, b)
    sides = [
        _side(float(one.mean()) if len(one) else None, one, measured.level, n_pairs, alone, are_shares)
        for one, alone in ((a, pairs.only_a), (b, pairs.only_b))
    ]
    n_units = len(set(units)) if units else len(a)
    if n_units < 2:
        delta = float(a.mean() - b.mean()) if len(a) else None
        return Effect(arm, measured.metric, sides[0], sides[1], delta, n_units, "none", None, None)
    plan = plan_resampling(len(a), stream(0, "ab", "pairs"), units or None, resamples=1)
    span = 1.0 if measured.kind == "share" else float(np.ptp(np.concatenate([a, b])))
    found = compare(a, b, mean, plan, ComparisonSettings(are_shares, measured.level, span))
    # Numbers that never differ say nothing of how far they might: their range is not known.
    lacks = measured.kind == "mean" and isinstance(found.spread, NoSpread)
    spread = None if lacks else found.spread
    method: Method = "none" if lacks else METHODS.get(type(found.spread), "paired_t")
    every = None if spread is None else always_valid(spread, n_units, measured.tuned_at)
    return Effect(arm, measured.metric, sides[0], sides[1], found.delta, n_units, method, spread, every)


def _value(side: Units, by_rows: bool) -> float | None:
    if not side.n:
        return None
    return float(side.sums.sum() / side.sizes.sum()) if by_rows else float((side.sums / side.sizes).mean())


def _side(value: float | None, values: FloatArray, level: float, n_rows: int, n_missing: int, are_shares: bool) -> Side:
    """Return an arm's value with the interval that its units support."""
    n = len(values)
    ends: Interval | None = None
    if n >= 2 and are_shares:
        ends = wilson_interval(float(values.sum()), n, level)
    elif n >= 2 and np.ptp(values) > 0:
        ends = t_interval(values, level)
    low, high = ends if ends is not None else (None, None)
    return Side(value, low, high, n, n_rows, n_missing)


def _by_unit(values: FloatArray, units: tuple[str, ...]) -> FloatArray:
    """Average the pairs of each unit, in order of appearance."""
    numbers: dict[str, int] = {}
    at = np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)
    return np.asarray(np.bincount(at, weights=values) / np.bincount(at))


def quantile(level: float, n_contrasts: int = 1) -> float:
    """Return the normal quantile at which so many contrasts hold together, each having an equal share of what may be wrong."""
    return normal_quantile(1 - (1 - level) / n_contrasts)
