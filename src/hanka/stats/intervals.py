"""Confidence intervals: Wilson for shares, t for means, bootstrap for any aggregate of additive statistics.

Reading side: records → **statistics** → tables. `estimate` picks the method for a metric's value; the
others are its parts, and usable alone. All intervals are two-sided at `level`.

The bootstrap default is the percentile interval with its tails widened for small samples (Hesterberg
2015, section 4.3, "expanded percentile"): the plain percentile interval is too short by about
√((n-1)/n)·z/t. It stays inside the metric's range, unlike a t interval.

Limits: no bootstrap is trustworthy on a handful of samples, or for statistics that single samples decide;
where values do not vary at all, its interval has no width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.stats.resampling import Aggregate, FloatArray, Jackknife, Resampled, ResamplingPlan, as_rows, resampled

ADDED = 2
"Clusters of which it is taken that all of their samples go together, beside those that were seen."
BootstrapMethod: TypeAlias = Literal["expanded", "percentile", "bca"]


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value that never travels without n and an interval."""

    value: float
    "The aggregate of all samples."
    low: float | None
    "Lower end of the interval; None where the samples support none."
    high: float | None
    "Upper end of the interval."
    n: int
    "Samples."
    method: Literal["wilson", "bootstrap", "wilson_of_clusters", "none"]
    "How the interval was made."


def wilson_interval(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson score interval of a share of successes in n independent trials.

    successes: 0 to n; fractional counts are allowed. Raises ValueError if n < 2 or successes lies outside.
    Source: Wilson (1927); recommended by Brown, Cai & DasGupta (2001).
    """
    _require_level(level)
    if n < 2 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: need n of at least 2 and 0 ≤ successes ≤ n")
    z = float(special.ndtri(0.5 + level / 2))
    return _wilson(successes / n, n, z)


def _wilson(share: float, n: float, z: float) -> Interval:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The ends touch 0 and 1 exactly in theory; rounding must not move them.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    return Interval(low, 1.0 if share == 1 else min(1.0, centre + half))


def exact_interval(successes: float, n: float, level: float = 0.95) -> Interval:
    """Exact interval of a share of successes in n independent trials: each end misses the truth in at most (1 - level)/2.

    successes: 0 to n; fractional counts are allowed. Wider than Wilson's, whose ends miss a rare event too often: for what must
    hold whatever the share. Raises ValueError if n < 1 or successes lies outside. Source: Clopper & Pearson (1934).
    """
    _require_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: need n of at least 1 and 0 ≤ successes ≤ n")
    tail = (1 - level) / 2
    low = float(special.betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(special.betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return Interval(low, high)


class WorthOfClusters(NamedTuple):
    """A share over whole clusters, and how many independent samples it is worth."""

    share: float
    worth: float
    "The share's binomial variance over its variance between clusters, at most all samples; the clusters where nothing varies."
    n_clusters: int

    def trials(self, level: float) -> float:
        """Return the trials of an interval: what the share is worth, times (z/t)² for few clusters."""
        z, t = special.ndtri(0.5 + level / 2), special.stdtrit(self.n_clusters - 1, 0.5 + level / 2)
        return self.worth * float(z / t) ** 2


def worth_of_clusters(successes: npt.ArrayLike, sizes: npt.ArrayLike) -> WorthOfClusters:
    """Say what a share over whole clusters is worth. successes, sizes: (clusters,).

    Raises ValueError with fewer than two clusters. Source: Korn & Graubard (1998), "Confidence intervals for proportions
    with small expected number of positive counts estimated from survey data".
    """
    right, size = np.asarray(successes, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n_clusters, n = len(size), float(size.sum())
    if n_clusters < 2:
        raise ValueError(f"{n_clusters} clusters: an interval needs at least 2")
    share = float(right.sum()) / n
    variance = n_clusters / (n_clusters - 1) * float(((right - share * size) ** 2).sum()) / n**2
    worth = min(n, share * (1 - share) / variance) if variance > 0 else float(n_clusters)
    return WorthOfClusters(share, worth, n_clusters)


def clustered_share_interval(successes: npt.ArrayLike, sizes: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Wilson interval of a share over whole clusters, with the number of samples that their spread is worth.

    successes, sizes: (clusters,). Raises ValueError with fewer than two clusters. Source: `worth_of_clusters`, with Wilson's
    interval inside.
    """
    _require_level(level)
    found = worth_of_clusters(successes, sizes)
    return _wilson(found.share, found.trials(level), float(special.ndtri(0.5 + level / 2)))


def exact_clustered_interval(successes: npt.ArrayLike, sizes: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Exact interval of a share over whole clusters, as of as many trials as they are worth.

    successes, sizes: (clusters,). What they are worth is hardly known where few clusters show the rarer outcome: by their spread alone
    an end misses a share of 2 in 100 up to five times as often as it says, so `ADDED` clusters more are taken to go wholly
    together. Raises ValueError with fewer than two clusters. Source: Korn & Graubard (1998), with that addition.
    """
    right, size = np.asarray(successes, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    found, n = worth_of_clusters(right, size), float(size.sum())
    trials = max(1.0, found._replace(worth=n / effect_of_share(right, size)).trials(level))
    return exact_interval(found.share * trials, trials, level)


def effect_of_share(successes: npt.ArrayLike, sizes: npt.ArrayLike) -> float:
    """Return how many rows of a share over whole clusters are worth one independent row. successes, sizes: (clusters,).

    Raises ValueError with fewer than two clusters. Source: as `exact_clustered_interval`.
    """
    right, size = np.asarray(successes, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n_telling = min(int((right > 0).sum()), int((right < size).sum()))
    return effect_of_clusters(size, max(1.0, float(size.sum()) / worth_of_clusters(right, size).worth), n_telling)


def effect_of_clusters(sizes: FloatArray, seen: float, n_telling: int) -> float:
    """Return how many samples of clusters are worth one independent sample: what was seen, and `ADDED` clusters that go together.

    sizes: (clusters,). seen: the variance between clusters over that of independent samples. n_telling: clusters it rests on.
    """
    whole = float((sizes**2).sum()) / float(sizes.sum())
    return (n_telling * seen + ADDED * max(whole, seen)) / (n_telling + ADDED)


def t_interval(values: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Student t interval of the mean of independent values, (n,); ddof = 1.

    Raises ValueError if n < 2 or a value is not finite. Source: Student (1908).
    """
    _require_level(level)
    sample = as_rows(values, np.size(values))[:, 0]
    if len(sample) < 2:
        raise ValueError(f"{len(sample)} values: a t interval needs at least 2")
    half = float(special.stdtrit(len(sample) - 1, 0.5 + level / 2)) * sample.std(ddof=1) / math.sqrt(len(sample))
    return Interval(float(sample.mean() - half), float(sample.mean() + half))


def bootstrap_interval(
    statistics: npt.ArrayLike,
    aggregate: Aggregate,
    plan: ResamplingPlan,
    level: float = 0.95,
    method: BootstrapMethod = "expanded",
) -> Interval:
    """Bootstrap interval of an aggregate of additive statistics, by the plan's resamples.

    statistics: (n, k) or (n,), aligned with the plan; whole clusters are resampled where the plan has them.
    Raises ValueError if shapes differ or a value is not finite. Source: Efron & Tibshirani (1993), ch. 13-14.
    """
    sample = resampled(statistics, aggregate, plan)
    return replicate_interval(sample.replicates, sample.whole, level, method)


def replicate_interval(
    replicates: FloatArray, whole: Jackknife, level: float = 0.95, method: BootstrapMethod = "expanded"
) -> Interval:
    """Turn bootstrap replicates, (resamples,), into an interval.

    whole: the aggregate and its leave-one-unit-out values, for the number of units and for BCa.
    """
    _require_level(level)
    tail = (1 - level) / 2
    if method == "bca":
        tails = _bca_tails(replicates, whole, tail)
    elif method == "expanded":
        return expanded_interval(replicates, len(whole.left_out), level)
    else:
        tails = (tail, 1 - tail)
    low, high = np.quantile(replicates, tails)
    return Interval(float(low), float(high))


def expanded_interval(replicates: FloatArray, n_units: int, level: float = 0.95) -> Interval:
    """Percentile interval of replicates, (resamples,), with its tails widened for few independent units.

    Raises ValueError below two units. Source: Hesterberg (2015), section 4.3.
    """
    _require_level(level)
    if n_units < 2:
        raise ValueError(f"{n_units} independent units: an interval needs at least 2")
    t = special.stdtrit(n_units - 1, (1 - level) / 2)
    tail = float(special.ndtr(math.sqrt(n_units / (n_units - 1)) * t))
    low, high = np.quantile(replicates, (tail, 1 - tail))
    return Interval(float(low), float(high))


def _bca_tails(replicates: FloatArray, whole: Jackknife, tail: float) -> tuple[float, float]:
    """Bias-corrected and accelerated tails; plain ones where all replicates are equal."""
    # Half of the ties count as below: replicates of a share are lumpy.
    below = float(np.mean(replicates < whole.value) + np.mean(replicates == whole.value) / 2)
    if not 0 < below < 1:
        return tail, 1 - tail
    bias = float(special.ndtri(below))
    spread = whole.left_out.mean() - whole.left_out
    sixth = 6 * float((spread**2).sum()) ** 1.5
    acceleration = float((spread**3).sum()) / sixth if sixth > 0 else 0.0
    shifted = [bias + float(special.ndtri(end)) for end in (tail, 1 - tail)]
    low, high = (float(special.ndtr(bias + shift / (1 - acceleration * shift))) for shift in shifted)
    return low, high


def estimate(
    statistics: npt.ArrayLike, aggregate: Aggregate, plan: ResamplingPlan, binary: bool = False, level: float = 0.95
) -> Estimate:
    """Estimate a metric's value with an interval.

    binary: column 0 is 0 or 1 and the aggregate is its mean; then Wilson, with the effective number of samples
    where they come in clusters. Raises ValueError if shapes differ or a value is not finite.
    """
    return estimate_resampled(resampled(statistics, aggregate, plan), binary, level)


def estimate_resampled(
    sample: Resampled, binary: bool = False, level: float = 0.95, supported: bool = True
) -> Estimate:
    """Estimate a metric's value with an interval, from statistics under a plan; see `estimate`.

    supported: whether there are samples enough behind every part of the aggregate; if not, no interval is given.
    """
    rows, plan = sample.rows, sample.plan
    value = float(sample.aggregate(rows.sum(axis=0), np.asarray(float(plan.n))))
    if binary and not plan.is_clustered:
        return Estimate(value, *wilson_interval(float(rows[:, 0].sum()), plan.n, level), plan.n, "wilson")
    if binary:
        interval = clustered_share_interval(sample.unit_rows[:, 0], plan.sizes, level)
        return Estimate(value, *interval, plan.n, "wilson_of_clusters")
    if not supported:
        return Estimate(value, None, None, plan.n, "none")
    interval = replicate_interval(sample.replicates, sample.whole, level)
    return Estimate(value, *interval, plan.n, "bootstrap")


def _require_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level {level}: must lie between 0 and 1, for example 0.95")
