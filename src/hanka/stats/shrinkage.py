"""How the errors of many means on the same rows hang together, also where rows are hardly more than means.

Reading side: (units, means) values → **covariance of the means** → `laws`. The sample covariance of fifteen trainings on a hundred
rows is so uneven that its inverse promises too much, and a training that is right by luck seems to vary less. So it is drawn towards a
matrix with one variance and one covariance, by as much as the data ask for, and averaged over what is known to be alike.

Source: Ledoit & Wolf (2004), "Honey, I shrunk the sample covariance matrix", J. Portfolio Management 30(4), for how far; the target of one variance
and one covariance after Schäfer & Strimmer (2005), "A shrinkage approach to large-scale covariance matrix estimation", table 2, C. Limits: units must be
independent of each other: whole groups where rows come in groups.
"""

from __future__ import annotations

import math

import numpy as np

from hanka.stats.resampling import FloatArray, IntArray

HITS_AND_MISSES = (0.0, 0.0, 1.0, 1.0)
"""Scores that are added to right-or-wrong ones, so that twenty hits of twenty are no certainty. Source: Agresti & Coull (1998),
"Approximate is better than exact"."""


def covariance_of_means(table: FloatArray, span: float, is_binary: bool) -> FloatArray:
    """Return the covariance of the column means of (units, means) values that share their units, (means, means).

    span: largest possible difference of one unit; inf: that of what was measured. is_binary: whether values are 0 or 1, to which HITS_AND_MISSES
    are added. To each mean the square of the span over that of the units is added, as far as all agree: two units that differ
    (`components.variance_of_mean`). Raises ValueError for fewer than four units or values that are not finite.
    """
    if table.ndim != 2 or len(table) < 4 or not np.isfinite(table).all():
        raise ValueError(f"values of shape {table.shape}: at least 4 units, all values finite")
    n_units, n_means = table.shape
    agreeing = float((np.ptp(table, axis=1) == 0).mean())
    far = span if math.isfinite(span) else float(np.ptp(table))
    added = np.repeat(np.array(HITS_AND_MISSES)[:, None], n_means, axis=1)
    found = shrunk_covariance(np.vstack([table, added]) if is_binary else table)
    # One estimated covariance for all means: the excess of t over the normal, to first order.
    found *= (n_units - 1) / ((n_units - 3) * (n_units + len(added) * is_binary))
    return np.asarray(found + np.eye(n_means) * agreeing * (far / n_units) ** 2)


def shrunk_covariance(values: FloatArray) -> FloatArray:
    """Return the covariance of (n, k) values, drawn towards one variance and one covariance. Source: module docstring."""
    n, k = values.shape
    x = values - values.mean(axis=0)
    sample = x.T @ x / n
    if k < 2:
        return np.asarray(sample * n / (n - 1))
    trace, off = float(np.trace(sample)), float(sample.sum() - np.trace(sample))
    target = np.full((k, k), off / (k * (k - 1)))
    np.fill_diagonal(target, trace / k)
    squares = x**2
    of_rows = squares.sum(axis=1)
    noise = float((squares.T @ squares / n - sample**2).sum())
    shared = (float((of_rows**2).mean()) - trace**2) / k
    shared += (float(((x.sum(axis=1) ** 2 - of_rows) ** 2).mean()) - off**2) / (k * (k - 1))
    distance = float(((target - sample) ** 2).sum())
    share = 1.0 if distance <= 0 else min(1.0, max(0.0, (noise - shared) / distance / n))
    return np.asarray((share * target + (1 - share) * sample) * n / (n - 1))


def averaged_within(covariance: FloatArray, groups: IntArray) -> FloatArray:
    """Return a covariance in which members of a group are alike: one variance and one covariance each, and one with each other group."""
    names = np.unique(groups)
    found = np.empty_like(covariance)
    for one in names:
        for other in names:
            places = np.ix_(groups == one, groups == other)
            block = covariance[places]
            apart = ~np.eye(len(block), dtype=bool) if one == other else np.ones(block.shape, dtype=bool)
            whole = np.full(block.shape, float(block[apart].mean()) if apart.any() else 0.0)
            if one == other:
                np.fill_diagonal(whole, float(np.diag(block).mean()))
            found[places] = whole
    return found
