"""Figures and tables can be saved by the page's script; without it there is no button, and the data stays text."""

from __future__ import annotations

import json
import re
from importlib.resources import files

from markup import all_of, read
from synthetic import HOSTILE

from hanka.report.figures import rows_to_save

SCRIPT = (files("hanka.report") / "templates" / "save.js").read_text(encoding="utf-8")


def test_every_figure_holds_its_points_as_a_table(english: str) -> None:
    page = read(english)
    drawings = [one for one in page.elements if one.attributes.get("class") == "drawing"]
    assert len(drawings) >= 8
    for drawing in drawings:
        head, *rows = json.loads(drawing.attributes["data-rows"])
        assert rows
        assert all(len(row) == len(head) for row in rows)
        assert {"x", "delta"} & set(head)


def test_points_are_written_short_and_harmless() -> None:
    saved = rows_to_save([{"panel": 0, "ink": 1.0, "x": 1 / 3, "name": HOSTILE}, {"panel": 1, "x": None, "name": "あ"}])
    assert "<" not in saved
    assert '"' not in saved
    assert "\u202e" not in saved
    (drawing,) = [one for one in read(f'<div data-rows="{saved}"></div>').elements if one.tag == "div"]
    head, first, second = json.loads(drawing.attributes["data-rows"])
    assert head == ["panel", "x", "name"]
    assert first[:2] == [0, 0.333333]
    assert second == [1, None, "あ"]


def test_buttons_exist_only_where_the_script_runs(english: str, japanese: str) -> None:
    assert not all_of(read(english), "button")
    said = next(one for one in read(japanese).elements if one.tag == "body").attributes
    assert said == {
        "data-svg": "SVG で保存", "data-csv": "CSV で保存", "data-markdown": "Markdown でコピー", "data-copied": "コピーしました",
    }  # fmt: skip


def test_the_script_writes_text_only_and_reaches_nothing() -> None:
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval",
        "Function(",
        "fetch",
        "XMLHttpRequest",
        "import(",
        "http",
    ):
        assert word not in SCRIPT, word
    formula = re.search(r"/\^\[=\+\\-@\\t\\r\]/", SCRIPT)
    assert formula, "what begins like a formula gets an apostrophe"
