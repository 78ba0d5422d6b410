from __future__ import annotations

import pytest

from hanka.guardrails import DETECTORS, Row
from hanka.guardrails.unsupported import UnsupportedParams, context_of, unsupported_in

CONTEXT = "Acme Corp. sold 1,200 pumps to Berlin in 2021. Its director, Ms Tanaka, said that sales were rising by 3.50 percent."
PASSAGE = "東京の会社アクメは2021年にポンプを1200台販売した。社長は売り上げが増えていると述べた。"


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Acme sold 1200 pumps.", ""), ("Sales rose by 3.5 percent, Tanaka said.", ""), ("It sold 1,300 pumps.", "number 1300"),
        ("The director, Ms Suzuki, said so.", "name Suzuki"), ("Acme sold pumps to Hamburg.", "name Hamburg"),
        ("Weather forecasts predict heavy thunderstorms tomorrow", "0% of its words"), ("", ""), ("Yes.", ""),
        ("Growing sales of pumps are reported", ""),
    ],
)  # fmt: skip
def test_numbers_and_names_and_words_have_to_stand_in_the_context(answer: str, missing: str) -> None:
    assert unsupported_in(answer, CONTEXT, UnsupportedParams()) == missing


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("アクメは2021年にポンプを販売した。", ""), ("アクメは１２００台を販売した。", ""), ("ポンプを1500台販売した。", "number 1500"),
        ("会社はモーターを販売した。", "name モーター"), ("明日は全国的に雷雨の見込みです", "0% of its words"),
    ],
)  # fmt: skip
def test_japanese_is_compared_by_pairs_of_characters(answer: str, missing: str) -> None:
    assert unsupported_in(answer, PASSAGE, UnsupportedParams()) == missing


def test_what_meaning_alone_could_tell_is_not_seen() -> None:
    turned = "Berlin sold 1,200 pumps to Acme Corp. in 2021."
    assert unsupported_in(turned, CONTEXT, UnsupportedParams()) == ""


def test_the_context_is_cut_out_of_the_query() -> None:
    prompt = "Use the text.\nText: Lyon has 500,000 people.\nQuestion: How many live in Paris?"
    marks = UnsupportedParams(after="Text:", before="Question:")
    assert context_of(prompt, marks) == " Lyon has 500,000 people.\n"
    assert context_of("no mark here", marks) == ""
    detector = DETECTORS.get("unsupported")
    rows = [Row("About 500000 in Lyon", prompt=prompt), Row("As many as in Paris", prompt=prompt)]
    assert [one.flagged for one in detector.flags(rows, marks)] == [False, True]
    assert [one.flagged for one in detector.flags(rows, UnsupportedParams())] == [False, False]


def test_each_demand_can_be_left_out() -> None:
    params = UnsupportedParams(numbers=False, names=False, least=0.0)
    assert unsupported_in("Suzuki sold 7 gardens in Rome", CONTEXT, params) == ""
