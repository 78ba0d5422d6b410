"""Synthetic instructions: the rule's answers by hand, nested rungs, disjoint splits, coverage from one pair to many."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from hanka.datasets.coverage import coverage
from hanka.datasets.splits import group_of
from hanka.datasets.templated import FORMATS, KINDS, LADDER, datasets
from hanka.tasks import TASKS

SETS = datasets("mini")
SENTENCE = "We walked home, then the longest evening ended here."
BY_HAND = {
    "first_word": "We", "last_word": "here", "longest_word": "longest", "shortest_word": "We", "count_words": "9", "count_e": "12",
    "first_three": "We walked home,", "last_three": "evening ended here.", "reverse_three": "home, walked We", "capital": "WE",
    "alphabet": "ended", "is_long": "no",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_answers_as_a_reader_would(kind: str) -> None:
    assert KINDS[kind][1](SENTENCE.split()) == BY_HAND[kind]


def test_forms_hold_the_answer_and_json_is_json() -> None:
    assert {name: shaped("it") for name, (_, shaped) in FORMATS.items()} == {
        "bare": "it", "sentence": "The answer is it.", "json": '{"answer": "it"}', "item": "- it", "tag": "<answer>it</answer>", "quoted": '"it"',
    }  # fmt: skip
    assert json.loads(FORMATS["json"][1]('a "b"')) == {"answer": 'a "b"'}


def test_rungs_go_from_one_pair_to_all_of_them() -> None:
    found = {name: coverage((name, one) for one in one_set.load("train")) for name, one_set in SETS.items()}
    assert [one.n_pairs for one in found.values()] == [1, 6, 12, 72]
    assert found["synthetic-narrow"].entropy == 0
    assert all(one.entropy == pytest.approx(1) for name, one in found.items() if name != "synthetic-narrow")


def test_a_narrower_rung_is_part_of_a_broader_one() -> None:
    ids = {name: {one.id for one in one_set.load("train")} for name, one_set in SETS.items()}
    assert ids["synthetic-narrow"] < ids["synthetic-one-task"] < ids["synthetic-broad"]
    assert ids["synthetic-narrow"] < ids["synthetic-one-format"] < ids["synthetic-broad"]


@pytest.mark.parametrize("name", SETS)
def test_splits_share_no_sentence(name: str) -> None:
    parts = [SETS[name].load(split) for split in SETS[name].splits]
    assert all(parts)
    for one, other in combinations(parts, 2):
        assert {group_of(row) for row in one}.isdisjoint(group_of(row) for row in other)


@pytest.mark.parametrize("name", SETS)
def test_every_row_is_an_example_of_its_task_and_says_it_is_synthetic(name: str) -> None:
    task = TASKS.get("instructions")
    assert SETS[name].note.startswith("synthetic, from templates")
    assert "not general instructions" in SETS[name].note
    for row in SETS[name].load("test")[:200]:
        assert tuple(row.fields) == task.inputs
        assert row.target == row.target.strip() != ""
        assert set(row.slices) == {"task", "format"}


def test_the_ladder_is_named_narrow_to_broad() -> None:
    assert [len(one.kinds) * len(one.formats) for one in LADDER] == [1, 6, 12, 72]
