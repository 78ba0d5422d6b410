"""Shares of rows with an interval, where rows of one text count as one: what collapse, confusion and accuracies of training rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hanka.stats import exact_clustered_interval, exact_interval, wilson_interval
from hanka.stats.resampling import cluster_units


class Share(NamedTuple):
    """A share that travels with its interval and n."""

    value: float
    "0 to 1."
    low: float | None
    "Lower end of the interval; None below two units."
    high: float | None
    "Upper end of the interval."
    n: int
    "Rows behind it."


def share_of(flags: Sequence[bool], groups: Sequence[str] = (), level: float = 0.95) -> Share:
    """Return the share of rows that are true, with its Wilson interval; no interval below two units.

    groups: of each row, empty where it stands alone; () where none has one. Rows of a group are no independent trials, so
    the interval is that of as many trials as there are units: wide enough were the rows of a group all alike, too wide where
    they are not. Raises ValueError without rows. Source: Wilson (1927).
    """
    named = {group for group in groups if group}
    units = len(named) + sum(1 for group in groups if not group) if groups else len(flags)
    return _share(sum(map(bool, flags)), len(flags), units, level)


def share_of_count(value: float, n: int, level: float = 0.95) -> Share:
    """Return a stored share of n independent rows with its Wilson interval; see `share_of`."""
    return _share(round(value * n), n, n, level)


def _share(n_true: int, n: int, units: int, level: float) -> Share:
    if not n:
        raise ValueError("no rows: an empty share has no value")
    value = n_true / n
    if units < 2:
        return Share(value, None, None, n)
    return Share(value, *wilson_interval(value * units, units, level), n)


def bounded_share(flags: Sequence[bool], groups: Sequence[str], alpha: float) -> Share:
    """Return the share of rows that are true, with exact bounds, each one-sided at alpha; 0 and 1 below two units.

    groups: of each row, empty where it stands alone. For what must hold whatever the share: guardrails. Raises ValueError without
    rows. Source: Clopper & Pearson (1934); Korn & Graubard (1998) where rows share a group.
    """
    n, hits = len(flags), np.array(flags, dtype=np.float64)
    if not n:
        raise ValueError("no rows: an empty share has no value")
    units = cluster_units(list(groups), n)
    right, sizes = np.bincount(units, weights=hits), np.bincount(units).astype(np.float64)
    value = float(hits.mean())
    if len(sizes) < 2:
        return Share(value, 0.0, 1.0, n)
    level = 1 - 2 * alpha
    if len(sizes) < n:
        return Share(value, *exact_clustered_interval(right, sizes, level), n)
    return Share(value, *exact_interval(float(hits.sum()), n, level), n)
