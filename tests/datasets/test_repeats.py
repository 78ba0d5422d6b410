"""Rows that ask the same thing, or come from one source, are one cluster."""

from __future__ import annotations

import pytest

from hanka.datasets.repeats import clusters
from hanka.records import Example


def rows(*said: str) -> list[Example]:
    """Write rows as `text` or `text@group`."""
    parts = [one.partition("@") for one in said]
    return [Example(f"r{at}", {"input": text}, "x", group) for at, (text, _, group) in enumerate(parts)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["a", "b", "c"], ["", "", ""]),
        (["a", "b", "a ", "c", " a"], ["repeats r0", "", "repeats r0", "", "repeats r0"]),
        (["a@g", "b@g", "c"], ["g", "g", ""]),
        (["a@g", "b@g", "a", "d@h"], ["g", "g", "g", "h"]),
        (["a@g", "b@h", "b@g", "c@h"], ["g", "g", "g", "g"]),
        (["a", "a@g", "b@g"], ["repeats r0", "repeats r0", "repeats r0"]),
        ([], []),
    ],
)
def test_clusters(said: list[str], found: list[str]) -> None:
    assert clusters(rows(*said)) == found


def test_texts_that_nothing_is_asked_about_repeat_where_they_are_equal() -> None:
    texts = [Example("r0", {}, "a text"), Example("r1", {}, "another"), Example("r2", {}, "a text")]
    assert clusters(texts) == ["repeats r0", "", "repeats r0"]


def test_other_fields_are_another_question() -> None:
    pairs = [Example("r0", {"input_1": "a", "input_2": "b"}, "x"), Example("r1", {"input_1": "b", "input_2": "a"}, "x")]
    assert clusters(pairs) == ["", ""]
