"""The section of answers: one for all questions, with words where there are some, harmless whatever is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markup import Element, all_of, read
from synthetic import HOSTILE, Shape, build_run

from hanka.report import render_report
from hanka.store.folder import RunFolder, read_json, write_json

POINT = {"x": {"value": 0.25, "low": 0.2, "high": 0.3, "n": 40}, "y": {"value": -0.1, "low": None, "high": None}}
ANSWER: dict[str, Any] = {
    "version": 1, "reference": "Pareto", "description": "what is lost?",
    "sentence_en": "First line.\nSecond line.", "sentence_ja": "一行目。",
    "columns": [{"name": "number", "shows": "count"}, {"name": "method", "shows": "text"},
                {"name": "relation", "shows": "relation"}, {"name": "gain", "shows": "difference"},
                {"name": "front_share", "shows": "share"}],
    "rows": [[1, "sft", "out_of_domain", {"value": 0.25, "low": 0.2, "high": 0.3, "n": 40}, 0.5],
             [2, "base", "cross_task", None, None]],
    "curves": [{"title_en": "panel", "title_ja": "図", "x_label": "gain", "y_label": "change", "joined": True,
                "points": [POINT | {"group": "sft", "label": "1", "stands_out": True},
                           POINT | {"group": "base", "label": "2", "stands_out": False}]}],
    "notes": [{"message_en": "n is stated.", "message_ja": "n を示します。"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    shape = Shape(tasks=("sentiment",), methods=("sft",), sizes=(64,), shots=(0,), n=20)
    return build_run(tmp_path_factory.mktemp("answers") / "run", shape)


def section(folder: RunFolder, answers: Any, lang: str = "en") -> Element:
    """Return the section of a report with these answers, read; that of the chart where the answer is the trade-off."""
    write_json(folder.findings, read_json(folder.findings) | {"answers": answers})
    html = Path(folder.path) / "report.html"
    render_report(folder, html, lang)  # type: ignore[arg-type]
    page = read(html.read_text(encoding="utf-8"))
    assert page.mistakes == []
    name = "tradeoff" if isinstance(answers, dict) and "tradeoff" in answers else "answers"
    return next(one for one in all_of(page, "section") if one.attributes["id"] == name)


def inside(element: Element, tag: str) -> list[Element]:
    found = [element] if element.tag == tag else []
    return found + [one for child in element.children for one in inside(child, tag)]


def test_an_answer_is_a_title_paragraphs_a_figure_a_table_and_notes(folder: RunFolder) -> None:
    shown = section(folder, {"tradeoff": ANSWER})
    assert inside(shown, "h2")[0].text == "What is gained against what is lost"
    said = [one.text for one in inside(shown, "p")]
    assert {"First line.", "Second line.", "n is stated.", "Source: Pareto"} <= set(said)
    assert [one.text for one in inside(shown, "th")][:5] == [
        "No.", "Method", "Elsewhere", "Gain in domain", "Share of resamples",
    ]  # fmt: skip
    cells = [[cell.text for cell in row.children] for row in inside(shown, "tr")[1:]]
    assert cells[0][1:] == ["sft", "Out of domain", "+0.250[+0.200,\N{NO-BREAK SPACE}+0.300] n = 40", "50.0 %"]
    assert cells[1][3:] == ["–", "–"]
    assert [row.children[1].tag for row in inside(shown, "tr")[1:]] == ["th", "th"]  # the first name heads its row
    (drawing,) = inside(shown, "svg")
    texts = {one.text for one in inside(drawing, "text")}
    assert {"gain in domain", "change elsewhere", "panel", "sft", "0.2", "0.3"} <= texts


def test_tiny_numbers_are_written_with_an_exponent(folder: RunFolder) -> None:
    points = [POINT | {"x": {"value": 1e-5 * place}, "group": "sft"} for place in (2, 4)]
    shown = section(folder, {"tradeoff": ANSWER | {"curves": [ANSWER["curves"][0] | {"points": points}]}})
    assert {"2e-5", "4e-5"} <= {one.text for one in inside(shown, "text")}


def test_points_that_stand_out_are_filled_and_others_hollow(folder: RunFolder) -> None:
    (drawing,) = inside(section(folder, {"tradeoff": ANSWER}), "svg")
    opacities = [one.attributes["fill-opacity"] for one in inside(drawing, "path") if "fill-opacity" in one.attributes]
    assert sorted(set(opacities)) == ["0", "1"]


def test_doublings_take_the_same_room_and_points_of_one_x_stand_side_by_side(folder: RunFolder) -> None:
    def at(x: float, group: str) -> dict[str, Any]:
        return POINT | {"x": {"value": x, "low": None, "high": None, "n": None}, "group": group, "stands_out": True}

    points = [at(x, group) for group in ("rows", "shots") for x in (4.0, 8.0, 32.0)]
    curve = {
        "title_en": "by k",
        "title_ja": "k 別",
        "x_label": "k",
        "y_label": "value",
        "doubling": True,
        "points": points,
    }
    shown = section(folder, {"theirs": ANSWER | {"curves": [curve]}})
    marks = [one for one in inside(shown, "path") if one.attributes.get("fill-opacity") == "1"]
    places = [float(one.attributes["transform"].split("(")[1].split(",")[0]) for one in marks]
    rows, shots = sorted(places[:3]), sorted(places[3:6])
    assert rows[2] - rows[1] == pytest.approx(2 * (rows[1] - rows[0]), abs=2)  # places are written in whole pixels
    assert all(1 < after - before < 20 for before, after in zip(rows, shots, strict=True))


def test_it_speaks_japanese(folder: RunFolder) -> None:
    shown = section(folder, {"tradeoff": ANSWER}, "ja")
    for said in (
        "何を得て、代わりに何を失ったか",
        "一行目。",
        "n を示します。",
        "ドメイン外",
        "再標本のうちの割合",
    ):
        assert said in shown.text, said


def test_a_question_without_words_is_shown_as_its_answer_has_it(folder: RunFolder) -> None:
    theirs = ANSWER | {
        "description": "how tall is it?", "columns": [{"name": "their column", "shows": "sideways"}], "rows": [["x"]],
        "curves": [ANSWER["curves"][0] | {"x_label": "their axis"}],
    }  # fmt: skip
    shown = section(folder, {"theirs": theirs})
    for said in ("how tall is it?", "their column", "their axis", "change elsewhere"):
        assert said in shown.text, said


def test_no_answers_are_said(folder: RunFolder) -> None:
    for stored in ({}, None, [], "x"):
        assert "No question could be answered" in section(folder, stored).text


def test_damaged_answers_are_shown_as_far_as_they_go(folder: RunFolder) -> None:
    odd = {
        "a": {"sentence_en": 3, "columns": "x", "rows": {}, "curves": [1, {"points": [{"x": 1}]}], "notes": None},
        "b": {"columns": [{"name": "k", "shows": "value"}, {}], "rows": [[], [None], [{"value": "no"}, {}], 5]},
        "c": "nothing",
    }
    shown = section(folder, odd)
    assert [one.text for one in inside(shown, "h3")] == ["a", "b"]


def test_text_of_an_answer_stays_text(folder: RunFolder) -> None:
    def dress(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: part if name == "shows" else dress(part) for name, part in value.items()}
        return (
            [dress(one) for one in value]
            if isinstance(value, list)
            else value + HOSTILE
            if isinstance(value, str)
            else value
        )

    shown = section(folder, {"x" + HOSTILE: dress(ANSWER)})
    assert "<script>alert(1)" in shown.text
    assert not inside(shown, "script")
    assert not inside(shown, "img")
    assert not [one for one in inside(shown, "a") if "href" in one.attributes]


def test_a_long_table_opens_on_demand_and_a_longer_one_is_cut(folder: RunFolder) -> None:
    rows = [ANSWER["rows"][0]] * 400
    shown = section(folder, {"tradeoff": ANSWER | {"rows": rows, "curves": []}})
    assert len(inside(shown, "tr")) == 301
    assert "the first 300 of 400 rows" in shown.text
    assert inside(shown, "details")
