"""A rate that was counted by a reader who errs, corrected by how often that reader errs.

Reading side. Of n rows a judge flags a share p; on rows that people labelled, too, it finds a share Se of what is so and leaves a share Sp of
what is not. The corrected rate is (p + Sp - 1) / (Se + Sp - 1), between 0 and 1, and its interval carries all three errors.

Source: Rogan & Gladen (1978), "Estimating prevalence from the results of a screening test"; Lang & Reiczigel (2014), "Confidence limits for
prevalence of disease adjusted for estimated sensitivity and specificity", whose interval holds its level where plain ones do not.
Limits: the judge errs on the labelled rows as it does on all others, so they have to be drawn at random from the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from hanka.stats.intervals import Interval, effect_of_share, exact_interval, wilson_interval
from hanka.stats.resampling import cluster_units


class Hits(NamedTuple):
    """How often something was so, of how many."""

    hits: int
    "Rows in which it was."
    n: int
    "Rows."
    effect: float = 1.0
    "Rows that are worth one independent row."

    @property
    def share(self) -> float:
        """Return the share."""
        return self.hits / self.n

    @property
    def worth(self) -> float:
        """Return the independent rows that the rows are worth."""
        return max(1.0, self.n / self.effect)

    @property
    def as_independent(self) -> tuple[float, float]:
        """Return hits and rows as independent ones."""
        return self.share * self.worth, self.worth


def hits_of(flags: Sequence[bool], groups: Sequence[str]) -> Hits:
    """Count flags, whole groups as what they are worth. groups: of each row, empty where it stands alone; () where none has one."""
    n, units = len(flags), cluster_units(list(groups), len(flags)) if any(groups) else np.arange(len(flags))
    sizes = np.bincount(units)
    if len(sizes) == n:
        return Hits(sum(flags), n)
    if len(sizes) < 2:  # all of one text: one trial
        return Hits(sum(flags), n, float(n))
    return Hits(sum(flags), n, effect_of_share(np.bincount(units, weights=np.array(flags, dtype=np.float64)), sizes))


class Corrected(NamedTuple):
    """A corrected rate that travels with its interval and the errors it was corrected by."""

    value: float
    "0 to 1."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    n: int
    "Rows that the judge read."
    sensitivity: float
    "Share of what people flag that the judge flags, too."
    specificity: float
    "Share of what people do not flag that the judge does not flag either."


def corrected_rate(flagged: Hits, found: Hits, left: Hits, level: float = 0.95) -> Corrected:
    """Return the rate of what people would flag.

    flagged: by the judge, of all rows that it read. found: flagged by it, of the rows that people flag. left: not flagged by it, of the rows
    that people do not flag. Raises ValueError for counts that do not fit, without labelled rows of both kinds, and where the judge
    cannot be told from one that flags at random, as no correction is possible then.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}: must lie between 0 and 1, for example 0.95")
    for one in (flagged, found, left):
        if one.n < 1 or not 0 <= one.hits <= one.n:
            raise ValueError(f"{one.hits} of {one.n}: counts do not fit; labelled rows of both kinds are needed")
    if not tells_apart(found, left, level):
        raise ValueError("the judge flags what people flag no more often than the rest: no rate can be read from it")
    z = float(special.ndtri(0.5 + level / 2))
    (hits, n), (hits_found, n_found), (hits_left, n_left) = (
        (hits + more / 2, n + more)
        for (hits, n), more in ((flagged.as_independent, z * z), (found.as_independent, 2), (left.as_independent, 2))
    )
    share, sensitivity, specificity = hits / n, hits_found / n_found, hits_left / n_left
    gain = sensitivity + specificity - 1
    rate = (share + specificity - 1) / gain
    of_found, of_left = sensitivity * (1 - sensitivity) / n_found, specificity * (1 - specificity) / n_left
    moved = 2 * z * z * (rate * of_found - (1 - rate) * of_left)
    half = z * math.sqrt(share * (1 - share) / n + (1 - rate) ** 2 * of_left + rate**2 * of_found) / gain
    plain = (flagged.share + left.share - 1) / (found.share + left.share - 1)
    value, seen = _within(plain), _seen(flagged, level)
    low, high = min(value, _within(rate + moved - half)), max(value, _within(rate + moved + half))
    if plain <= 0:  # fewer flags than it gives wrongly: it errs less here, and at best what it flags is all there is
        high = max(high, seen.high)
    if plain >= 1:
        low = min(low, seen.low)
    return Corrected(value, low, high, flagged.n, found.share, left.share)


def tells_apart(found: Hits, left: Hits, level: float = 0.95) -> bool:
    """Tell whether a judge is shown to flag what people flag more often than the rest: sensitivity + specificity above 1.

    By exact ends of both, joined as standard errors add (MOVER, Zou & Donner 2008).
    """
    if not found.n or not left.n:
        return False
    se: Interval = exact_interval(*found.as_independent, level)
    sp: Interval = exact_interval(*left.as_independent, level)
    gain = found.share + left.share - 1
    return gain - math.hypot(found.share - se.low, left.share - sp.low) > 0


def _seen(flagged: Hits, level: float) -> Interval:
    """Return the interval of what was flagged, uncorrected."""
    n = max(2.0, flagged.worth)
    return wilson_interval(min(n, flagged.share * n), n, level)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
