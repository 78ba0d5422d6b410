"""Laws of a learning curve: the mean of a metric by number of training rows, with a posterior over two laws and their noise.

Reading side: the points of `curves` → **posterior** → `extrapolation`. The likelihood is normal with the whole covariance of the points:
what the same test rows contribute to all of them, and a variance of each training (seed, drawn subset), part of which a seed keeps over
all sizes. The prior, all of it visible in `Prior`: v uniform over the metric's range and A over somewhat more, as long as the curve stays
inside up to FARTHEST times the largest size (a law is asked near its points, so its limit may lie where no metric does, and more
rows may also harm); the rate at which the distance from the limit shrinks at the middle size, per e-fold of rows, log-uniform for
both laws alike; the standard deviation of a training half-t; both laws equally likely. Rate and noise are summed over a grid, v and A in
closed form, so there are no starts to choose and no chain to wait for.

Source: Hestness et al. (2017), arXiv 1712.00409, and Viering & Loog (2023), "The shape of learning curves", for the power law; Snell et al.
(2024), arXiv 2411.16035, for the power of the logarithm. Limits: a curve that bends twice is neither law; coverage of both is
simulated in benchmarks/laws.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg, special

from hanka.stats.curves import (
    FARTHEST,
    FEWEST_SIZES,
    LAWS,
    LEAST_SIZE,
    CurvePoints,
    CurvePosterior,
    Law,
    Prior,
    distance_of,
)
from hanka.stats.resampling import FloatArray, IntArray

RATES, NOISES = 36, 12
"Nodes of the grid."
SHARED = (0.0, 0.3, 0.6)
"Shares of the variance of a training that a seed keeps over all sizes; equally likely."
BINS = 8
"Nodes of v in each component, while components are weighed."

NOWHERE = "no curve of either law comes near these points within the metric's range"


class _Components(NamedTuple):
    """Normal posteriors of (A, v), one per law, rate and noise: all arrays (components,)."""

    log_weight: FloatArray
    mean: FloatArray  # (components, 2)
    variance: FloatArray  # (components, 3): of A, of v, their covariance
    is_power: np.ndarray
    exponent: FloatArray
    noise: FloatArray
    farthest: FloatArray  # g at FARTHEST times the largest size


class _Box(NamedTuple):
    """Where A may lie, by component."""

    low: float
    "Of every value up to the farthest size."
    high: float
    reach: float
    "How far A itself may lie beyond either."

    def ends(self, first: FloatArray, farthest: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the smallest and the largest A with which the curve from v stays inside up to the farthest size."""
        low, high = ((end - first * farthest) / (1 - farthest) for end in (self.low, self.high))
        return np.maximum(low, self.low - self.reach), np.minimum(high, self.high + self.reach)


def fit_laws(points: CurvePoints, rng: np.random.Generator, prior: Prior | None = None) -> CurvePosterior:
    """Return the posterior of a learning curve.

    rng: required; the same state gives the same draws. Raises ValueError with fewer than FEWEST_SIZES different sizes, or numbers that
    are not finite or do not fit together. Source: module docstring.
    """
    prior = prior or Prior()
    _require(points)
    components = _components(points, prior)
    box = _Box(*points.range, prior.reach * points.unit)
    chosen, first = _drawn_first(components, box, prior.draws, rng)
    mean, spread, low, high = _ends(components, chosen, first, box)
    limit = mean + spread * special.ndtri(_within(low, high, rng.random(len(chosen))))
    limit = np.clip(limit, *box.ends(first, components.farthest[chosen]))
    return CurvePosterior(
        int(points.sizes.min()), int(points.sizes.max()), len(points.sizes), len(np.unique(points.sizes)), first, limit,
        components.exponent[chosen], components.is_power[chosen], components.noise[chosen],
    )  # fmt: skip


def _require(points: CurvePoints) -> None:
    n = len(points.sizes)
    if not (len(points.values) == len(points.seeds) == n and points.covariance.shape == (n, n)):
        raise ValueError(f"{n} sizes, {len(points.values)} values, covariance {points.covariance.shape}: one per point")
    if not (np.isfinite(points.values).all() and np.isfinite(points.covariance).all()):
        raise ValueError("a value or covariance of a learning curve is not finite")
    n_sizes = len(np.unique(points.sizes))
    if n_sizes < FEWEST_SIZES or points.sizes.min() < LEAST_SIZE:
        raise ValueError(
            f"{n_sizes} sizes from {points.sizes.min() if n else 0} on: at least {FEWEST_SIZES}, from {LEAST_SIZE} rows on"
        )


def _exponents(points: CurvePoints, law: Law, prior: Prior) -> FloatArray:
    """Return the nodes of a law's exponent: equal rates at the middle size for both laws."""
    rates = np.geomspace(prior.slowest, prior.fastest, RATES)
    middle = float(np.log(np.unique(points.sizes)).mean())
    return rates if law == "power" else rates * middle


def _noises(points: CurvePoints, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """Return the nodes of the standard deviation of a training, and the log of their prior weights."""
    shares = np.geomspace(prior.noise / 16, prior.noise * 16, NOISES)
    log_density = -(prior.noise_df + 1) / 2 * np.log1p((shares / prior.noise) ** 2 / prior.noise_df)
    return shares * points.unit, log_density + np.log(shares)


def _components(points: CurvePoints, prior: Prior) -> _Components:
    smallest = int(points.sizes.min())
    exponents = {law: _exponents(points, law, prior) for law in LAWS}
    decays = np.column_stack(
        [np.exp(-np.outer(distance_of(points.sizes, smallest, law), exponents[law])) for law in LAWS]
    )
    flat = np.concatenate([exponents[law] for law in LAWS])
    end = FARTHEST * float(points.sizes.max())
    farthest = np.concatenate([np.exp(-exponents[law] * distance_of(end, smallest, law)) for law in LAWS])
    is_power = np.repeat([True, False], RATES)
    same = (points.seeds[:, None] == points.seeds[None, :]).astype(np.float64)
    parts = []
    for noise, log_prior in zip(*_noises(points, prior), strict=True):
        for shared in SHARED:
            own = noise**2 * ((1 - shared) * np.eye(len(same)) + shared * same)
            log_weight, mean, variance = _normals(points, points.covariance + own, decays)
            noises = np.full(len(flat), noise)
            parts.append(_Components(log_weight + log_prior, mean, variance, is_power, flat, noises, farthest))
    return _Components(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _normals(points: CurvePoints, covariance: FloatArray, decays: FloatArray) -> tuple[FloatArray, ...]:
    """Return log evidence without the box, mean and variance of (A, v) for each column of decays, (points, columns)."""
    root = np.linalg.cholesky(covariance)
    sides = np.column_stack([points.values, np.ones(len(decays)), decays])
    white = linalg.solve_triangular(root, sides, lower=True)
    y, of_first = white[:, 0], white[:, 2:]
    of_limit = white[:, 1:2] - of_first
    aa, bb, ab = (of_limit**2).sum(axis=0), (of_first**2).sum(axis=0), (of_limit * of_first).sum(axis=0)
    ay, by = y @ of_limit, y @ of_first
    determinant = np.maximum(aa * bb - ab**2, 1e-12 * aa * bb)
    mean = np.column_stack([(bb * ay - ab * by) / determinant, (aa * by - ab * ay) / determinant])
    left = ((y[:, None] - of_limit * mean[:, 0] - of_first * mean[:, 1]) ** 2).sum(axis=0)
    log_weight = -left / 2 - np.log(determinant) / 2 - np.log(np.diag(root)).sum()
    variance = np.column_stack([bb, aa, -ab]) / determinant[:, None]
    return log_weight, mean, variance


def _drawn_first(found: _Components, box: _Box, draws: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Draw components by how well they fit inside the box, and v of each."""
    mean, spread = found.mean[:, 1], np.sqrt(found.variance[:, 1])
    low, high = (special.ndtr((end - mean) / spread) for end in box[:2])
    with np.errstate(divide="ignore"):
        log_weight = found.log_weight + np.log(high - low)
    middles = (np.arange(BINS) + 0.5) / BINS
    everyone = np.arange(len(mean))
    inside = np.column_stack(
        [
            _limit_weight(found, everyone, mean + spread * special.ndtri(_within(low, high, share)), box)
            for share in middles
        ]
    )
    if not np.isfinite(log_weight.max()):
        raise ValueError(NOWHERE)
    weight = np.exp(log_weight - log_weight.max())[:, None] * inside
    places = _systematic(weight.ravel(), draws, rng)
    chosen, bins = places // BINS, places % BINS
    share = (bins + rng.random(draws)) / BINS
    first = mean[chosen] + spread[chosen] * special.ndtri(_within(low[chosen], high[chosen], share))
    # A bin was weighed at its middle; where the box cuts within it, the draws make up for it.
    kept = _systematic(_limit_weight(found, chosen, first, box) / inside[chosen, bins], draws, rng)
    return chosen[kept], np.clip(first[kept], *box[:2])


def _within(low: FloatArray, high: FloatArray, share: FloatArray | float) -> FloatArray:
    return np.clip(low + (high - low) * share, 1e-300, 1 - 1e-16)


def _ends(
    found: _Components, chosen: IntArray, first: FloatArray, box: _Box
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return mean and spread of A given v, and the normal probabilities of the box's ends."""
    of_limit, of_first, both = found.variance[chosen].T
    mean = found.mean[chosen, 0] + both / of_first * (first - found.mean[chosen, 1])
    spread = np.sqrt(np.maximum(of_limit - both**2 / of_first, 1e-18))
    low, high = box.ends(first, found.farthest[chosen])
    return mean, spread, special.ndtr((low - mean) / spread), special.ndtr((high - mean) / spread)


def _limit_weight(found: _Components, chosen: IntArray, first: FloatArray, box: _Box) -> FloatArray:
    """Return how likely A is inside the box, given v."""
    _, _, low, high = _ends(found, chosen, first, box)
    return np.asarray(high - low)


def _systematic(weight: FloatArray, draws: int, rng: np.random.Generator) -> IntArray:
    """Draw places in proportion to their weights, evenly: each as often as expected, up to one. Source: Kitagawa (1996)."""
    total = np.cumsum(weight)
    if not total[-1] > 0:
        raise ValueError(NOWHERE)
    at = (np.arange(draws) + rng.random()) / draws * total[-1]
    return np.asarray(np.minimum(np.searchsorted(total, at, side="right"), len(weight) - 1))
