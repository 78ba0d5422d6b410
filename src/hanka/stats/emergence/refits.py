"""The bootstrap of the emergence law beside its posterior: models are drawn anew, and within each the draws of training rows.

What the posterior takes for granted, noise that is normal and independent, is not needed here; what is, is many models: of nine or so
its interval is rough. Where the two disagree by much, neither is to be relied on.
Source: Davison & Hinkley (1997), section 3.8 (whole clusters); Snell et al. (2024), arXiv 2411.16035, show it beside MCMC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hanka.identity import stream
from hanka.stats.emergence.law import Points, Prior
from hanka.stats.emergence.likeliest import Fit, fit
from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray, IntArray

RESAMPLES = 200
MOST_FAILED = 0.1
"Share of resamples in which performance may leave its base nowhere; with more there is no interval."
LEAST_LOSSES = 3
"Different losses that a resample needs."


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Refits to models drawn anew."""

    elbows: FloatArray
    "(m,) E(D0) of the refits, ascending; those without an elbow are left out."
    n_failed: int
    "Resamples in which performance left its base nowhere."

    def interval(self, level: float) -> Interval | None:
        """Return the percentile interval; None where too many resamples have no elbow."""
        if self.n_failed > MOST_FAILED * (self.n_failed + len(self.elbows)):
            return None
        low, high = np.quantile(self.elbows, [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), float(high))


def bootstrap(found: Points, best: Fit, low_data: int, seed: int, resamples: int = RESAMPLES) -> Bootstrap:
    """Refit the law to models drawn anew. best: the likeliest of all points, where every refit begins, too."""
    rng, elbows, n_failed = stream(seed, "emergence", "bootstrap"), [], 0
    cells = _cells(found)
    for _ in range(resamples):
        drawn = found.at(_drawn(cells, rng))
        try:
            if len(np.unique(drawn.loss)) < LEAST_LOSSES:
                raise ValueError("too few losses")
            again = fit(best.law, drawn, Prior(), near=best.parameters[None])
        except ValueError:
            n_failed += 1
            continue
        elbows.append(again.elbow(low_data))
    return Bootstrap(np.sort(np.array(elbows, dtype=np.float64)), n_failed)


def _cells(found: Points) -> list[list[IntArray]]:
    """Return the places of points by model, and within it by rows and loss: what differs in draws alone."""
    models = []
    for model in np.unique(found.model):
        own = np.flatnonzero(found.model == model)
        keys = np.column_stack([found.rows[own], found.loss[own]])
        _, inverse = np.unique(keys, axis=0, return_inverse=True)
        models.append([own[inverse.ravel() == key] for key in range(inverse.max() + 1)])
    return models


def _drawn(models: list[list[IntArray]], rng: np.random.Generator) -> IntArray:
    chosen = rng.integers(0, len(models), len(models))
    return np.concatenate([cell[rng.integers(0, len(cell), len(cell))] for at in chosen for cell in models[at]])
