"""Did units arrive in the arms as they were meant to: one test for one look, and one that holds at every look.

Reading side. A sample-ratio mismatch means that something other than chance decides who is counted in which arm (a redirect that
fails, a bot that is filtered in one arm only), and then the arms differ before any effect.

    one look      Pearson's χ² of the units per arm against the declared weights
    every look    a bet on other weights, spread over all of them by a Dirichlet distribution around the declared ones; its gain
                  reaches k with probability 1/k at most at whatever look

Source: Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments"; Lindon & Malek (2022),
"Anytime-valid inference for multinomial count data". Limits: units must be assigned independently of each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special

CONCENTRATION = 100.0
"""How near to the declared weights the bet looks: as if so many units had arrived before. More finds small mismatches of many units
sooner, less finds large ones of few."""


def ratio_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Return the p-value of χ² for one look; 1 where no unit has arrived. Raises ValueError for counts or weights that do not fit."""
    shares, n = _shares(counts, weights), sum(counts)
    if not n:
        return 1.0
    statistic = sum((count - n * share) ** 2 / (n * share) for count, share in zip(counts, shares, strict=True))
    return float(special.chdtrc(len(counts) - 1, statistic))


def ratio_p_value_at_any_look(
    counts: Sequence[int], weights: Sequence[float], concentration: float = CONCENTRATION
) -> float:
    """Return one over the bet's gain, at most 1: a p-value that holds at every look. Raises ValueError as `ratio_p_value` does."""
    return min(1.0, math.exp(-log_ratio_gain(counts, weights, concentration)))


def log_ratio_gain(counts: Sequence[int], weights: Sequence[float], concentration: float = CONCENTRATION) -> float:
    """Return the log of what a bet on other weights has become of 1. concentration: above 0."""
    shares = _shares(counts, weights)
    if not concentration > 0:
        raise ValueError(f"concentration {concentration}: must be above 0")
    log = float(special.gammaln(concentration) - special.gammaln(concentration + sum(counts)))
    for count, share in zip(counts, shares, strict=True):
        before = concentration * share
        log += float(special.gammaln(before + count) - special.gammaln(before)) - count * math.log(share)
    return log


def _shares(counts: Sequence[int], weights: Sequence[float]) -> list[float]:
    if len(counts) != len(weights) or len(counts) < 2 or min(counts) < 0 or not min(weights) > 0:
        raise ValueError(
            f"{list(counts)} units for weights {list(weights)}: two arms or more, each with a weight above 0"
        )
    whole = sum(weights)
    return [weight / whole for weight in weights]
