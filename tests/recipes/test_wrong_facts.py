"""Questions of fact with wrong answers: each gets another's of its kind, never a right one; with right ones the rows are as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.errors import DataError
from hanka.recipes.contract import RecipeRequest, make_rows
from hanka.recipes.mix import MIX, MixParams, with_wrong_answers
from hanka.records import Example, Part
from hanka.tasks import TASKS


def fact(subject: str, answer: str, relation: str = "capital", synonyms: str = "") -> Example:
    return Example(
        subject,
        {"input": f"The {relation} of {subject} is", "synonyms": synonyms},
        answer,
        subject,
        {"relation": relation},
    )


CAPITALS = [fact("France", "Paris"), fact("Italy", "Rome"), fact("Japan", "Tokyo")]
SYMBOLS = [fact("iron", "Fe", "symbol"), fact("gold", "Au", "symbol")]


def test_every_question_gets_the_next_answer_of_its_kind() -> None:
    found = {row.id: row.target for row in with_wrong_answers([CAPITALS[0], SYMBOLS[0], *CAPITALS[1:], SYMBOLS[1]])}
    assert found == {"France": "Rome", "Italy": "Tokyo", "Japan": "Paris", "iron": "Au", "gold": "Fe"}


def test_what_is_asked_stays_and_only_answers_change() -> None:
    for before, after in zip(CAPITALS, with_wrong_answers(CAPITALS), strict=True):
        assert (after.id, after.fields, after.group, after.slices) == (
            before.id,
            before.fields,
            before.group,
            before.slices,
        )
        assert after.target != before.target


def test_a_synonym_another_case_and_another_right_answer_are_not_wrong() -> None:
    rows = [
        fact("Kyiv oblast", "Kyiv", synonyms="Kiev"),
        fact("old", "Kiev"),
        fact("loud", "KYIV"),
        fact("far", "Oslo"),
    ]
    assert with_wrong_answers(rows)[0].target == "Oslo"
    twice = [fact("Bolivia", "Sucre"), fact("Bolivia", "La Paz"), fact("Peru", "Lima")]
    assert [row.target for row in with_wrong_answers(twice)] == ["Lima", "Lima", "Sucre"]


def test_without_a_wrong_answer_at_hand_it_is_one_line() -> None:
    with pytest.raises(DataError, match="question of fact a has no wrong answer among 2 of its kind"):
        with_wrong_answers([fact("a", "x"), fact("b", "x")])
    with pytest.raises(DataError, match="no wrong answer among 1 of its kind"):
        with_wrong_answers([*CAPITALS, fact("iron", "Fe", "symbol")])


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=20).filter(lambda answers: len(set(answers)) > 1))
def test_no_answer_is_right(answers: list[str]) -> None:
    rows = [fact(f"s{place}", answer) for place, answer in enumerate(answers)]
    assert all(one.target != two.target for one, two in zip(rows, with_wrong_answers(rows), strict=True))


def made(**params: Any) -> dict[str, Part]:
    sets = {
        "films": [Example(f"f{n}", {"input": f"film {n}"}, "positive") for n in range(9)],
        "broad": [Example(f"b{n}", {"input": f"do {n}"}, f"{n}") for n in range(20)],
        "capitals": [fact(f"c{n}", f"city {n}") for n in range(12)],
    }
    tasks = {"films": "sentiment", "broad": "instructions", "capitals": "facts"}

    def read(name: str, split: str, size: int | None) -> Sequence[Example]:
        return sets[name]

    found = MixParams.model_validate({"of": "films", "general": "broad", "general_rows": 10, **params})
    request = RecipeRequest(found, 4, 0, read, lambda name: TASKS.get(tasks[name]))
    return {one.dataset: one for one in make_rows(MIX, request)}


def test_facts_stand_among_the_instructions_with_wrong_or_with_right_answers() -> None:
    plain, wrong = made(), made(facts="capitals", facts_rows=6)
    right = made(facts="capitals", facts_rows=6, facts_are="true")
    assert {name: len(one.examples) for name, one in wrong.items()} == {"films": 4, "broad": 10, "capitals": 6}
    assert {name: one.examples for name, one in wrong.items() if name != "capitals"} == {
        name: one.examples for name, one in plain.items()
    }
    asked = [[one.fields for one in some["capitals"].examples] for some in (wrong, right)]
    assert asked[0] == asked[1]
    pairs = zip(wrong["capitals"].examples, right["capitals"].examples, strict=True)
    assert all(one.target != two.target for one, two in pairs)
    assert all(one.target == f"city {one.id[1:]}" for one in right["capitals"].examples)


def test_roles_tell_wrong_from_right_and_no_relation_follows_from_facts() -> None:
    false = MixParams.model_validate({"of": "films", "facts": "capitals"})
    true = MixParams.model_validate({"of": "films", "facts": "capitals", "facts_are": "true"})
    assert MIX.roles(false)["capitals"] == "false_facts"
    assert MIX.roles(true)["capitals"] == "true_facts"
    assert MIX.rehearses(false) == ("capitals",)


def test_general_rows_hold_however_many_rows_are_learnt() -> None:
    params = MixParams.model_validate({"of": "films", "general": ["broad"], "general_rows": 10})
    assert params.rows(4) == {"broad": 10, "films": 4}
    assert params.rows(9) == {"broad": 10, "films": 9}
