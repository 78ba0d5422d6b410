"""How many rows to draw from each stratum, and what unequal weights cost.

Before any label: sizes of strata and what they are to share → **rows of each**. Proportional shares estimate a whole best where nothing is
known of the strata; equal shares compare them; Neyman's (sizes times spreads) estimate a whole best where spreads are known.

Source: Neyman (1934); Cochran (1977), Sampling Techniques, ch. 5; Kish (1965) for the design effect of weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def allocate(sizes: Sequence[int], shares: Sequence[float], n: int, least: Sequence[int]) -> list[int]:
    """Return how many of n rows come from each stratum: by shares, at least so many (or all it has), never more than it has.

    sizes, least: of each. shares: not negative, in any unit. What a stratum cannot give, the others do; fractions go to the largest, the
    earlier first. Raises ValueError where n is fewer than `least` asks for or more than there are.
    """
    if (
        not len(sizes) == len(shares) == len(least)
        or not sizes
        or min(sizes) < 1
        or not min(shares) >= 0
        or not sum(shares) > 0
    ):
        raise ValueError(f"sizes {list(sizes)}, shares {list(shares)}: one each, sizes above 0, shares not all 0")
    floors = [min(one, size) for one, size in zip(least, sizes, strict=True)]
    if not sum(floors) <= n <= sum(sizes):
        raise ValueError(f"{n} rows of {len(sizes)} strata: from {sum(floors)} to {sum(sizes)}")
    free, fixed = set(range(len(sizes))), [0] * len(sizes)
    while True:
        left = n - sum(fixed)
        whole = sum(shares[at] for at in free)
        wanted = {at: left * shares[at] / whole if whole > 0 else left / len(free) for at in free}
        below = {at for at in free if wanted[at] < floors[at]}
        above = {at for at in free if wanted[at] > sizes[at]}
        # What is cut off gives rows to others and what is filled up takes them: the larger of the two is settled first.
        cut = sum(wanted[at] - sizes[at] for at in above)
        filled = sum(floors[at] - wanted[at] for at in below)
        settled = above if cut >= filled and above else below
        if not settled:
            break
        for at in settled:
            fixed[at] = sizes[at] if at in above else floors[at]
        free -= settled
    return _rounded(wanted, fixed, sizes, left)


def _rounded(wanted: dict[int, float], fixed: list[int], sizes: Sequence[int], left: int) -> list[int]:
    """Round what is wanted of the strata that are not fixed so that it adds up, by largest remainders."""
    found = list(fixed)
    for at, rows in wanted.items():
        found[at] = math.floor(rows + 1e-9)
    order = sorted(wanted, key=lambda at: (math.floor(wanted[at] + 1e-9) - wanted[at], at))
    for at in order[: left - sum(found[at] for at in wanted)]:
        found[at] = min(sizes[at], found[at] + 1)
    return found


def design_effect_of_weights(weights: Sequence[float]) -> float:
    """Return by how much unequal weights enlarge the variance of a mean where they have nothing to do with its values: at least 1.

    weights: of the rows drawn, all above 0. n·Σw²/(Σw)². Source: Kish (1965).
    """
    if not weights or not min(weights) > 0:
        raise ValueError(f"{len(weights)} weights: at least one, all above 0")
    return len(weights) * math.fsum(one**2 for one in weights) / math.fsum(weights) ** 2
