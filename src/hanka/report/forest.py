"""Forest plots: each variant's difference from the base with its interval, test set by test set.

Per trained task and setting, primary metrics only. Seeds share a line. Beside them every comparison as a
table, with p-values and the interval of each comparison alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Details, Figure, Heading, Note, Section, Table, Td, Th
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
from hanka.report.matrix import JUDGED, TONES
from hanka.report.outline import (
    Group,
    Outline,
    Setting,
    TestSet,
    group_title,
    setting_title,
    variant_name,
)
from hanka.report.rows import Result
from hanka.report.words import Words

MAX_POINTS = 120
"Differences that one plot shows."
COLUMNS = 2
WIDTH = 300
"Pixels of a panel."
OPEN_SETTINGS = 4
"Settings of a trained task that are plotted."
MAX_COMPARISONS = 500
"Comparisons that one table lists."


def forest_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of differences from the base."""
    blocks: list[Block] = []
    for group in outline.groups:
        if not group.variants:
            continue
        figures = _figures(group, outline, words, sketches)
        table = _comparisons(group, outline, words)
        if figures or table:
            blocks.append(Heading(group_title(group, outline, words)))
            blocks += figures
        if table:
            blocks.append(Details(words("all_comparisons", count=f"{len(table.rows):,}"), (table,)))
    empty = (Note(words("no_differences"), "muted"),)
    return Section("differences", words("differences"), words("differences_lead"), tuple(blocks) or empty)


def _figures(group: Group, outline: Outline, words: Words, sketches: Sketchbook) -> list[Block]:
    blocks: list[Block] = []
    for setting in group.settings[:OPEN_SETTINGS]:
        points = _points(group, setting, outline, words)
        if not points or sketches.full:
            continue
        figure = _figure(points, setting_title(setting, group, words), group, words, sketches)
        closed = blocks and len(points) > MAX_POINTS // 4
        blocks.append(Details(setting_title(setting, group, words), (figure,)) if closed else figure)
    return blocks


def _points(group: Group, setting: Setting, outline: Outline, words: Words) -> list[dict[str, Any]]:
    return [
        _point(row, test, setting, words) | {"variant": _line(row, outline, words), "seed": str(variant.seed)}
        for test in outline.asked(group, setting)
        for variant in group.variants
        if (row := outline.result(variant, test, setting)) and row.delta is not None
    ]


def _line(row: Result, outline: Outline, words: Words) -> str:
    variant = outline.run.variants.get(row.variant_id)
    label = inert.label(variant.label if variant else row.method, 80)
    return f"{label} · {words.rows(row.train_size)}"


def _point(row: Result, test: TestSet, setting: Setting, words: Words) -> dict[str, Any]:
    metric, (low, high) = words.metric(row.metric), row.judged_by
    return {
        "place": f"{test.task}/{test.name}",
        "test": f"{inert.label(test.name, 40)} — {words.relation(test.relation)} · {metric} · n = {row.n:,}",
        "delta": row.delta,
        "low": row.delta if low is None else low,
        "high": row.delta if high is None else high,
        "verdict": row.verdict if row.verdict in TONES else "none",
    }


def _figure(points: list[dict[str, Any]], title: str, group: Group, words: Words, sketches: Sketchbook) -> Figure:
    shown = points[:MAX_POINTS]
    caption = words("forest_caption", setting=title)
    if len(shown) < len(points):
        caption += " · " + words("points_cut", shown=len(shown), all=len(points))
    drawn = sketches.draw(forest_drawing(shown, words))
    return Figure(
        svg=drawn.svg,
        rows=drawn.rows,
        caption=caption,
        label=words.plain("forest_label", task=group.task, count=len(shown)),
        legend=tuple(
            (verdict, words.of("verdict", verdict))
            for verdict in JUDGED
            if any(point["verdict"] == verdict for point in shown)
        ),
    )


def forest_drawing(points: Sequence[Mapping[str, Any]], words: Words) -> Drawing:
    """Draw points as `_points` makes them: one panel per test set, seeds on one line."""
    places = list(dict.fromkeys(point["place"] for point in points))
    short = short_names([point["variant"] for point in points])
    ends = [0.0, *(point[end] for point in points for end in ("low", "high"))]
    rows = [
        {name: value for name, value in point.items() if name != "place"}
        | {"panel": places.index(point["place"]), "variant": short[point["variant"]]}
        for point in points
    ]
    panels = [
        _panel(
            [row for row in rows if row["panel"] == number],
            (min(ends), max(ends)),
            words.plain("delta_axis") if number >= len(places) - COLUMNS else "",
        )
        for number in range(len(places))
    ]
    return Drawing(rows, panels, COLUMNS)


def _panel(rows: Sequence[Mapping[str, Any]], domain: tuple[float, float], x_title: str) -> Spec:
    """Draw one test set; only the last panel of a column has a title, and with it the axis."""
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    n_seeds = len({row["seed"] for row in rows})
    last = bool(x_title)
    ticks = {
        "format": "+.2f", "tickCount": 5, "labelOverlap": True, "labelSeparation": 16, "labels": last, "ticks": last, "domain": last,
        "grid": True,
    }  # fmt: skip
    lines = {"ticks": False, "domain": False, "labelPadding": 8, "minExtent": extent(variants)}
    shared = {
        "y": category("variant") | {"sort": variants, "title": None, "axis": lines},
        "yOffset": category("seed"),
        "color": category("verdict") | {"scale": verdict_scale(), "legend": None},
    }
    low = quantity("low") | {"title": x_title or None, "axis": ticks, "scale": {"domain": list(domain), "nice": True}}
    shape = category("verdict") | {"scale": verdict_shapes(), "legend": None}
    number, test = rows[0]["panel"], rows[0]["test"]
    zero = {"type": "rule", "color": "var(--line-strong)", "aria": False}
    layers = (
        {"data": {"values": [{}]}, "mark": zero, "encoding": {"x": {"datum": 0}}},
        layer(number, {"type": "rule", "strokeWidth": 2}, shared | {"x": low, "x2": {"field": "high"}}),
        layer(
            number,
            {"type": "point", "filled": True, "size": 75, "opacity": 1},
            shared | {"x": quantity("delta"), "shape": shape},
        ),
    )
    heading = short_names([test], WIDTH + extent(variants))[test]
    return panel(heading, WIDTH, {"step": 10 + 12 * n_seeds}, layers)


def _comparisons(group: Group, outline: Outline, words: Words) -> Table | None:
    """Every primary comparison of a trained task: delta, intervals, p-values, test."""
    rows = [
        (variant_name(variant, words), test, setting, row)
        for setting in group.settings
        for test in group.test_sets
        for variant in group.variants
        if (row := outline.result(variant, test, setting)) and row.delta is not None
    ]
    if not rows:
        return None
    names = (
        "variant",
        "test_set",
        "shots_prompt",
        "metric",
        "n",
        "delta",
        "delta_alone",
        "p_raw",
        "p_together",
        "test",
    )
    numeric = {"n", "p_raw", "p_together"}
    head = tuple(Th(words(name), numeric=name in numeric) for name in names)
    body = tuple(_comparison_row(*item, outline=outline, words=words) for item in rows[:MAX_COMPARISONS])
    caption = words("comparisons_caption", shown=len(body), all=len(rows))
    return Table(caption, words.plain("comparisons_caption", shown=len(body), all=len(rows)), (head,), body)


def _comparison_row(
    name: str, test: TestSet, setting: Setting, row: Result, *, outline: Outline, words: Words
) -> tuple[Td, ...]:
    found = outline.comparison(row)
    return (
        Td(name, head=True),
        Td(inert.name(test.name, 60), note=words.relation(test.relation)),
        Td(setting_words(setting)),
        Td(words.metric(row.metric)),
        Td(numbers.count(row.n), numeric=True),
        Td(
            numbers.difference(row.delta, *row.judged_by),
            mark=MARKS.get(row.verdict, ""),
            spoken=words.of("verdict", row.verdict) if row.verdict else "",
            tone=TONES.get(row.verdict, ""),
        ),
        Td(numbers.interval(row.delta_ci_low, row.delta_ci_high, sign=True)),
        Td(numbers.p_value(row.p_value), numeric=True),
        Td(numbers.p_value(row.p_adjusted), numeric=True),
        Td(inert.label(words.stored(found.test), 60) if found else ""),
    )


def setting_words(setting: Setting) -> str:
    """Write a setting in short: shots, prompt and, after the first, the draw."""
    draw = f" / {setting.draw + 1}" if setting.draw else ""
    context = "" if setting.context in ("", "drawn", "first") else f" / {inert.label(setting.context, 20)}"
    return f"{setting.shots} / {inert.label(setting.prompt, 20)}{draw}{context}"
