"""The ratio of two means that were measured on the same rows, with an interval that knows when there is none.

Reading side: records → **statistics** → tables. Fieller's set holds every ratio r for which numerator - r · denominator is not shown
to differ from zero. Where the denominator itself is not shown to differ from zero, that set is unbounded, and no interval is given:
a quotient of noise has no useful ends, whatever a bootstrap of it says.
Source: Fieller (1954), J. R. Stat. Soc. B 16(2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import special

from hanka.stats.intervals import Interval


class Moments(NamedTuple):
    """Two estimates and how they vary together."""

    numerator: float
    "Estimate."
    denominator: float
    "Estimate."
    numerator_variance: float
    "Squared standard error."
    denominator_variance: float
    "Squared standard error."
    covariance: float
    "Of the two estimates."
    df: float
    "Degrees of freedom of the variances; infinite where they are known."


def ratio_interval(moments: Moments, level: float = 0.95) -> Interval | None:
    """Return Fieller's interval of numerator / denominator; None where the denominator is not shown to differ from zero.

    Raises ValueError for moments that are no numbers, or variances below zero.
    """
    top, bottom, top_variance, bottom_variance, covariance, df = moments
    if not all(map(math.isfinite, moments[:5])) or min(top_variance, bottom_variance) < 0 or not df > 0:
        raise ValueError(f"{moments}: need finite estimates, variances of at least 0 and degrees of freedom above 0")
    tail = 0.5 + level / 2
    t = float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))
    leading = bottom**2 - t**2 * bottom_variance
    if leading <= 0:
        return None
    middle = top * bottom - t**2 * covariance
    last = top**2 - t**2 * top_variance
    root = math.sqrt(max(0.0, middle**2 - leading * last))
    return Interval((middle - root) / leading, (middle + root) / leading)
