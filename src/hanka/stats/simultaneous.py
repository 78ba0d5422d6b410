"""Many contrasts on shared rows, judged together: how large may the largest statistic be by luck alone?

Reading side. Contrasts of one test set rest on the same rows, so their statistics go up and down together, and a
correction that takes them as unrelated asks too much. Under "nothing differs" the sign of a unit's differences (a row,
or a group of rows) is a coin: flipped jointly for all contrasts of a test set, it gives the distribution of the largest
|statistic| with their dependence as it is. Its quantile is the critical value of every simultaneous interval, and
the share of flips that reach a statistic is its adjusted p-value: any false claim is as rare as 1 - level.

A statistic here is a sum over √(sum of squares), which flipping leaves in place below the line; it is a monotone function
of the paired t and nearly normal, also with few units, so each contrast may build its interval by its own method at
the local level 2Φ(-c).

Source: Westfall & Young (1993), Resampling-Based Multiple Testing, ch. 2 (single-step maxT). Limits: units must be
independent; differences symmetric about 0 under the null, as those of two models with nothing between them are.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from hanka.stats.resampling import FloatArray, in_slices

FLIPS = 5_000
"Sign patterns; the Monte-Carlo error of a 95 % quantile is about 0.02 with one contrast, less with many."
ROUNDING = 1e-9
"Statistics that differ by less are equal: few discordant rows give few values."
BLOCK = 4_000_000
"Numbers in memory at a time: 32 MB."


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What the units of one test set contribute to a contrast."""

    where: Hashable
    "Test set: contrasts of one share their units, in the same order."
    values: FloatArray
    "(units,) weighted differences, their sum being the contrast; 0 where a unit does not count."


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """The joint distribution of the largest statistic of a family."""

    largest: FloatArray
    "(flips,) ascending."
    level: float
    "Share of flips whose largest statistic the critical value covers."
    n_equal: int = 1
    "Contrasts that have equal shares of what may be wrong; 1: the flips know how they hang together."

    @property
    def critical(self) -> float:
        """Normal quantile of every simultaneous interval: never less than that of a single one."""
        alone = -float(special.ndtri((1 - self.level) / 2 / self.n_equal))
        if not len(self.largest):
            return alone
        place = math.ceil(self.level * (len(self.largest) + 1)) - 1
        return max(alone, float(self.largest[min(place, len(self.largest) - 1)]) * (1 + ROUNDING))

    @property
    def local_level(self) -> float:
        """Level at which each interval is built so that all hold together."""
        return 1.0 - 2.0 * float(special.ndtr(-self.critical))

    def adjusted(self, z: float, p_value: float) -> float:
        """Return the adjusted p-value of a statistic: at least its own, which is two-sided.

        Source: Phipson & Smyth (2010) for the added ones.
        """
        if not len(self.largest):
            return min(1.0, p_value * self.n_equal)
        reached = len(self.largest) - int(np.searchsorted(self.largest, abs(z) * (1 - ROUNDING), side="left"))
        return max(p_value, (1 + reached) / (1 + len(self.largest)))


def equal_shares(n_contrasts: int, level: float = 0.95) -> Family:
    """Return a family in which every contrast has the same share of 1 - level, whatever hangs together (Bonferroni).

    For contrasts that are looked at while they grow, whose rows differ in number.
    """
    return Family(np.zeros(0), level, max(1, n_contrasts))


def family(
    contrasts: Sequence[Sequence[Contributions]], rng: np.random.Generator, level: float = 0.95, flips: int = FLIPS
) -> Family:
    """Flip signs jointly and keep the largest |statistic| of each pattern.

    contrasts: each as its contributions, one entry per test set. A contrast without any difference cannot be
    the largest. Raises ValueError where test sets do not have one number of units.
    """
    sizes = _units(contrasts)
    scales = [math.sqrt(sum(float(part.values @ part.values) for part in parts)) for parts in contrasts]
    moving = [place for place, scale in enumerate(scales) if scale > 0]
    if not moving:
        return Family(np.zeros(0), level)
    by_set: dict[Hashable, list[tuple[int, FloatArray]]] = {where: [] for where in sizes}
    for column, place in enumerate(moving):
        for part in contrasts[place]:
            by_set[part.where].append((column, part.values / scales[place]))
    largest = np.zeros(flips)
    rows = max(1, min(flips, BLOCK // max(len(moving), max(sizes.values()))))
    for start in range(0, flips, rows):
        block = min(rows, flips - start)
        largest[start : start + block] = _largest(by_set, sizes, len(moving), block, rng)
    return Family(np.sort(largest), level)


def _largest(
    by_set: Mapping[Hashable, list[tuple[int, FloatArray]]],
    sizes: Mapping[Hashable, int],
    n_contrasts: int,
    flips: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the largest |statistic| of some sign patterns, (flips,)."""
    sums = np.zeros((flips, n_contrasts))
    for where, members in by_set.items():
        if not members:
            continue
        signs = rng.integers(0, 2, size=(flips, sizes[where]), dtype=np.int8).astype(np.float64) * 2 - 1
        columns = [column for column, _ in members]
        sums[:, columns] += in_slices(signs, np.column_stack([values for _, values in members]))
    largest: FloatArray = np.abs(sums, out=sums).max(axis=1)
    return largest


def _units(contrasts: Sequence[Sequence[Contributions]]) -> dict[Hashable, int]:
    sizes: dict[Hashable, int] = {}
    for part in (part for parts in contrasts for part in parts):
        if sizes.setdefault(part.where, len(part.values)) != len(part.values):
            raise ValueError(
                f"{part.where}: contrasts of {sizes[part.where]} and {len(part.values)} units share no signs"
            )
    return sizes
