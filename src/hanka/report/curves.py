"""Values along an axis that has an order: demonstrations before the query, or training rows.

One small panel per test set, one line per method (and size), one thin line per seed, intervals as
whiskers. Serves `shots.py` and `sizes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.report import inert
from hanka.report.blocks import Td, Th
from hanka.report.figures import (
    SERIES,
    Drawing,
    Spec,
    category,
    layer,
    panel,
    quantity,
    series_scale,
    series_shapes,
    short_names,
)
from hanka.report.outline import TestSet
from hanka.report.rows import Result
from hanka.report.words import Words

MAX_PANELS = 12
"Test sets that one figure shows."
COLUMNS = 3
WIDTH = 225
"Pixels of a panel."


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One measured value of one line."""

    test: TestSet
    series: str
    seed: int
    x: int
    row: Result


def curve_drawing(points: Sequence[CurvePoint], x_title: str, words: Words) -> Drawing:
    """Draw one panel per test set: x in order, value with interval, colour and shape by series."""
    tests = list(dict.fromkeys(point.test for point in points))[:MAX_PANELS]
    names = list(dict.fromkeys(point.series for point in points))[:SERIES]
    short = short_names(names)
    rows = [
        _datum(point, words) | {"panel": tests.index(point.test), "series": short[point.series]}
        for point in points
        if point.test in tests and point.series in names
    ]
    order = sorted({row["x"] for row in rows})
    panels = [
        _panel([row for row in rows if row["panel"] == number], list(short.values()), order, x_title)
        for number in range(len(tests))
    ]
    return Drawing(rows, panels, COLUMNS)


def _panel(rows: Sequence[Mapping[str, Any]], names: list[str], order: list[int], x_title: str) -> Spec:
    """Draw one test set."""
    x = {
        "field": "x",
        "type": "ordinal",
        "sort": order,
        "scale": {"domain": order},
        "title": x_title,
        "axis": {"labelAngle": 0},
    }
    scale, ticks = {"zero": False, "nice": True}, {"tickCount": 5, "minExtent": 38}
    y = quantity("value") | {"title": None, "scale": scale, "axis": ticks}
    legend = {"orient": "top", "title": None, "columns": 3, "symbolOpacity": 1}
    series = category("series") | {"sort": names}
    color = series | {"scale": series_scale(names), "legend": legend}
    shape = series | {"scale": series_shapes(names), "legend": legend}
    lines = {"x": x, "xOffset": series | {"scale": {"domain": names}}, "color": color}
    ends = {"y": quantity("low") | {"title": None}, "y2": {"field": "high"}}
    number = rows[0]["panel"]
    layers = (
        layer(number, {"type": "line", "strokeWidth": 1.6}, lines | {"y": y, "detail": category("seed")}),
        layer(number, {"type": "rule", "strokeWidth": 1.2, "opacity": 0.75}, lines | ends),
        layer(number, {"type": "point", "filled": True, "size": 55, "opacity": 1}, lines | {"y": y, "shape": shape}),
    )
    return panel(short_names([rows[0]["test"]], WIDTH + 30)[rows[0]["test"]], WIDTH, 150, layers)


def _datum(point: CurvePoint, words: Words) -> dict[str, Any]:
    metric = words.metric(point.row.metric)
    return {
        "test": f"{inert.label(point.test.name, 40)} · {metric}",
        "series": point.series,
        "seed": str(point.seed),
        "x": point.x,
        "value": point.row.value,
        "low": point.row.value if point.row.ci_low is None else point.row.ci_low,
        "high": point.row.value if point.row.ci_high is None else point.row.ci_high,
    }


def heading_row(test: TestSet, metric: str, width: int, words: Words) -> tuple[Td, ...]:
    """Return the row that heads the rows of a test set."""
    note = f"{words.relation(test.relation)} · {words.of('task', test.task)} · {words.metric(metric)}"
    return (Td(inert.name(test.name, 60), note=note, head=True, colspan=width, tone="base"),)


def axis_head(first: str, positions: Sequence[str]) -> tuple[tuple[Th, ...], ...]:
    """Return a heading row: what the rows are, then the positions of the axis."""
    return ((Th(first), *(Th(position) for position in positions)),)
