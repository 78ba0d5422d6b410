"""Any difference with an estimated error, looked at as often as one likes: intervals that hold at all looks together.

Reading side, beside `sequential`, whose betting is exact and for paired right-or-wrong rows alone. Here a bet is spread over all
effects by a normal distribution, so that the statistic z of t independent units has gained

    E(z, t) = exp{½ z² r / (1 + r)} / √(1 + r),     r = t·ρ²

against "no difference". E reaches k with probability 1/k at most, at whatever look (Ville 1939), and the interval holds all
differences against which E has not reached 1/α: the interval alone, stretched from z(α/2) standard errors to

    √{(1 + 1/r)·(log(1 + r) - 2 log α)}.

ρ² = (-2 log α + log(1 - 2 log α)) / t*, α = 0.05, makes it narrowest at t* units, which must be named before the data are seen.

Source: Robbins (1970) for the mixture; Johari, Koomen, Pekelis & Walsh (2022), "Always valid inference", for A/B tests; Waudby-Smith,
Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences", for any estimate
that is asymptotically a mean (eq. for ρ there). Limits: asymptotic, so that the first looks are for later: fewer than FIRST_LOOK
units in a group decide nothing. Units must come in an order that has nothing to do with their outcomes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import special

from hanka.stats.intervals import Interval
from hanka.stats.sequential import BettingSpread
from hanka.stats.spreads import FARTHEST, ScoreSpread, Spread

TUNING_LEVEL = 0.05
"α at which ρ is chosen; intervals of other levels use the same, so that all levels and the p-value agree."
TUNED_AT = 2_000
"Units at which an interval is narrowest where nobody said."
FIRST_LOOK = 50
"Units in each group before which the normal approximation carries no verdict (benchmarks/ab.py starts there)."


class MixtureSpread(NamedTuple):
    """A difference whose intervals hold at every look."""

    inner: Spread
    "What an interval of one look is made from."
    n_units: int
    "Independent units so far, of both groups."
    tuned_at: int
    "Units at which the interval is narrowest, named beforehand."

    @property
    def z(self) -> float:
        """Return the difference on the scale of one look."""
        return self.inner.z

    @property
    def error(self) -> float:
        """Return the standard error."""
        return self.inner.error

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value that holds at every look: one over what the bet has gained."""
        reached = min(FARTHEST, -float(special.ndtri(max(self.inner.p_value / 2, 1e-300))))
        return min(1.0, math.exp(-log_gain(reached, self.n_units, self.tuned_at)))

    def interval(self, z: float) -> Interval:
        """Return the confidence sequence of level 1 - 2Φ(-z) at this look."""
        return self.inner.interval(stretched(z, self.n_units, self.tuned_at))

    def together(self, critical: float) -> Interval:
        """Return the same: a family gives its contrasts equal shares of α."""
        return self.interval(critical)


def always_valid(spread: Spread, n_units: int, tuned_at: int = TUNED_AT) -> Spread:
    """Return what makes intervals that hold at every look: by betting for paired right-or-wrong rows, else by a mixture."""
    if isinstance(spread, ScoreSpread):
        return BettingSpread(*spread)
    _require_units(n_units, tuned_at)
    return MixtureSpread(spread, n_units, tuned_at)


def log_gain(z: float, n_units: float, tuned_at: int) -> float:
    """Return the log of what a bet against "no difference" has become of 1."""
    ratio = _ratio(n_units, tuned_at)
    return 0.5 * z * z * ratio / (1 + ratio) - 0.5 * math.log1p(ratio)


def stretched(z: float, n_units: float, tuned_at: int) -> float:
    """Return how many standard errors an interval of level 1 - 2Φ(-z) spans to either side to hold at every look."""
    if not z > 0:
        raise ValueError(f"normal quantile {z}: must be above 0")
    log_alpha = math.log(2) + float(special.log_ndtr(-z))
    ratio = _ratio(n_units, tuned_at)
    return math.sqrt((1 + 1 / ratio) * (math.log1p(ratio) - 2 * log_alpha))


def _ratio(n_units: float, tuned_at: int) -> float:
    _require_units(n_units, tuned_at)
    twice = -2 * math.log(TUNING_LEVEL)
    return n_units * (twice + math.log1p(twice)) / tuned_at


def _require_units(n_units: float, tuned_at: int) -> None:
    if not n_units >= 1 or tuned_at < 1:
        raise ValueError(f"{n_units} units, narrowest at {tuned_at}: at least 1 of each")
