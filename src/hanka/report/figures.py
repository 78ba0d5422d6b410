"""From a chart to an inline SVG that asks for nothing: theme, conversion, whitelist.

Charts are Vega-Lite, written as plain maps over plain rows; vl-convert draws them without a browser. Colours are CSS variables and
currentColor, so that one drawing serves light, dark and print. Every element and attribute that is not on
the list is dropped, ids carry the figure's own prefix, coordinates are rounded to keep the page small.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.etree import ElementTree

from markupsafe import Markup, escape

from hanka.report import inert

Spec = dict[str, Any]
"A part of a chart as Vega-Lite writes it: a panel, a layer, a channel, an axis, a scale."

MAX_FIGURES = 30
"Figures of a report; drawing one takes a fraction of a second."
VERDICTS = ("better", "worse", "equivalent", "leaning", "undecided", "none")
LABEL_LIMIT = 230
"Pixels of an axis label; what is longer ends in an ellipsis."
SERIES = 8
"Series colours and shapes in style.css."
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")

NAMESPACE = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "g", "path", "line", "rect", "circle", "text", "tspan", "defs", "clipPath"}
ATTRIBUTES = {
    "width", "height", "viewBox", "transform", "d", "x", "y", "x1", "x2", "y1", "y2", "dx", "dy", "r", "cx", "cy",
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-miterlimit", "opacity", "text-anchor", "font-size", "font-weight", "font-style", "id", "clip-path",
}  # fmt: skip
PAINT = {"fill", "stroke"}
PAINT_VALUE = re.compile(r"^(none|transparent|currentColor|#[0-9a-fA-F]{3,8}|[a-z]+|var\(--[a-z0-9-]+\))$")
LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")


INK = {"labelColor": "currentColor", "titleColor": "currentColor"}
CONFIG: Mapping[str, Any] = {
    "background": "transparent",
    "font": "sans-serif",
    "padding": 4,
    "view": {"stroke": None},
    "title": {
        "color": "currentColor", "fontSize": 12, "fontWeight": "bold", "anchor": "start", "offset": 4,
    },
    "axis": {
        **INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "var(--line)",
        "domainColor": "var(--line-strong)", "tickColor": "var(--line-strong)", "labelLimit": 0,
    },
    "legend": {**INK, "labelFontSize": 12, "symbolSize": 70, "labelLimit": 0, "columnPadding": 34},
}  # fmt: skip
"Font, ink and grid, so that a drawing follows the page; style.css sets the real fonts."


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels over one list of rows, each row with the number of its `panel`."""

    rows: Sequence[Mapping[str, Any]]
    panels: Sequence[Spec]
    "Charts as `panel` makes them."
    columns: int


class Sketch(NamedTuple):
    """A figure that was drawn."""

    svg: Markup
    rows: Markup
    "Its points as a JSON table, escaped: a heading row, then one row per point."


@dataclass(slots=True)
class Sketchbook:
    """Draws the figures of one report and stops at MAX_FIGURES."""

    drawn: int = field(default=0)
    "Figures so far."

    @property
    def full(self) -> bool:
        """Whether no more figures are drawn."""
        return self.drawn >= MAX_FIGURES

    def draw(self, drawing: Drawing) -> Sketch:
        """Convert a drawing to an inert SVG with ids of its own, and its rows to what can be saved."""
        import vl_convert

        self.drawn += 1
        spec = {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "config": CONFIG,
            "datasets": {"rows": list(drawing.rows)},
            "data": {"name": "rows"},
            "concat": list(drawing.panels),
            "columns": drawing.columns,
            "spacing": {"row": 16, "column": 24},
        }
        svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        return Sketch(clean_svg(svg, prefix=f"f{self.drawn}-"), rows_to_save(drawing.rows))


def rows_to_save(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Write the points of a figure as a JSON table that the page's script saves as CSV."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "ink"]
    table = [names, *([_short(row.get(name)) for name in names] for row in rows)]
    return Markup(escape(inert.visible(json.dumps(table, ensure_ascii=False, separators=(",", ":")))))  # noqa: S704


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def panel(title: str, width: int, height: int | Spec, layers: Sequence[Spec]) -> Spec:
    """Put layers above each other; without a title there is no room for one."""
    return {"layer": list(layers), "width": width, "height": height} | ({"title": title} if title else {})


def layer(number: int, mark: Spec, encoding: Spec, *steps: Spec) -> Spec:
    """Draw the rows of one panel after further steps; rows travel once, beside the panels."""
    rows = {"filter": f"datum.panel === {number}"}
    return {"transform": [rows, *steps], "mark": {"aria": False} | mark, "encoding": encoding}


def quantity(field: str) -> Spec:
    """Return a channel that shows a number."""
    return {"field": field, "type": "quantitative"}


def category(field: str) -> Spec:
    """Return a channel that shows a name."""
    return {"field": field, "type": "nominal"}


def verdict_scale() -> Spec:
    """Return the colours of verdicts."""
    return {"domain": list(VERDICTS), "range": [f"var(--mark-{verdict})" for verdict in VERDICTS]}


def verdict_shapes() -> Spec:
    """Return the shapes of verdicts, the same as in tables."""
    shapes = ["triangle-up", "triangle-down", "square", "diamond", "circle", "circle"]
    return {"domain": list(VERDICTS), "range": shapes}


def series_scale(names: Sequence[str]) -> Spec:
    """Return one colour per series."""
    return {"domain": list(names), "range": [f"var(--series-{index % SERIES})" for index in range(len(names))]}


def series_shapes(names: Sequence[str]) -> Spec:
    """Return one shape per series."""
    return {"domain": list(names), "range": [SHAPES[index % len(SHAPES)] for index in range(len(names))]}


def _width(letter: str) -> float:
    """Estimate the width of a letter in pixels, generously: the reader's font is not known here."""
    return 12.5 if ord(letter) > 0x2E80 else 7.5


def extent(labels: Sequence[str]) -> int:
    """Estimate the width in pixels of the longest label."""
    return int(max((sum(map(_width, label)) for label in labels), default=0)) + 8


def short_names(names: Sequence[str], pixels: int = LABEL_LIMIT) -> dict[str, str]:
    """Cut names to a width and keep them apart: name → what the figure says. Vega's own cutting is slow."""
    short: dict[str, str] = {}
    for name in dict.fromkeys(names):
        cut, room = "", pixels - 30.0
        for letter in name:
            room -= _width(letter)
            if room < 0:
                break
            cut += letter
        said = name if cut == name else cut.rstrip() + "…"
        twins = sum(1 for other in short.values() if other.partition(" #")[0] == said)
        short[name] = f"{said} #{twins + 1}" if twins else said
    return short


def clean_svg(drawn: str, prefix: str) -> Markup:
    """Keep what is on the list of a drawn SVG and write it anew; ids get the prefix."""
    root = ElementTree.fromstring(drawn)  # noqa: S314 - vl-convert's own output, no entities
    return Markup(_element(root, prefix, outermost=True))  # noqa: S704 - every text and attribute escaped below


def _element(node: ElementTree.Element, prefix: str, outermost: bool = False) -> str:
    name = node.tag.removeprefix(NAMESPACE)
    if name not in ELEMENTS or node.get("display") == "none" or (name == "path" and not node.get("d")):
        return ""
    attributes = "".join(_attribute(key, value, prefix) for key, value in node.attrib.items())
    inner = str(Markup.escape(node.text or "")) + "".join(_element(child, prefix) for child in node)
    if name == "g" and not inner.strip():
        return ""
    if name == "g" and not attributes:
        return inner
    start = f'<{name} aria-hidden="true" focusable="false"' if outermost else f"<{name}"
    return f"{start}{attributes}/>" if not inner else f"{start}{attributes}>{inner}</{name}>"


def _attribute(key: str, value: str, prefix: str) -> str:
    if key not in ATTRIBUTES or (key == "transform" and value == "translate(0,0)") or (key, value) == ("opacity", "1"):
        return ""
    if key in PAINT and not PAINT_VALUE.match(value):
        return ""
    if key == "id":
        value = prefix + value
    if key == "clip-path":
        inside = re.fullmatch(r"url\(#([\w\-]+)\)", value)
        if not inside:
            return ""
        value = f"url(#{prefix}{inside[1]})"
    value = LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), value)
    return f' {key}="{Markup.escape(value)}"'
