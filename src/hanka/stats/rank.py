"""Rank correlation over few units, with an interval and a test.

Reading side: records → **statistics** → tables. Spearman's coefficient with average ranks for ties; percentile
bootstrap over the units for the interval, permutations for the p-value.

Source: Spearman (1904); Efron & Tibshirani (1993), ch. 13 and 15; Phipson & Smyth (2010) for the added ones.
Limits: the bootstrap is too short on a handful of units, so less than FEWEST are refused; units are taken as
independent and their values as exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from hanka.stats.resampling import FloatArray

FEWEST = 5
"Units below which a rank correlation says nothing: of 4, even perfect order has p = 2/24."


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's coefficient of some units."""

    value: float
    "-1 to 1."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    p_value: float
    "Two-sided, by permutation, not adjusted."
    n: int
    "Units."


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Spearman's coefficient of (n,) and (n,). Raises ValueError where one of them does not vary."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"values of shapes {a.shape} and {b.shape}: need one each per unit")
    value = float(_coefficients(a[None], b[None])[0]) if a.size else np.nan
    if not np.isfinite(value):
        raise ValueError("values that are all equal have no ranks to correlate")
    return value


def rank_correlation(
    x: npt.ArrayLike, y: npt.ArrayLike, rng: np.random.Generator, level: float = 0.95, resamples: int = 2000
) -> RankCorrelation:
    """Correlate the ranks of (n,) and (n,) values; the same state of rng gives the same interval and p-value.

    Resamples in which one side does not vary are left out. Raises ValueError below FEWEST units, or where one side
    does not vary.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    value, n = spearman(a, b), len(a)
    if n < FEWEST:
        raise ValueError(f"{n} units: a rank correlation needs at least {FEWEST}")
    drawn = rng.integers(0, n, size=(resamples, n))
    replicates = _coefficients(a[drawn], b[drawn])
    low, high = np.quantile(replicates[np.isfinite(replicates)], ((1 - level) / 2, (1 + level) / 2))
    shuffled = rng.permuted(np.tile(b, (resamples, 1)), axis=1)
    permuted = _coefficients(np.tile(a, (resamples, 1)), shuffled)
    extreme = int((np.abs(permuted) >= abs(value) - 1e-12).sum())
    return RankCorrelation(value, float(low), float(high), (1 + extreme) / (1 + resamples), n)


@dataclass(frozen=True, slots=True)
class RankDifference:
    """By how much one value goes with a third better than another does, over the same units."""

    value: float
    "Spearman's coefficient of the first with the third, less that of the second: -2 to 2."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    n: int
    "Units."


def rank_difference(
    pair: tuple[npt.ArrayLike, npt.ArrayLike],
    y: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
) -> RankDifference:
    """Compare two (n,) values by their rank correlation with a third, on units resampled for both together.

    The same state of rng gives the same interval. Resamples in which one side does not vary are left out. Raises ValueError below FEWEST
    units, or where one side does not vary.
    """
    a, b, c = (np.asarray(one, dtype=np.float64) for one in (*pair, y))
    value, n = spearman(a, c) - spearman(b, c), len(c)
    if n < FEWEST:
        raise ValueError(f"{n} units: a rank correlation needs at least {FEWEST}")
    drawn = rng.integers(0, n, size=(resamples, n))
    replicates = _coefficients(a[drawn], c[drawn]) - _coefficients(b[drawn], c[drawn])
    low, high = np.quantile(replicates[np.isfinite(replicates)], ((1 - level) / 2, (1 + level) / 2))
    return RankDifference(value, float(low), float(high), n)


def _coefficients(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the coefficients of (m, n) pairs of rows: (m,); NaN where one side does not vary."""
    ranks_a = stats.rankdata(a, axis=1) - (a.shape[1] + 1) / 2
    ranks_b = stats.rankdata(b, axis=1) - (b.shape[1] + 1) / 2
    spread = np.sqrt((ranks_a**2).sum(axis=1) * (ranks_b**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((ranks_a * ranks_b).sum(axis=1) / spread)
