"""Which of several options is beaten by none on two scales at once?

Reading side: records → **statistics** → tables. Vectorised over resamples, so that a front comes with how often
each option is on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hanka.stats.resampling import FloatArray


def pareto_front(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell which options are on the front: (options, …) of booleans, larger is better on both scales.

    first, second: (options,) or (options, resamples), finite. An option is off the front if another has at least
    as much of both and more of one; options that tie on both are on it together. O(options · log options).
    Raises ValueError where shapes differ or nothing is given.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim not in (1, 2) or a.size == 0:
        raise ValueError(f"scales of shapes {a.shape} and {b.shape}: need equal, not empty")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a scale holds a value that is not finite: leave those options out first")
    order = np.lexsort((-b, -a), axis=0)  # first descending, then second descending
    a, b = np.take_along_axis(a, order, 0), np.take_along_axis(b, order, 0)
    found = np.empty(a.shape, dtype=bool)
    np.put_along_axis(found, order, ~_is_beaten(a, b), 0)
    return found


def _is_beaten(a: FloatArray, b: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which options, sorted by a and then b descending, are beaten."""
    places = np.arange(len(a)).reshape(-1, *[1] * (a.ndim - 1))
    starts = np.ones(a.shape, dtype=bool)
    starts[1:] = a[1:] != a[:-1]
    first_of_tie = np.maximum.accumulate(np.where(starts, places, 0), axis=0)
    best_before = np.full((len(a) + 1, *a.shape[1:]), -np.inf)
    best_before[1:] = np.maximum.accumulate(b, axis=0)
    beaten_by_more = np.take_along_axis(best_before, first_of_tie, 0) >= b
    beaten_in_tie = np.take_along_axis(b, first_of_tie, 0) > b
    return np.asarray(beaten_by_more | beaten_in_tie)
