"""What a learning curve says of sizes beyond those that were trained: value, gain per doubling, rows for a wanted value, when to stop.

`laws` → **extrapolation** → questions and plans. Every number is a median with the interval that holds the given share of the posterior,
and nothing is said beyond a stated multiple of the largest size: there both laws are guesses. Gains and wanted values count upwards;
for a metric of which less is better `sign` is -1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hanka.stats.curves import FARTHEST, CurvePosterior
from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray

ONE_POINT = 0.01
"Gain of a doubling below which more rows are not worth labelling."
SURE = 0.8
"Posterior probability from which a curve is called done."


class Predicted(NamedTuple):
    """A number with what the posterior leaves open."""

    value: float
    "Median."
    low: float
    high: float
    level: float
    "Share of the posterior between the ends."


class Needed(NamedTuple):
    """Rows for a wanted value."""

    rows: int | None
    "Median; None: beyond the limit."
    low: int | None
    "Fewest that the interval holds; None: beyond the limit."
    high: int | None
    "Most; None: beyond the limit, or nowhere."
    within: float
    "Posterior probability that the limit suffices."
    limit: int
    "Rows beyond which nothing is said."


def predicted(draws: FloatArray, level: float = 0.95) -> Predicted:
    """Return median and interval of equally likely numbers. Raises ValueError for none, or one that is not finite."""
    if not len(draws) or not np.isfinite(draws).all():
        raise ValueError("draws of a prediction: at least one, and all finite")
    if not 0 < level < 1:
        raise ValueError(f"level {level}: must lie between 0 and 1, for example 0.95")
    low, middle, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return Predicted(float(middle), float(low), float(high), level)


def value_at(curve: CurvePosterior, size: float, level: float = 0.95) -> Predicted:
    """Predict the metric at a size, at most FARTHEST times the largest. Raises ValueError beyond."""
    _require_near(curve, size)
    return predicted(curve.values(size), level)


def gain_of_doubling(curve: CurvePosterior, size: float, sign: float = 1.0, level: float = 0.95) -> Predicted:
    """Predict what doubling the rows from a size on adds. Raises ValueError where the double lies beyond the limit."""
    return predicted(gains(curve, size, sign), level)


def gains(curve: CurvePosterior, size: float, sign: float = 1.0) -> FloatArray:
    """Return what each curve gains by doubling the rows from a size on, (draws,)."""
    _require_near(curve, 2 * size)
    return np.asarray(sign * (curve.values(2 * size) - curve.values(size)))


def last_gains(curve: CurvePosterior, sign: float = 1.0) -> FloatArray:
    """Return what each curve gained by the last doubling up to the largest size, (draws,); of a shorter way, per doubling."""
    last = max(float(curve.smallest), curve.largest / 2)
    gained = sign * (curve.values(curve.largest) - curve.values(last))
    return np.asarray(gained / math.log2(curve.largest / last))


def worth_stopping(curve: CurvePosterior, sign: float = 1.0, gain: float = ONE_POINT) -> float:
    """Return how probable it is that the last doubling up to the largest size gained less than a gain in score units."""
    return float(np.mean(last_gains(curve, sign) < gain))


def next_is_small(curve: CurvePosterior, size: float, sign: float = 1.0, gain: float = ONE_POINT) -> float:
    """Return how probable it is that doubling from a size on gains less than a gain in score units."""
    return float(np.mean(gains(curve, size, sign) < gain))


def plateau(curve: CurvePosterior, sign: float = 1.0, gain: float = ONE_POINT) -> float:
    """Return how probable it is that all further rows together gain less than a gain in score units."""
    return float(np.mean(sign * (curve.limit - curve.values(curve.largest)) < gain))


def rows_to_reach(
    curve: CurvePosterior, value: float | FloatArray, sign: float = 1.0, level: float = 0.95, start: float = 0
) -> Needed:
    """Return the fewest rows, from a start on, whose mean reaches a value: at least it with sign 1, at most it with sign -1.

    value: one for all, or (draws,) for each curve its own, such as a margin above what it has somewhere. start: rows; 0: the smallest size. A curve that only moves away from the value never reaches it, unless it is there at the start.
    """
    limit, start = math.floor(FARTHEST * curve.largest), start or float(curve.smallest)
    is_there = sign * (curve.values(start) - value) >= 0
    rises = sign * (curve.limit - curve.first) > 0
    found = np.where(is_there, start, np.where(rises, curve.sizes_at(value), np.inf))
    ordered = np.sort(found)
    places = [math.ceil(share * len(ordered)) - 1 for share in ((1 - level) / 2, 0.5, (1 + level) / 2)]
    low, middle, high = (
        math.ceil(ordered[place] - 1e-9) if ordered[place] <= limit else None for place in (max(0, at) for at in places)
    )
    return Needed(middle, low, high, float(np.mean(found <= limit)), limit)


def rows_to_stop(curve: CurvePosterior, sign: float = 1.0, gain: float = ONE_POINT, sure: float = SURE) -> int | None:
    """Return the first of the largest size and its double from which on doubling surely gains less; None: neither.

    Beyond the double, a further doubling lies beyond what is said.
    """
    for size in (curve.largest, 2 * curve.largest):
        if next_is_small(curve, size, sign, gain) >= sure:
            return size
    return None


def band(curve: CurvePosterior, sizes: FloatArray, level: float = 0.95) -> list[tuple[float, Interval, float]]:
    """Return (size, interval, median) at sizes within the limit, for a figure."""
    found = []
    for size in sizes:
        one = value_at(curve, float(size), level)
        found.append((float(size), Interval(one.low, one.high), one.value))
    return found


def _require_near(curve: CurvePosterior, size: float) -> None:
    if not curve.smallest <= size <= FARTHEST * curve.largest * (1 + 1e-9):
        raise ValueError(
            f"{size:g} rows: the curve is asked from {curve.smallest} to {FARTHEST:g} times its largest size, {curve.largest}"
        )
