"""Texts one noun apart are found whatever the language, others are not; a brute-force comparison agrees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.datasets.neighbours import _are_neighbours, one_noun_apart
from hanka.datasets.overlap import normalised_text, words_of
from hanka.records import Example

MAIL = "I ordered a kettle last week and it has not arrived yet"


def rows(*texts: str) -> list[Example]:
    return [Example(f"e{at}", {"input": text}, "good") for at, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (MAIL, MAIL.replace("kettle", "toaster"), True),
        (MAIL, MAIL.replace("kettle", "TOASTER").replace(" has", "  has"), True),
        (MAIL, MAIL.replace("a kettle", "a new kettle"), True),
        (MAIL, MAIL.replace(" yet", ""), True),
        (MAIL, "Yesterday " + MAIL, True),
        (MAIL, MAIL.replace("I", "We"), True),
        (MAIL, MAIL, False),
        (MAIL, MAIL.replace("kettle", "toaster").replace("week", "month"), False),
        (MAIL, MAIL.replace("kettle", "coffee machine"), True),
        (MAIL, MAIL.replace("a kettle", "two new toasters"), False),
        ("the kettle broke at once", "the washing machine broke at once", False),
        ("my kettle broke at once today", "my washing machine broke at once today", False),
        ("my old kettle broke at once today", "my old washing machine broke at once today", True),
        ("good film", "bad film", False),
        ("the film is good", "the film is bad", False),
        ("先週やかんを注文しましたがまだ届きません", "先週冷蔵庫を注文しましたがまだ届きません", True),
        ("先週やかんを注文しましたがまだ届きません", "先週やかんを注文しましたがもう届きました", False),
        ("やかんが来ない", "なべが来ない", False),
        (
            "주문한 주전자가 아직 도착하지 않았습니다 확인 부탁드립니다",
            "주문한 냄비가 아직 도착하지 않았습니다 확인 부탁드립니다",
            True,
        ),
    ],
)
def test_one_noun_apart_is_found_and_nothing_else(one: str, other: str, apart: bool) -> None:
    assert bool(one_noun_apart(rows(one), rows(other))) is apart
    assert bool(one_noun_apart(rows(other), rows(one))) is apart


WORDS = st.lists(st.sampled_from(["a", "b", "c", "水", "火"]), min_size=3, max_size=14)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_candidates_miss_no_pair(first: list[list[str]], second: list[list[str]]) -> None:
    ones, others = rows(*map(" ".join, first)), rows(*map(" ".join, second))
    expected = [
        (one.id, other.id)
        for one in ones
        for other in others
        if _are_neighbours(*(words_of(normalised_text(row)) for row in (one, other)))
    ]
    assert [tuple(pair) for pair in one_noun_apart(ones, others)] == expected


def test_fields_count_together() -> None:
    one = [Example("a", {"premise": "the cat sat on the mat", "question": "where was it"}, "x")]
    other = [Example("b", {"premise": "the dog sat on the mat", "question": "where was it"}, "x")]
    assert [tuple(pair) for pair in one_noun_apart(one, other)] == [("a", "b")]
