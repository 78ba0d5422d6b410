"""How probably, and how soon, a test that is looked at many times shows a difference of a given size.

Reading side, for planning. A statistic that is looked at is a sum with independent, nearly normal steps: at a share t of all
information it has mean drift·t and variance scale²·t. What is still undecided after a look is carried to the next one on a grid
(Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, ch. 19), which is exact but for the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from hanka.stats.resampling import FloatArray

NODES = 160
"Of the grid at each look: steps of 1/100 of the information are told apart."
WIDEST = 8.0
"Standard deviations around the mean in which a sum is looked for."


def crossing(shares: Sequence[float], bounds: Sequence[float], drift: float, scale: float = 1.0) -> FloatArray:
    """Return the probability of leaving ±bounds for the first time at each look, (looks,).

    shares: of the information, ascending to 1. bounds: of the statistic in standard errors. drift: mean of the statistic
    at the end. scale: its standard deviation where the difference is true, 1 where there is none.
    """
    if list(shares) != sorted(shares) or not shares[0] > 0 or len(shares) != len(bounds) or not scale > 0:
        raise ValueError(
            f"{len(shares)} ascending shares of information above 0 for {len(bounds)} bounds, scale {scale}"
        )
    edges = [bound * math.sqrt(share) for bound, share in zip(bounds, shares, strict=True)]
    found = np.zeros(len(shares))
    places, masses, before = np.zeros(1), np.ones(1), 0.0
    for look, (share, edge) in enumerate(zip(shares, edges, strict=True)):
        step = share - before
        if step <= 0:
            continue
        spread = scale * math.sqrt(step)
        middles = places + drift * step
        found[look] = masses @ (special.ndtr((middles - edge) / spread) + special.ndtr((-edge - middles) / spread))
        nodes, weights = _grid(drift * share, scale * math.sqrt(share), edge)
        kernel = np.exp(-(((nodes[:, None] - middles) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))
        places, masses, before = nodes, (kernel @ masses) * weights, share
    return found


def _grid(middle: float, spread: float, edge: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights where the sum may stand within ±edge."""
    low, high = max(-edge, middle - WIDEST * spread), min(edge, middle + WIDEST * spread)
    if high <= low:  # all but nothing is left within
        low, high = (edge - spread, edge) if middle > 0 else (-edge, spread - edge)
    nodes, weights = _legendre()
    return (low + high) / 2 + (high - low) / 2 * nodes, (high - low) / 2 * weights


@lru_cache(maxsize=1)
def _legendre() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes), np.asarray(weights)
