"""Adjusted p-values for many comparisons.

Reading side: findings of one study form a family; its p-values are adjusted together before verdicts.
Comparisons without a p-value are left out by the caller: they are not tests.

Source: Holm (1979), which assumes nothing about how the comparisons depend on each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hanka.stats.resampling import FloatArray


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values, (m,), so that any false rejection is as rare as alpha; in the given order.

    Raises ValueError if empty, or if a value is NaN or outside 0 to 1. Source: Holm (1979), step-down.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _checked(p_values: npt.ArrayLike) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"p-values of shape {p.shape}: need a sequence of at least one")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a p-value is NaN or outside 0 to 1: leave out comparisons without a test")
    return p
