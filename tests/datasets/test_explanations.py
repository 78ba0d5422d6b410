"""Explanations: the five published forms written and read, what is malformed, and the rule that makes them."""

from __future__ import annotations

import pytest

from hanka.datasets.matching.explanations import (
    STRUCTURED,
    Attribute,
    Explanation,
    Form,
    read_explanation,
    write_explanation,
)
from hanka.datasets.matching.rules import attributes_of, fitted_threshold, rule_explanation, rule_label, similarity
from hanka.records import Example

FIXTURES: dict[Form, str] = {
    "long": "Both descriptions name a Canon lens. They share the focal length of 50 mm. The model numbers agree, too, so they match.",
    "short": "Both name the same model, 50 mm f/1.8. Only the price differs.",
    "structured": "attribute=title|||importance=0.8|||values=canon 50mm###canon ef 50 mm|||similarity=0.75\n"
    "attribute=price|||importance=-0.1|||values=missing###99.0|||similarity=missing",
    "no_importance": "attribute=title|||values=canon 50mm###canon ef 50 mm|||similarity=0.75",
    "no_importance_similarity": "attribute=title|||values=canon 50mm###canon ef 50 mm",
}


@pytest.mark.parametrize("form", STRUCTURED)
def test_a_structured_explanation_is_written_as_it_was_read(form: Form) -> None:
    found = read_explanation(FIXTURES[form], form)
    assert found.is_whole
    assert write_explanation(found.attributes, form) == FIXTURES[form]


def test_what_a_structured_line_says() -> None:
    title, price = read_explanation(FIXTURES["structured"], "structured").attributes
    assert title == Attribute("title", "canon 50mm", "canon ef 50 mm", 0.8, 0.75)
    assert price == Attribute("price", "missing", "99.0", -0.1, None)


@pytest.mark.parametrize("form", ["long", "short"])
def test_free_text_is_read_as_it_is(form: Form) -> None:
    assert read_explanation(FIXTURES[form], form) == Explanation(form, FIXTURES[form])


def test_more_than_two_sentences_are_no_short_explanation() -> None:
    found = read_explanation(FIXTURES["long"], "short")
    assert [one.reason for one in found.malformed] == ["3 sentences, and a short one has at most 2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("attribute=brand|||importance=0.5|||values=A|||B|||similarity=1", "two values are parted by ###"),
        ("attribute=brand|||importance=0.5|||values=A|||similarity=1", "not two parted by ###"),
        ("attribute=brand|||importance=1.5|||values=A###B|||similarity=1", "not between -1 and 1"),
        ("attribute=brand|||importance=nan|||values=A###B|||similarity=1", "not between -1 and 1"),
        ("attribute=brand|||importance=0.5|||values=A###B|||similarity=-0.5", "not between 0 and 1"),
        ("attribute=brand|||importance=high|||values=A###B|||similarity=1", "is no number"),
        ("attribute=brand|||importance=0.5|||values=A###B", "similarity is not there"),
        ("attribute=a|||attribute=b|||importance=0|||values=A###B|||similarity=1", "attribute stands twice"),
        ("The titles agree.", "is none of attribute="),
    ],
)
def test_a_malformed_line_is_kept_with_its_reason_beside_those_that_are_not(line: str, reason: str) -> None:
    good = FIXTURES["structured"].splitlines()[0]
    found = read_explanation(f"{good}\n{line}", "structured")
    assert len(found.attributes) == 1
    (malformed,) = found.malformed
    assert malformed.line == line
    assert reason in malformed.reason
    assert not found.is_whole


def test_no_explanation_is_malformed_and_not_whole() -> None:
    for form in FIXTURES:
        assert not read_explanation(" \n", form).is_whole


ROW = Example(
    "r",
    {
        "left": "canon ef 50mm", "right": "canon ef 50mm black", "left_record": "COL name VAL canon ef 50mm COL price VAL 99.0",
        "right_record": "COL name VAL canon ef 50mm black COL price VAL",
    },
    "Yes",
)  # fmt: skip


def test_similarity_is_the_share_of_words_that_both_have() -> None:
    assert similarity("canon ef 50mm", "Canon EF 50mm black") == 0.75
    assert similarity("a", "b") == 0.0
    assert similarity("", "") == 0.0


def test_the_rule_explains_every_attribute_in_every_form_and_is_read_whole() -> None:
    assert rule_explanation(ROW, "structured", True) == (
        "attribute=name|||importance=0.5|||values=canon ef 50mm###canon ef 50mm black|||similarity=0.75\n"
        "attribute=price|||importance=missing|||values=99.0###missing|||similarity=missing"
    )
    for form in FIXTURES:
        assert read_explanation(rule_explanation(ROW, form, True), form).is_whole
    assert "differs in black" in rule_explanation(ROW, "short", True)


def test_a_rule_may_be_kept_to_some_attributes() -> None:
    assert [one.name for one in attributes_of(ROW, ("price",))] == ["price"]
    assert rule_explanation(ROW, "structured", True, ("brand",)) == ""


def test_a_row_without_records_is_explained_by_its_one_description() -> None:
    row = Example("r", {"left": "a b|||c", "right": "a b"}, "No")
    assert rule_explanation(row, "no_importance_similarity", False) == "attribute=text|||values=a b c###a b"


def test_the_threshold_is_the_one_that_most_training_rows_are_right_with() -> None:
    def row(left: str, right: str, target: str) -> Example:
        return Example(left + right, {"left": left, "right": right}, target)

    rows = [row("a b c", "a b c", "Yes"), row("a b", "a c", "No"), row("a b c d", "a b c", "Yes"), row("x", "y", "No")]
    cut = fitted_threshold(rows, "Yes")
    assert cut == 0.75
    assert [rule_label(one, cut, ("Yes", "No")) for one in rows] == ["Yes", "No", "Yes", "No"]
    with pytest.raises(ValueError, match="no rows"):
        fitted_threshold([], "Yes")
