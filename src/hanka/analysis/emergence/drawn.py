"""The figure of a prediction: performance over loss for each fine-tuning size with its broken line, and where the elbow lies, as curves of probability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hanka.analysis.emergence.measured import Measurement
from hanka.analysis.emergence.predicted import Predicted
from hanka.analysis.questions.contract import Curve, Measured, Point
from hanka.stats import exact_interval
from hanka.stats.emergence import Fit
from hanka.stats.resampling import FloatArray

MOST_SIZES = 5
"Fine-tuning sizes that are drawn, spread evenly over all."
MOST_POINTS = 240
"Values that are drawn, spread evenly over the losses of each size."
STEPS = 41
"Points of a curve of probability."
FEW_SHOT, POSTERIOR, BOOTSTRAP = "emergence_few_shot", "emergence_posterior", "emergence_bootstrap"
"Groups that have a word in both languages: `series_…`."


def curves(found: Predicted, title: tuple[str, str]) -> tuple[Curve, ...]:
    """Return both panels; the second is left out where there is no posterior. title: of the first, in English and Japanese."""
    axis = f"emergence_loss_{found.asked.unit}"
    points, broken = _performance(found)
    panels = [Curve(*title, axis, "emergence_performance", points, band=broken)]
    lines: list[Point] = []
    if found.main.posterior is not None:
        lines += _probability(POSTERIOR, found.main.posterior.elbows)
    if found.main.bootstrap is not None and found.main.bootstrap.interval(found.asked.level) is not None:
        lines += _probability(BOOTSTRAP, found.main.bootstrap.elbows)
    if found.error is not None and found.few_shot is not None and found.few_shot.posterior is not None:
        lines += _probability(FEW_SHOT, found.few_shot.posterior.elbows)
    if lines:
        title_en, title_ja = "Where the elbow lies (cumulative)", "立ち上がりの位置（累積確率）"
        panels.append(Curve(title_en, title_ja, axis, "emergence_share", (), band=tuple(lines)))
    return tuple(panels)


def _performance(found: Predicted) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Return values and broken lines of the sizes that are drawn."""
    sizes = np.unique([one.rows for one in found.measured if one.rows]).tolist()
    if len(sizes) > MOST_SIZES:
        sizes = [sizes[place] for place in np.linspace(0, len(sizes) - 1, MOST_SIZES).round().astype(int)]
    groups = [(size, f"D = {size}") for size in sizes]
    groups += [(0, FEW_SHOT)] if any(not one.rows for one in found.measured) else []
    losses = [one.loss for one in found.measured]
    points: list[Point] = []
    lines: list[Point] = []
    for size, group in groups:
        own = sorted((one for one in found.measured if one.rows == size), key=lambda one: one.loss)
        points += _values(own, group, MOST_POINTS // len(groups), found.asked.level)
        best = found.main.best if size or not found.is_law else _few_shot(found)
        if best is not None and (size in found.main.found.sizes or not size):
            lines += _broken(best, size, group, (min(losses), max(losses)))
    return tuple(points), tuple(lines)


def _few_shot(found: Predicted) -> Fit | None:
    """Return the broken line of the few-shot curve where it is shown to break."""
    return found.few_shot.best if found.few_shot is not None and found.has_left else None


def _values(own: Sequence[Measurement], group: str, most: int, level: float) -> Iterator[Point]:
    kept = own if len(own) <= most else [own[place] for place in np.linspace(0, len(own) - 1, most).round().astype(int)]
    for one in kept:
        ends = exact_interval(one.performance * one.n, one.n, level) if one.n and 0 <= one.performance <= 1 else None
        low, high = (None, None) if ends is None else ends
        yield Point(Measured(one.loss), Measured(one.performance, low, high, one.n or None), group, "", one.is_held_out)


def _broken(best: Fit, size: int, group: str, ends: tuple[float, float]) -> Iterator[Point]:
    """Yield the corners of a broken line between two losses."""
    elbow = best.elbow(size)
    corners = sorted({ends[0], ends[1], min(max(elbow, ends[0]), ends[1])})
    for loss, value in zip(corners, best.performance(np.array(corners), size), strict=True):
        yield Point(Measured(loss), Measured(float(value)), group)


def _probability(group: str, drawn: FloatArray) -> Iterator[Point]:
    """Yield the curve of probability of ascending draws."""
    shares = np.linspace(0.0, 1.0, STEPS)[1:-1]
    for share, loss in zip(shares, np.quantile(drawn, shares), strict=True):
        yield Point(Measured(float(loss)), Measured(float(share)), group)
