"""How many test rows would decide: for the next study, or for growing this one.

Reading side: "undecided" is an answer only with what would decide it. The figures start from the share of rows on which
the two differ, or from the variance of their differences, as observed; they plan the next study and say
nothing about the power of this one.

    a true difference δ, found with power .8    n = [z(1-α/2)·√ψ + z(.8)·√(ψ-δ²)]² / δ²

ψ is the share of rows that one side alone has right, or the variance of the differences; α the local level of the
contrast's family. Where rows come in groups, n is multiplied by 1 + (size - 1)·ICC.

Source: Connor (1987), "Sample size for testing differences in proportions for the paired-sample design"; Kish (1965) for the design effect.
"""

from __future__ import annotations

import math

from scipy import special

POWER = 0.8
"With which a true difference is to be found."


def rows_to_show(difference: float, spread: float, alpha: float, power: float = POWER) -> int:
    """Return how many independent rows show a true difference at a two-sided level.

    difference: in score units, not 0. spread: share of discordant rows, or the variance of the differences; at
    least difference². alpha: local level, such as 0.05 of one contrast. Raises ValueError outside. Source: module docstring.
    """
    _require_rates(alpha, power)
    if not difference or not spread > 0:
        raise ValueError(f"difference {difference}, spread {spread}: neither may be 0")
    square = difference**2
    rest = math.sqrt(max(0.0, spread - square))
    quantile = float(special.ndtri(1 - alpha / 2)) * math.sqrt(max(spread, square)) + float(special.ndtri(power)) * rest
    return max(2, math.ceil(quantile**2 / square))


def rows_to_exclude(difference: float, alpha: float) -> int:
    """Return how many independent right-or-wrong rows exclude a difference if none of them differs, as none does so far.

    difference: in score units, between 0 and 1. alpha: two-sided. The score interval of n rows that all agree ends at
    ± z²/(n + z²). Raises ValueError outside. Source: Tango (1998), as `score.score_interval`.
    """
    _require_rates(alpha, POWER)
    if not 0 < difference < 1:
        raise ValueError(f"difference {difference}: must lie between 0 and 1")
    square = float(special.ndtri(1 - alpha / 2)) ** 2
    return max(2, math.floor(square * (1 - difference) / difference) + 1)


def design_effect(n: int, n_units: int, variance: float, spread: float) -> float:
    """Return how many rows in groups are worth one independent row: at least 1.

    variance: of the mean difference, by whole groups. spread: variance of the differences of single rows. Without
    groups, or without spread, 1.
    """
    if n_units >= n or spread <= 0:
        return 1.0
    return max(1.0, variance * n / spread)


def _require_rates(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha}, power {power}: need 0 < alpha < power < 1")
