"""A page beside the report: the frame of the report, one verdict, sections in order, nothing executable from data."""

from __future__ import annotations

import pytest

from hanka.report.blocks import Note, Section
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Lang, Words

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_it_is_given_is_shown_in_order_and_escaped(lang: Lang) -> None:
    sections = (Section("one", "First", HOSTILE, (Note("a"),)), Section("two", HOSTILE, "", ()))
    html = plain_html(PlainPage("Gate", HOSTILE, "keep", "fail", HOSTILE, sections), Words(lang))
    assert html.startswith("<!doctype html>")
    assert f'<html lang="{lang}">' in html
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
    assert html.count("<script>") == 1
    assert html.index("panel keep") < html.index('id="one"') < html.index('id="two"')
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
