"""Resampling of additive statistics: weights × rows, for any metric that is a function of sums.

Reading side: records → **statistics** → tables. A `ResamplingPlan` is drawn once per test set and used for every
comparison on it: how often each unit (a sample, or a whole cluster) occurs in each resample. Statistics
are summed per unit, multiplied by the plan, and aggregated.

Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 6 (bootstrap), 11 (jackknife);
Davison & Hinkley (1997), section 3.8 (resampling whole clusters). Limits: resamples × units × 2 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Aggregate: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]

BLOCK = 4_000_000  # numbers expanded to floats at a time: 32 MB
SLICE = 200_000  # products; OpenBLAS begins to use threads at 262,144
WHOLE = 2**24
"float32 holds every whole number up to this one, so sums of whole numbers below it are exact in any order."


def mean(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Aggregate of a mean metric: the first sum over n. sums: (..., k), n: (...)."""
    return np.asarray(sums[..., 0] / n)


def as_rows(statistics: npt.ArrayLike, n: int) -> FloatArray:
    """Read statistics as (n, k) float rows; one number per sample becomes k = 1.

    Raises ValueError when there are not n rows or a value is not finite: nulls are the caller's to remove.
    """
    rows = np.asarray(statistics, dtype=np.float64)
    rows = rows.reshape(-1, 1) if rows.ndim == 1 else rows
    if rows.ndim != 2 or len(rows) != n:
        raise ValueError(f"statistics have shape {rows.shape}; expected ({n}, k), one row per sample")
    if not np.isfinite(rows).all():
        raise ValueError("statistics contain a value that is not finite: remove the samples without a score first")
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class ResamplingPlan:
    """The resamples of one test set, drawn once and shared by all comparisons on it."""

    units: IntArray
    "(n,) unit of each sample: its own, or that of its cluster."
    sizes: FloatArray
    "(n_units,) samples per unit."
    counts: npt.NDArray[np.uint16]
    "(resamples, n_units) how often each unit is drawn."

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.units)

    @property
    def n_units(self) -> int:
        """Number of independent units: clusters, or samples where there are none."""
        return len(self.sizes)

    @property
    def is_clustered(self) -> bool:
        """Whether any unit holds more than one sample."""
        return self.n_units < self.n

    def counting(self, is_kept: npt.NDArray[np.bool_]) -> ResamplingPlan:
        """Return the same resamples, in which only some of the (n,) samples count.

        So cells that lack different samples stay paired: the rows of the others must be 0. A resample may then
        hold no sample at all.
        """
        sizes = np.bincount(self.units, weights=is_kept, minlength=self.n_units).astype(np.float64)
        return ResamplingPlan(self.units, sizes, self.counts)

    def unit_sums(self, rows: FloatArray) -> FloatArray:
        """Sum (n, k) rows within units: (n_units, k)."""
        if not self.is_clustered:
            return rows
        sums = np.zeros((self.n_units, rows.shape[1]))
        np.add.at(sums, self.units, rows)
        return sums

    def replicates(self, unit_rows: FloatArray, aggregate: Aggregate) -> FloatArray:
        """Aggregate every resample of (n_units, k) unit sums: (resamples,)."""
        weighted = np.column_stack([unit_rows, self.sizes])
        dtype = np.dtype(np.float32 if _sums_are_exact(weighted) else np.float64)
        blocks = [in_slices(block, weighted.astype(dtype)) for block in self._blocks(dtype)]
        sums = np.concatenate(blocks).astype(np.float64)
        return aggregate(sums[:, :-1], sums[:, -1])

    def _blocks(self, dtype: np.dtype[Any]) -> Iterable[npt.NDArray[Any]]:
        """Return the counts as floats: those of a small plan at once, others some resamples at a time."""
        n_rows = max(1, BLOCK // self.n_units)
        if n_rows >= len(self.counts):
            return [_as_floats(self, dtype)]
        starts = range(0, len(self.counts), n_rows)
        return (self.counts[start : start + n_rows].astype(dtype) for start in starts)


@lru_cache(maxsize=2)
def _as_floats(plan: ResamplingPlan, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Keep the counts as floats while one test set's comparisons follow each other."""
    return plan.counts.astype(dtype)


def _sums_are_exact(weighted: FloatArray) -> bool:
    """Tell whether float32 sums of (n_units, k) numbers over n_units draws are exact: those of hits and indicators."""
    return len(weighted) * np.abs(weighted).max() < WHOLE and bool((weighted == np.rint(weighted)).all())


def in_slices(counts: npt.NDArray[Any], weighted: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Multiply in slices too small for BLAS to share among threads.

    Threads wait for each other on a busy machine, and how BLAS shares the work changes the last bits: in slices
    the sums are the same with any number of cores.
    """
    n_rows = max(4, SLICE // weighted.size // 4 * 4)
    n_slices, (n_units, k) = len(counts) // n_rows, weighted.shape
    sliced = n_slices * n_rows
    slices = counts[:sliced].reshape(n_slices, n_rows, n_units) @ weighted
    return np.concatenate([slices.reshape(sliced, k), counts[sliced:] @ weighted])


def cluster_units(cluster: Sequence[Hashable], n: int) -> IntArray:
    """Number the clusters 0, 1, … in order of appearance: (n,).

    An empty string or None means that the sample stands alone. Raises ValueError if lengths differ.
    """
    if len(cluster) != n:
        raise ValueError(f"{len(cluster)} cluster ids for {n} samples: give one per sample")
    if not any(cluster):
        return np.arange(n, dtype=np.int64)
    numbers: dict[Hashable, int] = {}
    keys = (("alone", place) if group in ("", None) else ("cluster", group) for place, group in enumerate(cluster))
    return np.asarray([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def plan_resampling(
    n: int, rng: np.random.Generator, cluster: Sequence[Hashable] | None = None, resamples: int = 2000
) -> ResamplingPlan:
    """Draw a resampling plan for n samples.

    cluster: (n,) group ids; whole groups are drawn, and an empty id stands alone. The same state of rng
    gives the same plan. Raises ValueError with fewer than two samples or two clusters: no resampling can
    show variation there.
    """
    units = np.arange(n, dtype=np.int64) if cluster is None else cluster_units(cluster, n)
    sizes = np.bincount(units).astype(np.float64)
    if len(sizes) < 2:
        raise ValueError(f"{n} samples in {len(sizes)} independent units: at least 2 units are needed")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples: at least 1 is needed")
    return ResamplingPlan(units, sizes, _draw_counts(rng, len(sizes), resamples))


def _draw_counts(rng: np.random.Generator, n_units: int, resamples: int) -> npt.NDArray[np.uint16]:
    counts = np.empty((resamples, n_units), dtype=np.uint16)
    n_rows = max(1, BLOCK // n_units)
    for start in range(0, resamples, n_rows):
        block = counts[start : start + n_rows]
        drawn = rng.integers(0, n_units, size=block.shape)
        drawn += np.arange(len(block))[:, None] * n_units  # one range of numbers per resample
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return counts


class Jackknife(NamedTuple):
    """An aggregate of all samples, and with each unit left out."""

    value: float
    left_out: FloatArray

    @property
    def pseudo_values(self) -> FloatArray:
        """(n_units,) m·value - (m-1)·left_out: for a mean of single samples, the samples themselves."""
        m = len(self.left_out)
        return m * self.value - (m - 1) * self.left_out


def jackknife(unit_rows: FloatArray, sizes: FloatArray, aggregate: Aggregate) -> Jackknife:
    """Aggregate unit sums (m, k) with sizes (m,), whole and with each unit left out.

    Source: Efron & Tibshirani (1993), ch. 11.
    """
    total, n = unit_rows.sum(axis=0), sizes.sum()
    return Jackknife(float(aggregate(total, n)), aggregate(total - unit_rows, n - sizes))


@dataclass(frozen=True, eq=False)
class Resampled:
    """Statistics of one cell under a plan; what several comparisons of it need is computed once."""

    rows: FloatArray
    "(n, k) statistics, aligned with the plan."
    aggregate: Aggregate
    "Of their sums."
    plan: ResamplingPlan
    "Its resamples."

    @cached_property
    def unit_rows(self) -> FloatArray:
        """(n_units, k) sums within units."""
        return self.plan.unit_sums(self.rows)

    @cached_property
    def whole(self) -> Jackknife:
        """The aggregate, and with each unit left out."""
        return jackknife(self.unit_rows, self.plan.sizes, self.aggregate)

    @cached_property
    def replicates(self) -> FloatArray:
        """(resamples,) the aggregate of every resample."""
        return self.plan.replicates(self.unit_rows, self.aggregate)


def resampled(statistics: npt.ArrayLike, aggregate: Aggregate, plan: ResamplingPlan) -> Resampled:
    """Put (n, k) or (n,) statistics under a plan. Raises ValueError as `as_rows` does."""
    return Resampled(as_rows(statistics, plan.n), aggregate, plan)
