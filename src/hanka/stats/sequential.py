"""Differences that are looked at while their rows still come in: intervals that hold at every look.

Reading side, for studies that grow until they are decided. Whoever looks 25 times at a 5 % test is wrong in 20 % of
studies without any effect. Two ways around it, each an interval that is its own test:

    0/1 scores, one pair of cells     a confidence sequence by betting: it holds at all looks together, however many
    everything else                   alpha spending over the planned looks (O'Brien-Fleming): little early, most at the end

A bet on "a gains more than δ" multiplies a fortune by 1 + λ(x - δ) with each row, x being 1, -1 or 0 as a alone, b alone or
neither side is right. Where δ is true no λ gains on average, so a fortune reaches k with probability 1/k at most
(Ville), at whatever look; averaged over all λ > 0 it needs no guess. The interval holds the δ against which neither
side's fortune, up or down, reaches 2/α. At δ = 0 the mean of both fortunes is `e_value`.

Source: Ville (1939); Waudby-Smith & Ramdas (2024), "Estimating means of bounded random variables by betting"; Lan & DeMets
(1983), "Discrete sequential boundaries for clinical trials"; O'Brien & Fleming (1979); Jennison & Turnbull (1989)
for repeated intervals. Limits: rows must come in an order that has nothing to do with their answers; spending counts on the
looks as planned, and with several sources of variance it is on the safe side, for looks are then more alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray
from hanka.stats.spreads import FARTHEST, ScoreSpread, Spread

EDGE = 1e-9
"How near to an impossible difference an interval is searched for."
NODES = 96
"Of the quadrature over bets, on each side of the best one."
SMALLEST = 1e-8
"Smallest level of which a spending boundary is known."


class Looks(NamedTuple):
    """Planned looks at a contrast, and which of them is the present one."""

    shares: tuple[float, ...]
    "Information at each planned look as a share of that at the last one: ascending, ending in 1."
    at: int
    "Place of the present look among them."


def planned_looks(asked: Sequence[int], most: Sequence[int], block: int) -> Looks:
    """Return the looks at a contrast over test sets that grow together, block by block, and count equally.

    asked, most: rows so far and at the end, by test set. Raises ValueError for no rows.
    """
    if not most or min(most) < 1 or block < 1:
        raise ValueError(f"test sets of {list(most)} rows in blocks of {block}: at least one row each")
    n_looks = math.ceil(max(most) / block)
    information = [1 / sum(1 / min(look * block, size) for size in most) for look in range(1, n_looks + 1)]
    at = min(n_looks, max(1, math.ceil(max(asked) / block))) - 1
    return Looks(tuple(one / information[-1] for one in information), at)


def looked(spread: Spread, looks: Looks | None, span: float) -> Spread:
    """Return what makes intervals that hold at every look; the spread itself where no more than one is planned.

    span: largest possible difference, which no interval exceeds.
    """
    if looks is None or len(looks.shares) == 1:
        return spread
    return BettingSpread(*spread) if isinstance(spread, ScoreSpread) else SpendingSpread(spread, looks, span)


# ---- 0/1 scores


class BettingSpread(NamedTuple):
    """Rows that one side alone has right, at any look."""

    only_a: int
    only_b: int
    n: int

    @property
    def z(self) -> float:
        """Return McNemar's statistic."""
        return ScoreSpread(*self).z

    @property
    def error(self) -> float:
        """Return the standard error."""
        return ScoreSpread(*self).error

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value that holds at every look: two over the larger fortune against "no difference"."""
        logs = (log_fortune(self.only_a, self.only_b, self.n, 0.0), log_fortune(self.only_b, self.only_a, self.n, 0.0))
        return min(1.0, 2.0 * math.exp(-max(logs)))

    def interval(self, z: float) -> Interval:
        """Return the confidence sequence of level 1 - 2Φ(-z) at this look."""
        wanted = -float(special.log_ndtr(-z))
        high = -_low_end(self.only_b, self.only_a, self.n, wanted)
        return Interval(_low_end(self.only_a, self.only_b, self.n, wanted), high)

    def together(self, critical: float) -> Interval:
        """Return the same: a family gives its contrasts equal shares of α."""
        return self.interval(critical)


def e_value(only_a: int, only_b: int) -> float:
    """Return the e-value against "no difference": 2^D·B(A + 1, D - A + 1), D discordant rows of which A favour a.

    Its mean is 1 where nothing differs, at whatever look. Infinite where it is too large to be written.
    """
    log = (only_a + only_b) * math.log(2) + float(special.betaln(only_a + 1, only_b + 1))
    return math.exp(log) if log < 700 else math.inf


def log_fortune(only_a: int, only_b: int, n: int, delta: float) -> float:
    """Return the log of what a bet on "a gains more than delta" has become of 1, averaged over all possible stakes.

    only_a, only_b: of n rows. delta: within (-1, 1). Raises ValueError outside.
    """
    if not -1 < delta < 1 or min(only_a, only_b) < 0 or only_a + only_b > n:
        raise ValueError(f"{only_a} and {only_b} of {n} rows against {delta}: counts or difference do not fit")
    most = 1 / (1 + delta)
    terms = [
        (count, slope)
        for count, slope in ((only_a, 1 - delta), (only_b, -1 - delta), (n - only_a - only_b, -delta))
        if count
    ]
    best = _best_stake(terms, most)
    top = _log_wealth(terms, np.array([best]))[0]
    total = 0.0
    for end in (0.0, most):
        stakes = best + (end - best) * _NEAR
        total += abs(end - best) * float(_WEIGHTS @ np.exp(_log_wealth(terms, stakes) - top))
    return float(top) + math.log(total / most)


def _graded(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on (0, 1) that crowd towards 0, where the best stake is."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    share = (places + 1) / 2
    near: FloatArray = share**3
    return near, np.asarray(weights / 2 * 3 * share**2)


_NEAR, _WEIGHTS = _graded(NODES)


def _log_wealth(terms: Sequence[tuple[int, float]], stakes: FloatArray) -> FloatArray:
    total = np.zeros(len(stakes))
    for count, slope in terms:
        total += count * np.log(np.maximum(1 + slope * stakes, 1e-300))
    return total


def _best_stake(terms: Sequence[tuple[int, float]], most: float) -> float:
    """Return the stake that would have gained most; what is gained is concave in it."""

    def slope(stake: float) -> float:
        """Growth of the log of the fortune with the stake."""
        return sum(count * rate / (1 + rate * stake) for count, rate in terms)

    last = most * (1 - 1e-12)
    if not terms or slope(0.0) <= 0:
        return 0.0
    return last if slope(last) >= 0 else float(optimize.brentq(slope, 0.0, last, xtol=1e-13))


def _low_end(only_a: int, only_b: int, n: int, wanted: float) -> float:
    """Return the smallest difference against which betting upwards has not reached exp(wanted)."""
    seen = (only_a - only_b) / n

    def missing(delta: float) -> float:
        """What the fortune still lacks."""
        return wanted - log_fortune(only_a, only_b, n, delta)

    least, seen = -1 + EDGE, min(max(seen, -1 + 2 * EDGE), 1 - EDGE)
    if missing(least) >= 0:
        return -1.0
    return float(optimize.brentq(missing, least, seen, xtol=1e-10)) if missing(seen) > 0 else seen


# ---- everything else


class SpendingSpread(NamedTuple):
    """A difference with an estimated error, at one of several planned looks."""

    inner: Spread
    "What an interval is made from without looks."
    looks: Looks
    span: float
    "Largest possible difference."

    @property
    def z(self) -> float:
        """Return the difference on the scale of sign flips, as without looks."""
        return self.inner.z

    @property
    def error(self) -> float:
        """Return the standard error."""
        return self.inner.error

    @property
    def p_value(self) -> float:
        """Return the smallest level at which the boundary of this look is reached; SMALLEST at least."""
        reached = -float(special.ndtri(max(self.inner.p_value / 2, 1e-300)))
        levels, bounds = boundaries(self.looks.shares)
        at_level = bounds[:, self.looks.at]
        if reached < at_level[0]:
            return 1.0
        quantile = float(np.interp(reached, at_level, _quantiles(levels)))
        return 2 * float(special.ndtr(-quantile))

    def interval(self, z: float) -> Interval:
        """Return the repeated interval of level 1 - 2Φ(-z) at this look."""
        levels, bounds = boundaries(self.looks.shares)
        bound = float(np.interp(z, _quantiles(levels), bounds[:, self.looks.at]))
        low, high = self.inner.interval(bound)
        return Interval(max(low, -self.span), min(high, self.span))

    def together(self, critical: float) -> Interval:
        """Return the same: a family gives its contrasts equal shares of α."""
        return self.interval(critical)


def _quantiles(levels: FloatArray) -> FloatArray:
    return np.asarray(-special.ndtri(levels / 2))


@lru_cache(maxsize=64)
def boundaries(shares: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Return levels (levels,), descending, and the normal quantile that each look must reach, (levels, looks).

    shares: as in `Looks`. By t of the information each tail has spent 2 - 2Φ(z(α/4)/√t) of its α/2. Source: Lan & DeMets (1983).
    """
    if list(shares) != sorted(shares) or not 0 < shares[0] <= shares[-1] == 1:
        raise ValueError(f"shares of information {shares}: must ascend to 1")
    levels = 2 * special.ndtr(-np.linspace(0.8, -float(special.ndtri(SMALLEST / 2)), 40))
    spent = 4 * special.ndtr(special.ndtri(levels / 4)[:, None] / np.sqrt(np.array(shares)))
    bounds = np.empty_like(spent)
    bounds[:, 0] = np.minimum(-special.ndtri(np.maximum(spent[:, 0] / 2, 1e-300)), FARTHEST)
    places, masses = _still_open(shares[0], bounds[:, 0], None, None, 0.0)
    for look in range(1, len(shares)):
        step = shares[look] - shares[look - 1]
        room = np.maximum(spent[:, look] - spent[:, look - 1], 0.0)
        bounds[:, look] = _bound(shares[look], step, room, places, masses) if step > 0 else FARTHEST
        if step > 0:
            places, masses = _still_open(shares[look], bounds[:, look], places, masses, step)
    return levels, bounds


def _still_open(
    share: float, bound: FloatArray, before: FloatArray | None, masses: FloatArray | None, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return where the sum of scores may stand within the bounds, (levels, nodes), and the probability of each place."""
    narrow = 6 / math.sqrt(step) if step else 0
    nodes, weights = np.polynomial.legendre.leggauss(int(min(400, max(128, 4 * narrow * math.sqrt(share)))))
    width = np.minimum(bound, 9.0)[:, None] * math.sqrt(share)
    places = width * nodes
    if before is None or masses is None:
        density = np.exp(-(places**2) / (2 * share)) / math.sqrt(2 * math.pi * share)
    else:
        density = np.empty_like(places)
        for level in range(len(bound)):
            kernel = np.exp(-((places[level][:, None] - before[level]) ** 2) / (2 * step))
            density[level] = kernel @ masses[level] / math.sqrt(2 * math.pi * step)
    return places, density * width * weights


def _bound(share: float, step: float, room: FloatArray, places: FloatArray, masses: FloatArray) -> FloatArray:
    """Return the quantiles which are left with probability `room` at this look, and at none before."""
    low, high = np.zeros(len(room)), np.full(len(room), FARTHEST)
    for _ in range(50):
        middle = (low + high) / 2
        edge = middle[:, None] * math.sqrt(share)
        tails = special.ndtr((places - edge) / math.sqrt(step)) + special.ndtr(-(places + edge) / math.sqrt(step))
        too_low = (tails * masses).sum(axis=1) > room
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.asarray(high)
