"""Text from outside stays text: in every field of every file, in tables, figures and examples."""

from __future__ import annotations

import re

import pytest
from markup import Reader, all_of, read
from synthetic import HOSTILE

from hanka.report import inert
from hanka.report.figures import clean_svg

KNOWN = {
    "a", "article", "aside", "b", "bdi", "body", "caption", "code", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "head", "header", "html", "input", "label",
    "legend", "li", "link", "main", "meta", "nav", "ol", "option", "output", "p", "pre", "script", "section", "select",
    "small", "span", "style", "summary", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
    "svg", "g", "path", "line", "rect", "circle", "text", "tspan", "defs", "clippath", "br",
}  # fmt: skip


@pytest.fixture(scope="module")
def page(attacked: str) -> Reader:
    return read(attacked)


def test_no_element_of_the_attack_comes_alive(page: Reader) -> None:
    assert page.mistakes == []
    assert {element.tag for element in page.elements} <= KNOWN
    assert len(all_of(page, "script")) == 1
    assert len(all_of(page, "style")) == 1
    assert not any(name.startswith("on") for element in page.elements for name in element.attributes)


def test_the_attack_is_shown_as_text_in_every_section(page: Reader) -> None:
    shown = "<script>alert(1)</script>"
    without = {"definitions", "output", "answers"}
    for section in all_of(page, "section"):
        if section.attributes["id"] not in without:
            assert shown[:12] in section.text, section.attributes["id"]
    assert "{{7*7}}" in page.elements[0].text
    first = next(one for one in all_of(page, "header") if one.attributes.get("class") == "top")
    parts = {
        part for child in all_of(page, "div") if "panel" in child.attributes.get("class", "") for part in [child.text]
    }
    assert shown in first.children[0].text, "the name of the study"
    assert all(shown in part for part in parts)


def test_invisible_characters_are_visible(attacked: str) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\ud800]", attacked)
    assert "⟨U+202E⟩" in attacked
    assert "⟨U+0000⟩" in attacked


def test_figures_hold_the_attack_as_text(page: Reader) -> None:
    drawn = "".join(element.text for element in all_of(page, "svg"))
    assert '"><script>' in drawn


def test_visible_escapes_what_hides_and_keeps_what_writes() -> None:
    assert inert.visible("a\u202eb\x00c\u200bd\ud800") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩d⟨U+D800⟩"
    assert inert.visible("a\r\nb\tc") == "a\nb\tc"
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}"
    assert inert.visible(family) == family
    assert inert.visible("か\u3099き 漢字 שלום") == "か\u3099き 漢字 שלום"


def test_piled_up_marks_are_cut() -> None:
    assert len(inert.visible("a" + "\u0301" * 500)) <= 1 + inert.MAX_MARKS


def test_a_million_characters_are_cut_and_counted() -> None:
    cut = inert.shorten("x" * 1_000_000, 500, "… {count} characters more")
    assert cut == "x" * 500 + " … 999,500 characters more"
    assert len(inert.name("x" * 1_000_000)) < 200


def test_a_name_is_isolated_and_escaped() -> None:
    assert inert.name(HOSTILE).startswith("<bdi>&#34;&gt;&lt;script&gt;")
    assert inert.name("a\nb") == "<bdi>a b</bdi>"


def test_the_whitelist_drops_what_a_drawing_may_not_hold() -> None:
    drawn = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">
    <script>alert(1)</script><image xlink:href="//evil.example/x"/><style>@import "//evil"</style>
    <a href="javascript:alert(1)"><text>in a link</text></a><foreignObject><p>hi</p></foreignObject>
    <defs><clipPath id="c1"><rect width="2" height="2"/></clipPath></defs>
    <g clip-path="url(#c1)"><path d="M0,0.123456L1,1" fill="url(//evil)" stroke="var(--line)"/></g>
    <g clip-path="url(//evil#x)"><text fill="red;background:url(x)">a &lt;b&gt;</text></g></svg>"""
    cleaned = str(clean_svg(drawn, "f1-"))
    for gone in ("script", "image", "style", "href", "onload", "evil", "foreign", "in a link", "xmlns"):
        assert gone not in cleaned, gone
    assert 'id="f1-c1"' in cleaned
    assert 'clip-path="url(#f1-c1)"' in cleaned
    assert "a &lt;b&gt;" in cleaned
    assert "M0,0.1L1,1" in cleaned
