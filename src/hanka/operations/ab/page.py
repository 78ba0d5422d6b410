"""An A/B result as a page beside the report: verdict, differences drawn with both intervals, checks, what was agreed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hanka.operations.ab.judged import Result
from hanka.operations.ab.told import Shown, Told, tell
from hanka.report.blocks import MARKS, Block, Figure, Note, Section, Table, Td, Terms, Th
from hanka.report.figures import (
    Drawing,
    Sketchbook,
    Spec,
    category,
    extent,
    layer,
    panel,
    quantity,
    short_names,
    verdict_scale,
    verdict_shapes,
)
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words

WIDTH = 280
"Pixels of the figure."
NUMERIC_FROM = 2
"First column of numbers in tables of differences."


def result_html(result: Result, logs: Sequence[Path], words: Words) -> str:
    """Return the page of a result as one HTML document."""
    told = tell(result, words)
    about = f"{result.design.name} · {words.comma.join(path.name for path in logs)}"
    sections = tuple(_section(shown, result, words) for shown in told.tables)
    page = PlainPage(
        words.plain("ab_title"),
        about,
        told.tone,
        told.word,
        " ".join(told.sentences),
        (*sections, _agreed(told, words)),
    )
    return plain_html(page, words)


def _section(shown: Shown, result: Result, words: Words) -> Section:
    blocks: list[Block] = [Note(note) for note in shown.notes]
    if shown.id == "result" and (figure := _figure(result, words)) is not None:
        blocks.append(figure)
    if shown.rows:
        blocks.append(_table(shown))
    return Section(shown.id, shown.title, shown.lead, tuple(blocks))


def _table(shown: Shown) -> Table:
    numeric = shown.id in ("result", "guardrails", "value")
    head = tuple(Th(name, numeric=numeric and at >= NUMERIC_FROM) for at, name in enumerate(shown.head))
    rows = []
    for place, row in enumerate(shown.rows):
        cells = [Td(text, head=at == 0, numeric=numeric and at >= NUMERIC_FROM) for at, text in enumerate(row)]
        if shown.tones:
            tone = shown.tones[place]
            cells[-1] = Td("", note=row[-1], tone=tone, mark=MARKS.get(tone, ""))
        rows.append(tuple(cells))
    return Table(shown.title, shown.title, (head,), tuple(rows))


def _agreed(told: Told, words: Words) -> Section:
    return Section("agreed", words.plain("ab_agreed"), told.agreed, (Terms(told.terms),))


def _figure(result: Result, words: Words) -> Figure | None:
    """Draw each arm's difference with the interval of one look, thick, and of every look, thin."""
    names = short_names([one.effect.arm for one in result.judged])
    points: list[dict[str, Any]] = [
        {
            "panel": 0, "arm": names[one.effect.arm], "delta": one.effect.delta, "once_low": one.once.low, "once_high": one.once.high,
            "always_low": one.always.low, "always_high": one.always.high, "verdict": one.verdict,
        }
        for one in result.judged
        if one.effect.delta is not None and one.once is not None and one.always is not None
    ]  # fmt: skip
    if not points:
        return None
    label = words.plain("ab_figure_axis", metric=result.design.metric.name, control=result.design.control)
    sketch = Sketchbook().draw(Drawing(points, [_chart(label, [str(point["arm"]) for point in points])], 1))
    return Figure(sketch.svg, words.plain("ab_figure"), words.plain("ab_figure"), (), sketch.rows)


def _chart(label: str, arms: Sequence[str]) -> Spec:
    lines = {"ticks": False, "domain": False, "minExtent": extent(arms)}
    shared = {
        "y": category("arm") | {"sort": list(arms), "title": None, "axis": lines},
        "color": category("verdict") | {"scale": verdict_scale(), "legend": None},
    }
    shape = category("verdict") | {"scale": verdict_shapes(), "legend": None}
    whole = {"title": label, "scale": {"zero": True, "nice": True}, "axis": {"tickCount": 5}}
    layers = (
        layer(0, {"type": "rule", "strokeDash": [3, 3], "color": "currentColor", "opacity": 0.6}, {"x": {"datum": 0}}),
        layer(
            0,
            {"type": "rule", "strokeWidth": 1.5},
            shared | {"x": quantity("always_low") | whole, "x2": {"field": "always_high"}},
        ),
        layer(
            0,
            {"type": "rule", "strokeWidth": 5, "opacity": 0.55},
            shared | {"x": quantity("once_low"), "x2": {"field": "once_high"}},
        ),
        layer(
            0,
            {"type": "point", "size": 90, "filled": True, "opacity": 1},
            shared | {"x": quantity("delta"), "shape": shape},
        ),
    )
    return panel("", WIDTH, 46 * len(arms), layers)
