"""Coverage by hand: pairs, their entropy, and what a target looks like."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.datasets.coverage import coverage, normalised_entropy, output_format
from hanka.records import Example


def row(target: str, **slices: str) -> tuple[str, Example]:
    return "set", Example("x", {}, target, slices=slices)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("positive", "word"), ("Yes.", "yes_no"), ("no", "yes_no"), ("42", "number"), ("-3.5 %", "number"), ("$1,200", "number"),
        ('{"a": 1}', "json"), ("[1, 2]", "json"), ("{broken", "word"), ("<b>x</b>", "tag"), ("- a\n- b", "list"), ("1. a\n2. b", "list"),
        ("New York", "phrase"), ("It is Paris.", "sentence"), ("One. Two.", "paragraph"), ("a line of some seven words\nand one more", "paragraph"),
        ("One is here now.\n\nTwo is there too.", "paragraphs"), ("```py\nx\n```", "code"), ("", "empty"),
        ("seven words with no stop at all here", "sentence"),
    ],
)  # fmt: skip
def test_a_format_is_read_off_the_target(text: str, expected: str) -> None:
    assert output_format(text) == expected


def test_pairs_are_counted_and_their_entropy_is_that_of_their_shares() -> None:
    rows = [row("a", task="t1"), row("b", task="t1"), row("1", task="t1"), row("c", task="t2")]
    found = coverage(rows)
    assert found.n == 4
    assert found.pairs == (("t1", "word", 2), ("t1", "number", 1), ("t2", "word", 1))
    by_hand = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)) / math.log(3)
    assert found.entropy == pytest.approx(by_hand)


def test_what_a_row_says_of_itself_stands_before_what_it_looks_like() -> None:
    assert coverage([row("42", task="t", format="digits")]).pairs == (("t", "digits", 1),)
    assert coverage([row("42")]).pairs == (("set", "number", 1),)


@pytest.mark.parametrize(
    ("counts", "expected"), [([5], 0.0), ([3, 3], 1.0), ([2, 2, 2, 2], 1.0), ([], 0.0), ([4, 0], 0.0)]
)
def test_entropy_at_its_ends(counts: list[int], expected: float) -> None:
    assert normalised_entropy(counts) == pytest.approx(expected)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=30))
def test_entropy_stays_between_0_and_1(counts: list[int]) -> None:
    assert 0 < normalised_entropy(counts) <= 1


@given(st.text(max_size=60))
def test_every_text_has_a_format(text: str) -> None:
    assert output_format(text)


def test_no_rows_cover_nothing_that_could_be_said() -> None:
    with pytest.raises(ValueError, match="no rows"):
        coverage([])
