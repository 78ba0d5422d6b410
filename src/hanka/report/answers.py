"""What was asked of a run beyond its tables: every stored answer as a sentence, a figure, a table and notes.

One section for all questions, whoever wrote them: columns, axes and titles have words where the dictionaries hold
them, and are shown as the answer has them otherwise. Computes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.report import inert, numbers
from hanka.report.blocks import Block, Details, Figure, Heading, Note, Section, Table, Td, Th
from hanka.report.figures import (
    SERIES,
    Drawing,
    Sketchbook,
    Spec,
    category,
    layer,
    panel,
    quantity,
    series_scale,
    series_shapes,
    short_names,
)
from hanka.report.outline import Outline
from hanka.report.rows import as_number, as_text
from hanka.report.words import Words

OPEN_ROWS = 24
"A table with more rows opens on demand."
MAX_ROWS = 300
MAX_PANELS = 6
"Curves of one answer that are drawn."
MAX_POINTS = 400
"Points of a panel that are drawn."
MAX_LABELS = 40
"Points of a panel beyond which their labels would cover each other."
BESIDE = 0.06
"Doublings by which points of one x stand apart where x is drawn by doublings."
COLUMNS = 2
WIDTH = 290
"Pixels of a panel."
SHOWN_ABOVE = ("tradeoff",)
"Questions that have a section of their own."
NUMERIC = ("count", "value", "difference", "share")
"Kinds of column that hold numbers."


def answers_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of all stored answers."""
    blocks: list[Block] = []
    for name, answer in outline.run.findings.answers.items():
        if name not in SHOWN_ABOVE:
            blocks += answer_blocks(name, answer, words, sketches)
    empty = (Note(words("no_answers"), "muted"),)
    return Section("answers", words("answers"), words("answers_lead") if blocks else "", tuple(blocks) or empty)


def answer_blocks(name: str, answer: Mapping[str, Any], words: Words, sketches: Sketchbook) -> list[Block]:
    """Return an answer as its title, sentences, figure, table and notes."""
    title = words.known("question", name) or inert.label(as_text(answer.get("description")) or name)
    blocks: list[Block] = [Heading(title)]
    blocks += [Note(inert.shorten(line, inert.TEXT_LIMIT)) for line in words.written(answer, "sentence").splitlines()]
    curves = [one for one in maps(answer.get("curves")) if _points(one) or _band(one)][:MAX_PANELS]
    if curves and not sketches.full:
        drawn = sketches.draw(drawing(curves, words))
        caption, label = words("answer_figure", title=title), words.plain("answer_label", title=title)
        blocks.append(Figure(drawn.svg, caption, label, rows=drawn.rows))
    table = _table(answer, title, words)
    if table:
        summary = words("answer_table", count=len(table.rows))
        blocks.append(table if len(table.rows) <= OPEN_ROWS else Details(summary, (table,)))
    for note in maps(answer.get("notes")):
        blocks.append(Note(inert.shorten(words.written(note, "message"), inert.TEXT_LIMIT), "muted"))
    if as_text(answer.get("reference")):
        blocks.append(Note(words("answer_reference", reference=as_text(answer["reference"])), "muted"))
    return blocks


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the maps of a stored list; whatever else it is holds none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# The table


def _table(answer: Mapping[str, Any], title: str, words: Words) -> Table | None:
    columns = maps(answer.get("columns"))
    stored = answer.get("rows")
    rows = [row for row in stored if isinstance(row, list)] if isinstance(stored, list) else []
    if not columns or not rows:
        return None
    shows = [as_text(column.get("shows")) for column in columns]
    head = tuple(
        Th(words.of("column", as_text(column.get("name"))), numeric=kind in NUMERIC)
        for column, kind in zip(columns, shows, strict=True)
    )
    named = next((place for place, kind in enumerate(shows) if kind not in NUMERIC), 0)
    body = tuple(
        tuple(_entry(row[place], kind, place == named, words) for place, kind in enumerate(shows) if place < len(row))
        for row in rows[:MAX_ROWS]
    )
    caption = words("answer_table", count=len(rows))
    if len(rows) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(rows))
    return Table(caption, words.plain("answer_label", title=title), (head,), body)


def _entry(entry: Any, kind: str, head: bool, words: Words) -> Td:
    """Write one stored entry as its column shows it."""
    if kind not in NUMERIC:
        text = as_text(entry)
        return Td(words.of(kind, text) if kind != "text" and text else inert.label(text), head=head)
    measured = entry if isinstance(entry, dict) else {"value": entry}
    number, low, high = (as_number(measured.get(name)) for name in ("value", "low", "high"))
    write = {"count": numbers.count, "difference": numbers.signed, "share": numbers.share}.get(kind, numbers.value)
    note = numbers.interval(low, high, sign=kind == "difference")
    n = as_number(measured.get("n"))
    note += f" n = {numbers.count(n)}" if n is not None else ""
    return Td(write(number), note=note.strip(), head=head, numeric=True)


# The figure


def drawing(curves: Sequence[Mapping[str, Any]], words: Words) -> Drawing:
    """Draw curves as an answer stores them, a panel each."""
    rows = [row | {"panel": place} for place, curve in enumerate(curves) for row in [*_points(curve), *_band(curve)]]
    for row in rows:
        row["group"] = words.known("series", row["group"]) or row["group"]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    short = short_names(groups[:SERIES])
    for row in rows:
        row["group"] = short.get(row["group"], "…")
    names = list(dict.fromkeys(row["group"] for row in rows))
    panels = [_panel(place, curve, names, words) for place, curve in enumerate(curves)]
    return Drawing(rows, panels, COLUMNS)


def _points(curve: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the points of a curve; those that lack a coordinate are left out."""
    rows = []
    for point in maps(curve.get("points"))[:MAX_POINTS]:
        sides = {side: stored if isinstance(stored := point.get(side), dict) else {} for side in ("x", "y")}
        row: dict[str, Any] = {side: as_number(stored.get("value")) for side, stored in sides.items()}
        if row["x"] is None or row["y"] is None:
            continue
        for side, stored in sides.items():
            for end in ("low", "high"):
                found = as_number(stored.get(end))
                row[f"{side}_{end}"] = row[side] if found is None else found
        label, group = as_text(point.get("label")), as_text(point.get("group"))
        rows.append(row | {"group": inert.label(group, 60), "label": inert.label(label, 8)})
        rows[-1]["ink"] = 1.0 if point.get("stands_out") is True else 0.0
    return rows


def _band(curve: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read what is drawn behind the points of a curve."""
    return [row | {"behind": 1} for row in _points({"points": curve.get("band")})]


def _format(points: Sequence[Mapping[str, Any]], side: str) -> str:
    """Write tiny numbers, such as distances of weights, with an exponent."""
    largest = max(abs(point[f"{side}_{end}"]) for point in points for end in ("low", "high"))
    return "~e" if 0 < largest < 1e-3 else "~g"


def _panel(number: int, curve: Mapping[str, Any], names: list[str], words: Words) -> Spec:
    """Draw one curve: whiskers along both axes, points by group, their labels beside them."""
    points, behind = _points(curve), _band(curve)
    doubles = curve.get("doubling") is True and bool(points) and all(point["x_low"] > 0 for point in points)
    x, y = (_axis(side, curve, points, behind, words) for side in ("x", "y"))
    if doubles:
        x["scale"] = {"type": "log", "base": 2, "nice": False, "padding": 8}
        x["axis"] |= {"values": _ticks(points, behind)}
    legend = {"orient": "top", "title": None, "columns": 2, "symbolOpacity": 1}
    group = category("group") | {"sort": names}
    color = group | {"scale": series_scale(names), "legend": legend}
    inside = {
        "shape": group | {"scale": series_shapes(names), "legend": legend},
        "fill": group | {"scale": series_scale(names), "legend": None},
        "fillOpacity": quantity("ink") | {"scale": None, "legend": None},
    }
    steps = [*([{"filter": "!datum.behind"}] if behind else []), *([_side_by_side(names)] if doubles else [])]
    whisker = {"type": "rule", "strokeWidth": 1, "opacity": 0.4}
    place = {"x": x, "y": y, "color": color}
    layers = [
        *(_behind(number, place) if behind else ()),
        layer(number, whisker, place | {"x": quantity("x_low"), "x2": {"field": "x_high"}}, *steps),
        layer(number, whisker, place | {"y": quantity("y_low"), "y2": {"field": "y_high"}}, *steps),
        layer(number, {"type": "point", "size": 60, "opacity": 1, "strokeWidth": 1.6}, place | inside, *steps),
    ]
    if curve.get("joined") is True:
        layers.append(layer(number, {"type": "line", "strokeWidth": 1.6}, place, *steps))
    if len(points) <= MAX_LABELS:
        text = {"type": "text", "dx": 7, "dy": -7, "fontSize": 11, "align": "left", "color": "currentColor"}
        layers.append(layer(number, text, {"x": x, "y": y, "text": category("label")}, *steps))
    written = words.written(curve, "title")
    return panel(short_names([written], WIDTH + 110)[written], WIDTH, 230, layers)


def _axis(
    side: str,
    curve: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    behind: Sequence[Mapping[str, Any]],
    words: Words,
) -> Spec:
    """Return the channel along one side of a panel."""
    room = {"minExtent": 38} if side == "y" else {}
    return quantity(side) | {
        "title": words.of("axis", as_text(curve.get(f"{side}_label"))),
        "scale": {"zero": False, "nice": True},
        "axis": {"tickCount": 5, **room, "format": _format(points or behind, side)},
    }


def _behind(number: int, place: Spec) -> list[Spec]:
    """Draw the bands of a panel: the room between their ends, and the line through it."""
    rows = {"filter": "datum.behind"}
    ends = {"y": quantity("y_low"), "y2": {"field": "y_high"}}
    line = {"type": "line", "strokeWidth": 1.4, "strokeDash": [5, 3]}
    return [
        layer(number, {"type": "area", "opacity": 0.16}, place | ends, rows),
        layer(number, line, place, rows),
    ]


def _ticks(points: Sequence[Mapping[str, Any]], behind: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the measured places along x, and where a band that goes farther ends."""
    places = sorted({point["x"] for point in points})
    end = max((row["x"] for row in behind), default=places[-1])
    return [*places, end] if end > places[-1] else places


def _side_by_side(names: list[str]) -> Spec:
    """Move points of one x apart by group, as far as they are drawn: their whiskers would hide each other."""
    place = f"indexof({json.dumps(names)}, datum.group) - {(len(names) - 1) / 2}"
    return {"calculate": f"datum.x * pow(2, {BESIDE} * ({place}))", "as": "x"}
