"""Learning curves as numbers: one point per training, the two laws, their prior, and equally likely curves through the points.

What `laws` fits and `extrapolation` asks. Every law runs between the value v at the smallest size n₁ and the limit A:

    f(n) = A + (v - A)·g(n)     power      g(n) = (n / n₁)^-c
                                log-power  g(n) = (log n / log n₁)^-α
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from hanka.stats.resampling import FloatArray, IntArray

Law: TypeAlias = Literal["power", "log_power"]
LAWS: tuple[Law, ...] = ("power", "log_power")
FARTHEST = 4.0
"Times the largest size up to which a law is asked."
FEWEST_SIZES = 4
"Sizes of training below which a law with three parameters says nothing."
LEAST_SIZE = 2
"Training rows: the logarithm of one is 0."


@dataclass(frozen=True, slots=True)
class Prior:
    """What is taken for granted before any point is seen."""

    slowest: float = 0.1
    "Least share of the distance from the limit that an e-fold of rows takes away, at the middle size."
    fastest: float = 2.0
    "Largest such rate."
    reach: float = 0.3
    "How far the limit may lie beyond the metric's range, as a share of it."
    noise: float = 0.01
    "Scale of the standard deviation of a training, as a share of the metric's range (or, without one, of its largest value)."
    noise_df: float = 3.0
    "Degrees of freedom of its half-t distribution."
    draws: int = 4000
    "Draws from the posterior."


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoints:
    """One point per training."""

    sizes: IntArray
    "(points,) training rows, at least LEAST_SIZE."
    values: FloatArray
    "(points,) of the metric."
    seeds: IntArray
    "(points,) number of the seed that drew the rows and trained."
    covariance: FloatArray
    "(points, points) of the values, by the test rows alone: those are shared, so their errors go together."
    low: float
    "Smallest possible value of the metric; -inf: not bounded."
    high: float
    "Largest possible value; inf: not bounded."

    @property
    def unit(self) -> float:
        """Return what noise is a share of: the metric's range, else its largest value."""
        span = self.high - self.low
        return span if math.isfinite(span) else max(float(np.abs(self.values).max()), 1e-12)

    @property
    def range(self) -> tuple[float, float]:
        """Return between which values every value lies: the metric's range, or as far beyond what was seen as one unit."""
        low = self.low if math.isfinite(self.low) else float(self.values.min()) - self.unit
        high = self.high if math.isfinite(self.high) else float(self.values.max()) + self.unit
        return low, high


@dataclass(frozen=True, slots=True, eq=False)
class CurvePosterior:
    """Equally likely curves."""

    smallest: int
    "Smallest size of the points, n₁."
    largest: int
    "Largest size of the points."
    n_points: int
    "Trainings behind it."
    n_sizes: int
    "Different sizes."
    first: FloatArray
    "(draws,) v: value at the smallest size."
    limit: FloatArray
    "(draws,) A: value that more and more rows approach."
    exponent: FloatArray
    "(draws,) c or α."
    is_power: np.ndarray
    "(draws,) whether the law is the power law."
    noise: FloatArray
    "(draws,) standard deviation of a training."

    def values(self, size: float) -> FloatArray:
        """Return the value at a size, (draws,): the mean over trainings of so many rows, on rows like the test rows."""
        if not size >= LEAST_SIZE:
            raise ValueError(f"{size} training rows: at least {LEAST_SIZE}")
        decay = np.where(self.is_power, self._decay(size, "power"), self._decay(size, "log_power"))
        return np.asarray(self.limit + (self.first - self.limit) * decay)

    def _decay(self, size: float, law: Law) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(-self.exponent * distance_of(size, self.smallest, law)))

    def sizes_at(self, value: float | FloatArray) -> FloatArray:
        """Return where each curve reaches a value, (draws,): rows; inf where it never does, the smallest size where it is there already.

        The side from which it is reached is that of the limit: a curve that falls reaches what lies below.
        """
        span = self.limit - self.first
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            left = (self.limit - value) / span
            steps = -np.log(np.clip(left, 1e-300, None)) / self.exponent
            power = np.log(self.smallest) + steps
            log_power = np.log(self.smallest) * np.exp(np.minimum(steps, 60.0))
            found = np.exp(np.minimum(np.where(self.is_power, power, log_power), 300.0))
        found = np.where(left >= 1, float(self.smallest), found)
        return np.where((span == 0) | (left <= 0) | (found > 1e100), np.inf, found)

    @property
    def power_share(self) -> float:
        """Return the posterior probability of the power law."""
        return float(np.mean(self.is_power))


def distance_of(size: float | FloatArray | IntArray, smallest: int, law: Law) -> FloatArray:
    """Return how far a size lies from the smallest, in the logarithm that the law's exponent multiplies."""
    logs = np.log(np.asarray(size, dtype=np.float64))
    return np.asarray(logs - math.log(smallest) if law == "power" else np.log(logs / math.log(smallest)))
