"""What the interval of a difference is made from, at any level.

Reading side, between a comparison and the families that judge it. Each spread has an interval alone and one at the critical value
of a family, and both are their own test: at the critical value `z` an end is 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from scipy import special

from hanka.stats.intervals import Interval
from hanka.stats.score import PairedGroups, mcnemar_mid_p, score_interval

FARTHEST = 38.0
"Normal quantile beyond which a p-value is no longer told from 0."


class Spread(Protocol):
    """What a difference's interval is made from, at any level."""

    @property
    def z(self) -> float:
        """Return the difference on the scale of sign flips: at this critical value an end of `together` is 0."""
        ...

    @property
    def error(self) -> float:
        """Return the standard error: half of what the interval at one of them spans."""
        ...

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of this difference alone."""
        ...

    def interval(self, z: float) -> Interval:
        """Return the interval of this difference alone whose level a normal quantile says: 1.96 for 95 %."""
        ...

    def together(self, critical: float) -> Interval:
        """Return the interval at the critical value of a family."""
        ...


class ScoreSpread(NamedTuple):
    """Rows that one side alone has right."""

    only_a: int
    only_b: int
    n: int

    @property
    def z(self) -> float:
        """Return McNemar's statistic."""
        return (self.only_a - self.only_b) / math.sqrt(max(1, self.only_a + self.only_b))

    @property
    def error(self) -> float:
        """Return half of Tango's interval at one standard error."""
        return _half(self.interval(1.0))

    @property
    def p_value(self) -> float:
        """Return the mid-p value of McNemar's test."""
        return mcnemar_mid_p(self.only_a, self.only_b)

    def interval(self, z: float) -> Interval:
        """Return Tango's interval."""
        return score_interval(self.only_a, self.only_b, self.n, z)

    def together(self, critical: float) -> Interval:
        """Return Tango's interval: McNemar's statistic is what signs flip."""
        return self.interval(critical)


class GroupedScoreSpread(NamedTuple):
    """Rows that one side alone has right, in groups."""

    groups: PairedGroups

    @property
    def z(self) -> float:
        """Return the groups' t statistic as a sum over the root of the sum of squares: at most what their signs flipped show."""
        return _flipped(self.groups.t, self.groups.n_groups)

    @property
    def error(self) -> float:
        """Return half of the score interval at one standard error."""
        return _half(self.interval(1.0))

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of the t statistic."""
        return 2.0 * float(special.stdtr(self.groups.n_groups - 1, -abs(self.groups.t)))

    def interval(self, z: float) -> Interval:
        """Return the score interval of as many independent rows as the groups are worth."""
        return self.groups.interval(z)

    def together(self, critical: float) -> Interval:
        """Return the same at the t that a critical value of sign flips stands for."""
        return self.groups.reaching(critical, _unflipped(critical, self.groups.n_groups))


class StudentSpread(NamedTuple):
    """A difference with a standard error that is estimated."""

    delta: float
    error: float
    "Standard error, above 0."
    df: float
    "Degrees of freedom; inf: the error is known."
    n_units: int = 0
    "Units whose signs are flipped for it; 0: seeds or draws vary, too, which no flip of rows shows."

    @property
    def z(self) -> float:
        """Return the sum over the root of the sum of squares, t·√n/√(n - 1 + t²); else the normal quantile of t."""
        t = abs(self.delta) / self.error
        if self.n_units:
            return math.copysign(_flipped(t, self.n_units), self.delta)
        tail = self.p_value / 2
        return math.copysign(min(-float(special.ndtri(tail)), FARTHEST) if tail > 0 else FARTHEST, self.delta)

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of the t statistic."""
        t = abs(self.delta) / self.error
        return 2.0 * float(special.stdtr(self.df, -t) if math.isfinite(self.df) else special.ndtr(-t))

    def interval(self, z: float) -> Interval:
        """Return the t interval."""
        tail = float(special.ndtr(-z))
        t = -float(special.stdtrit(self.df, tail)) if math.isfinite(self.df) and tail > 0 else z
        return Interval(self.delta - t * self.error, self.delta + t * self.error)

    def together(self, critical: float) -> Interval:
        """Return the t interval at the t that a critical value of sign flips stands for; boundless where there is none."""
        if not self.n_units:
            return self.interval(critical)
        t = _unflipped(critical, self.n_units)
        return Interval(self.delta - t * self.error, self.delta + t * self.error)


class ConstantSpread(NamedTuple):
    """One and the same difference in every unit: only their signs could be luck."""

    delta: float
    n_units: int
    "At least 2."

    @property
    def z(self) -> float:
        """Return the normal quantile of the exact test."""
        tail = self.p_value / 2
        return math.copysign(min(-float(special.ndtri(tail)), FARTHEST) if tail > 0 else FARTHEST, self.delta)

    @property
    def error(self) -> float:
        """Return the standard error that would give this quantile."""
        return abs(self.delta / self.z)

    @property
    def p_value(self) -> float:
        """Return the exact p-value of flipping signs."""
        return float(2.0 ** (1 - self.n_units))

    def interval(self, z: float) -> Interval:
        """Return the interval that agrees with the exact test."""
        return Interval(self.delta - z * self.error, self.delta + z * self.error)

    def together(self, critical: float) -> Interval:
        """Return the same at a critical value."""
        return self.interval(critical)


class NoSpread(NamedTuple):
    """Nothing differs: as many units as there are may hide a difference of a few."""

    span: float
    "Largest possible difference of one unit."
    n_units: int

    @property
    def z(self) -> float:
        """Return 0: there is no difference."""
        return 0.0

    @property
    def error(self) -> float:
        """Return half of the interval at one standard error."""
        return _half(self.interval(1.0))

    @property
    def p_value(self) -> float:
        """Return 1: nothing differs."""
        return 1.0

    def interval(self, z: float) -> Interval:
        """Return the score interval of no changed unit, each worth the span."""
        half = self.span * z * z / (self.n_units + z * z)
        return Interval(-half, half)

    def together(self, critical: float) -> Interval:
        """Return the same at a critical value."""
        return self.interval(critical)


def _flipped(t: float, n_units: int) -> float:
    """Return a t statistic as what signs of units flip: the sum over the root of the sum of squares, t·√n/√(n - 1 + t²)."""
    return t * math.sqrt(n_units / (n_units - 1 + t * t))


def _unflipped(critical: float, n_units: int) -> float:
    """Return the t that a critical value of sign flips stands for; inf where no t reaches it."""
    room = n_units - critical * critical
    return critical * math.sqrt((n_units - 1) / room) if room > 0 else math.inf


def _half(ends: Interval) -> float:
    return (ends.high - ends.low) / 2
