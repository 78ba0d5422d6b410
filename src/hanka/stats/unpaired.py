"""The difference of two independent groups, a minus b: what its intervals are made from, and the test that agrees with them.

Reading side, beside `paired`: where each unit belongs to one group alone, as in an A/B test.

    right or wrong, one row a unit    score interval of two shares (Miettinen & Nurminen); |z| of the same at no difference
    anything else                     t interval with a variance per group (Welch 1938, Satterthwaite 1946), or Student's with one
                                      variance for both where that is wider

A unit that has several rows is one number: its mean, or, where rows count equally, what leaving it out changes in the group's mean
(`parts`). The score interval stays in [-1, 1] and holds its level where few or nearly all are right.

The wider of the two t intervals: a small group in which a rare event has not happened yet shows no variance of its own, and Welch's
error alone would then call any difference to a large group real. With equal groups both errors are the same.

Source: Miettinen & Nurminen (1985), "Comparative analysis of two rates", with Farrington & Manning (1990) for the shares under a
given difference; Welch (1938). Limits: units must be independent; a t interval rests on the mean being nearly normal.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray, jackknife, mean
from hanka.stats.spreads import StudentSpread

ROUNDING = 1e-9
"Of the size of a mean: an error below it is rounding, whatever the unit of measurement."
STEPS = 60
"Halvings of the range of a difference, 2: the last one is below rounding."


class TwoSharesSpread(NamedTuple):
    """Right answers of two independent groups."""

    right_a: int
    n_a: int
    "At least 1."
    right_b: int
    n_b: int
    "At least 1."

    @property
    def delta(self) -> float:
        """Return share a minus share b."""
        return self.right_a / self.n_a - self.right_b / self.n_b

    @property
    def z(self) -> float:
        """Return the score statistic against no difference."""
        return _score(self, 0.0)

    @property
    def error(self) -> float:
        """Return half of the interval at one standard error."""
        low, high = self.interval(1.0)
        return (high - low) / 2

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of the score statistic."""
        return 2.0 * float(special.ndtr(-abs(self.z)))

    def interval(self, z: float) -> Interval:
        """Return the interval of share a minus share b whose level a normal quantile says: 1.96 for 95 %.

        It excludes 0 exactly where the score statistic lies beyond z. Raises ValueError for counts that do not fit.
        """
        _require_counts(self)
        if not z > 0:
            raise ValueError(f"normal quantile {z}: must be above 0")
        if math.isinf(z):
            return Interval(-1.0, 1.0)
        return Interval(-_end(TwoSharesSpread(self.right_b, self.n_b, self.right_a, self.n_a), z), _end(self, z))

    def together(self, critical: float) -> Interval:
        """Return the same at the critical value of a family."""
        return self.interval(critical)


def _require_counts(spread: TwoSharesSpread) -> None:
    right_a, n_a, right_b, n_b = spread
    if min(n_a, n_b) < 1 or not 0 <= right_a <= n_a or not 0 <= right_b <= n_b:
        raise ValueError(f"{right_a} of {n_a} and {right_b} of {n_b} right: counts do not fit")


def _end(spread: TwoSharesSpread, z: float) -> float:
    """Return the largest difference that the score test accepts; it lies above the observed one."""
    low, high = spread.delta, 1.0
    if _score(spread, high) > -z:
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _score(spread, middle) > -z:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(spread: TwoSharesSpread, delta: float) -> float:
    """Return the score statistic of a difference: standard normal where it is the true one."""
    right_a, n_a, right_b, n_b = spread
    share_a, share_b = shares_given(spread, delta)
    n = n_a + n_b
    variance = (share_a * (1 - share_a) / n_a + share_b * (1 - share_b) / n_b) * (n / (n - 1) if n > 1 else 1.0)
    distance = right_a / n_a - right_b / n_b - delta
    if variance <= 1e-300:
        return math.copysign(math.inf, distance) if abs(distance) > 1e-12 else 0.0
    return distance / math.sqrt(variance)


def shares_given(spread: TwoSharesSpread, delta: float) -> tuple[float, float]:
    """Return the two most likely shares among those that differ by delta. Source: Farrington & Manning (1990)."""
    share_a, share_b, ratio = spread.right_a / spread.n_a, spread.right_b / spread.n_b, spread.n_b / spread.n_a
    if delta == 0:
        both = (spread.right_a + spread.right_b) / (spread.n_a + spread.n_b)
        return both, both
    cubic = 1 + ratio
    square = -(1 + ratio + share_a + ratio * share_b + delta * (ratio + 2))
    linear = delta * delta + delta * (2 * share_a + ratio + 1) + share_a + ratio * share_b
    constant = -share_a * delta * (1 + delta)
    third = square / (3 * cubic)
    turned = third**3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    radius = math.copysign(math.sqrt(max(third**2 - linear / (3 * cubic), 0.0)), turned)
    cosine = turned / radius**3 if radius else 0.0
    angle = (math.pi + math.acos(min(1.0, max(-1.0, cosine)))) / 3
    found = 2 * radius * math.cos(angle) - third
    found = min(max(found, max(0.0, delta)), min(1.0, 1.0 + delta))
    return found, min(1.0, max(0.0, found - delta))


def parts(sums: npt.ArrayLike, sizes: npt.ArrayLike, by_rows: bool) -> FloatArray:
    """Return one number for each unit of a group, whose mean is the group's value, (units,).

    sums, sizes: (units,) of a unit's rows, each at least one. by_rows: every row counts equally, and a unit is what it
    changes in the group's mean (jackknife); else every unit counts equally, as the mean of its rows.
    """
    total, rows = np.asarray(sums, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if not by_rows or len(rows) < 2:
        return np.asarray(total / rows)
    return jackknife(total[:, None], rows, mean).pseudo_values


def mean_difference(a: npt.ArrayLike, b: npt.ArrayLike) -> StudentSpread | None:
    """Return the difference of the means of two independent groups, (n,) each; None where nothing varies or a group has one.

    Raises ValueError for a value that is not finite. Source: Welch (1938), and Student (1908) where one variance for both is wider.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a value is not finite: remove the units without a value first")
    n_a, n_b = len(first), len(second)
    if min(n_a, n_b) < 2:
        return None
    var_a, var_b = float(first.var(ddof=1)), float(second.var(ddof=1))
    square_a, square_b = var_a / n_a, var_b / n_b
    variance, delta = square_a + square_b, float(first.mean() - second.mean())
    if math.sqrt(variance) <= ROUNDING * max(abs(float(first.mean())), abs(float(second.mean()))):
        return None
    df = variance / ((square_a / variance) * square_a / (n_a - 1) + (square_b / variance) * square_b / (n_b - 1))
    of_both = ((n_a - 1) * var_a + (n_b - 1) * var_b) / (n_a + n_b - 2) * (1 / n_a + 1 / n_b)
    if of_both > variance * (1 + ROUNDING):
        variance, df = of_both, float(n_a + n_b - 2)
    return StudentSpread(delta, math.sqrt(variance), df)
