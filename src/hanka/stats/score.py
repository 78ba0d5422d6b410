"""Two paired shares of right answers: a score interval of their difference and its test.

Reading side: a row is right with both, with neither, or with one alone; only the last two kinds say which is better.
Both procedures hold their level where few rows differ, which intervals from a standard error do not.

Source: Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the
paired-sample design"; Fagerland, Lydersen & Laake (2013), "The McNemar test for binary matched-pairs data". Limits: rows must be
independent, or their groups be given to `grouped_score_interval`; interval and mid-p value are two procedures, which may fall on two
sides of a threshold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.stats.intervals import Interval, effect_of_clusters

STEPS = 60
"Halvings of the range of a difference, 2: the last one is below rounding."
ROUNDING = 1e-9
"Share of the rows by which counts that were multiplied may add up to more than the rows."


def score_interval(only_a: float, only_b: float, n: float, z: float) -> Interval:
    """Return the interval of share right with a minus share right with b, as far as the score test accepts it.

    only_a, only_b: rows that only one has right, of n independent ones; fractional counts are allowed. z: normal quantile, 1.96 for 95 %; at inf the
    interval is all that is possible. It excludes 0 exactly where |only_a - only_b| / √(only_a + only_b) > z. Raises
    ValueError where counts do not fit. Source: Tango (1998).
    """
    if min(only_a, only_b) < 0 or only_a + only_b > n * (1 + ROUNDING) or n < 1:
        raise ValueError(f"{only_a} and {only_b} of {n} rows right with one alone: counts do not fit")
    n = max(n, only_a + only_b)  # where all rows differ, counts that were multiplied may add up to a bit more
    if not z > 0:
        raise ValueError(f"normal quantile {z}: must be above 0")
    if math.isinf(z):
        return Interval(-1.0, 1.0)
    delta = (only_a - only_b) / n
    low = -_end(only_b, only_a, n, z, -delta)
    return Interval(low, _end(only_a, only_b, n, z, delta))


class PairedGroups(NamedTuple):
    """Two paired shares over whole groups of rows."""

    only_a: int
    "Rows that a alone has right."
    only_b: int
    "Rows that b alone has right."
    n: int
    "Rows."
    n_groups: int
    "Groups."
    effect: float
    "Rows that are worth one independent row: at least 1."

    @property
    def t(self) -> float:
        """Return McNemar's statistic of as many independent rows as these are worth: t distributed with a degree of freedom less than groups."""
        return (self.only_a - self.only_b) / math.sqrt(max(1, self.only_a + self.only_b) * self.effect)

    def interval(self, z: float) -> Interval:
        """Return the score interval of as many independent rows as these are worth, less for few groups; see `paired_groups`."""
        return self.reaching(z, self._t_at(z))

    def effect_at(self, z: float) -> float:
        """Return the rows that are worth one independent row in an interval at a normal quantile: more for few groups; inf at inf."""
        t = self._t_at(z)
        return self.effect * (t / z) ** 2 if math.isfinite(t) else math.inf

    def _t_at(self, z: float) -> float:
        tail = float(special.ndtr(-z))
        return -float(special.stdtrit(self.n_groups - 1, tail)) if tail > 0 else math.inf

    def reaching(self, z: float, t: float) -> Interval:
        """Return the score interval at a normal quantile z where groups ask for t; from z = 1 on it excludes 0 exactly where |t| is exceeded."""
        worth = (z / t) ** 2 / self.effect if math.isfinite(t) else 0.0
        if self.n * worth < 1:
            return Interval(-1.0, 1.0)
        return score_interval(self.only_a * worth, self.only_b * worth, self.n * worth, z)


def paired_groups(a: npt.ArrayLike, b: npt.ArrayLike, units: npt.ArrayLike) -> PairedGroups:
    """Say what two paired shares over whole groups rest on. a, b: (n,) 0 or 1; units: (n,) 0, 1, …, the group of each row.

    The effect of grouping is the variance of the difference by groups over that of independent rows. Where few groups differ it is
    hardly known, and a t interval of groups misses a margin up to four times as often as it says: so two groups more are
    taken to differ in all of their rows, as Bonett & Price (2012) add two rows. Raises ValueError below two groups.
    Source: Tango's interval at an effective number of rows, after Korn & Graubard (1998); how seldom it misses a margin is
    simulated in benchmarks/gate.py, how often its interval holds the truth in benchmarks/statistics.py. Limits: with a handful of groups it shows little.
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    group = np.asarray(units, dtype=np.int64)
    sums, sizes = np.bincount(group, weights=difference), np.bincount(group).astype(np.float64)
    n, n_groups, delta = len(difference), len(sizes), float(difference.mean())
    if n_groups < 2:
        raise ValueError(f"{n_groups} groups: an interval needs at least 2")
    of_groups = n_groups / (n_groups - 1) * float(((sums - delta * sizes) ** 2).sum()) / n**2
    of_rows = (float((difference**2).mean()) - delta**2) / n
    whole = float((sizes**2).sum()) / n
    seen = max(1.0, of_groups / of_rows) if of_rows > 0 else whole
    n_differing = int((np.bincount(group, weights=np.abs(difference)) > 0).sum())
    effect = effect_of_clusters(sizes, seen, n_differing)
    return PairedGroups(int((difference > 0).sum()), int((difference < 0).sum()), n, n_groups, effect)


def _end(only_a: float, only_b: float, n: float, z: float, delta: float) -> float:
    """Return the largest difference that the score test accepts; it lies above the observed one."""
    low, high = delta, 1.0
    if _score(only_a, only_b, n, high) > -z:
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _score(only_a, only_b, n, middle) > -z:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(only_a: float, only_b: float, n: float, delta: float) -> float:
    """Return the score statistic of a difference: standard normal where it is the true one."""
    linear = (2 * n - only_a + only_b) * delta - only_a - only_b
    constant = -only_b * delta * (1 - delta)
    only_b_share = (math.sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * only_b_share + delta * (1 - delta))
    distance = only_a - only_b - n * delta
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Return the two-sided mid-p value of McNemar's test; 1 where no row is right with one alone.

    The exact value less half the probability of what was seen: below α a little more often than the exact test, which
    is below it too seldom. Source: Fagerland, Lydersen & Laake (2013).
    """
    if min(only_a, only_b) < 0:
        raise ValueError(f"{only_a} and {only_b} rows: counts cannot be negative")
    n, few = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    seen = math.exp(special.gammaln(n + 1) - special.gammaln(few + 1) - special.gammaln(n - few + 1) - n * math.log(2))
    if only_a == only_b:
        return 1.0 - 0.5 * seen
    return min(1.0, 2 * float(special.bdtr(few, n, 0.5)) - seen)
