"""The page as a whole: what it says, in which order, for whom, and that it asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from markup import Reader, all_of, read

SECTIONS = [
    "tradeoff", "decision", "matrix", "trained", "differences", "answers", "shots", "sizes", "forgetting", "output", "baselines", "audits", "failures", "examples",
    "run", "reproduce", "definitions",
]  # fmt: skip


@pytest.fixture(scope="module")
def page(english: str) -> Reader:
    return read(english)


def test_sections_stand_in_reading_order_and_tags_nest(page: Reader) -> None:
    assert [element.attributes["id"] for element in all_of(page, "section")] == SECTIONS
    assert page.mistakes == []


def test_counts_of_the_run_stand_below_the_first_screen(page: Reader) -> None:
    section = next(element for element in all_of(page, "section") if element.attributes["id"] == "run")
    for said in ("90", "89 measured", "Failed cells", "corrected"):
        assert said in section.text, said
    notes = next(element for element in all_of(page, "section") if element.attributes["id"] == "decision")
    assert "4 bit" in notes.text


def test_a_matrix_cell_gives_value_difference_interval_sign_and_n(page: Reader) -> None:
    cells = [
        one for one in all_of(page, "td") if one.attributes.get("class") == "better" and one.attributes.get("title")
    ]
    cell = cells[0]
    assert re.search(r"0\.\d{3}.*▲.*better.*\+0\.\d{3} \[[+−]0\.\d{3},\N{NO-BREAK SPACE}\+0\.\d{3}\]", cell.text, re.S)
    assert re.search(
        r"n = 200 · 0\.\d{3} \[.*p = .*\(all together\) · alone \[\+0\.\d{3}, \+0\.\d{3}\]",
        cell.attributes["title"],
    )


def test_base_stands_first_and_trivial_baselines_last_in_each_matrix(page: Reader) -> None:
    section = next(element for element in all_of(page, "section") if element.attributes["id"] == "matrix")
    regions = [child for child in section.children if "matrix" in child.attributes.get("class", "")]
    bodies = [[row.text for row in _rows(region)] for region in regions]
    tables = [rows for rows in bodies if rows and rows[0].startswith("Base model")]
    assert len(tables) == 4
    assert all("trivial baseline" in rows[-1] for rows in tables)


def _rows(region: object) -> list[object]:
    table = region.children[0]  # type: ignore[attr-defined]
    body = next(child for child in table.children if child.tag == "tbody")
    return list(body.children)


def test_a_failed_cell_is_marked_and_gives_its_reason(page: Reader) -> None:
    failed = [element for element in all_of(page, "td") if element.attributes.get("class") == "failed"]
    assert any("✕" in cell.text and "CUDA out of memory" in cell.attributes.get("title", "") for cell in failed)
    section = next(element for element in all_of(page, "section") if element.attributes["id"] == "failures")
    assert "Failed cells: 1" in section.text
    assert "prompt is longer than the context" in section.text


def test_each_training_is_a_row_with_its_status_and_a_curve_and_collapsed_cells_are_named(page: Reader) -> None:
    section = next(element for element in all_of(page, "section") if element.attributes["id"] == "trained")
    for said in (
        "Did it train?", "undertrained", "own rows are not fitted", "2.500 → 0.250", "n = 48",
        "Cells whose outputs have collapsed: 1", "writes nothing but a label word", "88.3 %", "Cross task", "optimizer step",
    ):  # fmt: skip
        assert said in section.text, said
    failed = [cell for cell in all_of(page, "td") if cell.attributes.get("class") == "failed"]
    assert any("undertrained" in cell.text for cell in failed)


def test_audits_name_warnings_and_what_was_checked_without_finding(page: Reader) -> None:
    section = next(element for element in all_of(page, "section") if element.attributes["id"] == "audits")
    assert "near overlap" in section.text
    assert "4 / 200" in section.text
    assert "Checked, nothing found: 10" in section.text


def test_it_asks_for_nothing_from_outside(page: Reader, english: str) -> None:
    addresses = [
        value
        for element in page.elements
        for name, value in element.attributes.items()
        if name in ("href", "src", "srcset", "data", "action", "poster", "xlink:href", "formaction")
    ]
    beside = {"./en-samples.html"}
    assert all(address.startswith("#") or address == "data:," or address in beside for address in addresses)
    style = all_of(page, "style")[0].text
    assert "@import" not in style
    assert "url(" not in style
    assert not re.search(r"https?://", english)


def test_the_policy_allows_the_one_script_and_nothing_else(page: Reader) -> None:
    policy = next(e.attributes["content"] for e in all_of(page, "meta") if "http-equiv" in e.attributes)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    scripts = all_of(page, "script")
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].text.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert not any(name.startswith("on") for element in page.elements for name in element.attributes)


def test_it_is_accessible(page: Reader) -> None:
    levels = [int(element.tag[1]) for element in page.elements if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 or (before, after) == (2, 4) for before, after in pairwise(levels))
    for table in all_of(page, "table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text.strip()
    assert all(cell.attributes.get("scope") for cell in all_of(page, "th"))
    regions = [e for e in page.elements if e.attributes.get("role") in ("region", "img")]
    assert regions
    assert all(e.attributes.get("aria-label") and e.attributes.get("tabindex") == "0" for e in regions)
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_links_inside_the_page_lead_somewhere(page: Reader) -> None:
    ids = {element.attributes.get("id") for element in page.elements}
    inside = [link.attributes["href"] for link in all_of(page, "a") if link.attributes["href"].startswith("#")]
    assert len(inside) > 15
    assert all(address[1:] in ids for address in inside)


def test_examples_stand_side_by_side_and_are_all_shown_without_script(page: Reader) -> None:
    assert "hidden" in all_of(page, "form")[0].attributes
    articles = all_of(page, "article")
    assert articles
    assert not any("hidden" in article.attributes for article in articles)
    assert all("details" in article.parents for article in articles)
    changes = {article.attributes["data-change"] for article in articles}
    assert {"right_wrong", "wrong_right", "right_right", "free"} <= changes
    offered = {e.attributes["value"] for e in all_of(page, "input") if e.attributes["type"] == "checkbox"}
    assert offered == changes
    cut = [article for article in articles if "characters more" in article.text]
    assert cut, "a long prompt is cut and says so"


def test_figures_are_drawn_in_the_colours_of_the_page(page: Reader) -> None:
    drawings = all_of(page, "svg")
    assert len(drawings) >= 8
    paints = {e.attributes[name] for e in page.elements for name in ("fill", "stroke") if name in e.attributes}
    assert {"var(--mark-better)", "var(--mark-worse)", "currentColor"} <= paints
    assert not any(paint.startswith("#") and paint != "#000" for paint in paints)


def test_japanese_words_and_language_are_set(japanese: str) -> None:
    page = read(japanese)
    assert all_of(page, "html")[0].attributes["lang"] == "ja"
    for said in ("テストセットごとの全結果", "ドメイン内", "未確定", "ベースモデル", "用語の定義", "正解 → 不正解"):
        assert said in japanese, said
    drawn = "".join(element.text for element in all_of(page, "svg"))
    assert "ベースモデルとの差" in drawn
    assert page.mistakes == []


def test_nothing_is_left_unfilled(english: str, japanese: str) -> None:
    for html in (english, japanese):
        body = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)
        assert "&lt;bdi" not in body
        assert not re.search(r"\{[a-z_]+\}", body)
        assert "None" not in body
