"""Which mixes there are, counted; how many rows each data set gives, by hand, with the caps of the original; which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_recipe_entries import made

from hanka.errors import DataError
from hanka.recipes.mix import MIX, MixParams
from hanka.recipes.mixes import mixes_of

FINANCE = {
    "headline": 10_000, "fpb": 5_000, "ner-cls": 5_000, "convfinqa": 2_000, "finqa": 2_000, "topics": 2_500, "sentiment": 5_000,
}  # fmt: skip
"Caps of the original's script."
NINE = (*FINANCE, "openorca", "orca-math")


# ---- which mixes there are


def test_nine_sets_give_55_mixes_and_each_of_all_but_one_has_eight_members() -> None:
    mixes = mixes_of(NINE)
    assert len(mixes) == 55
    assert len({frozenset(one.members) for one in mixes}) == 55
    assert len({one.name for one in mixes}) == 55
    sizes = [len(one.members) for one in mixes]
    assert [sizes.count(n) for n in (1, 2, 8, 9)] == [9, 36, 9, 1]


def test_leaving_out_a_set_whose_name_is_part_of_another_leaves_that_one_in() -> None:
    mixes = {one.name: one.members for one in mixes_of(NINE)}
    assert mixes["all-but-finqa"] == tuple(name for name in NINE if name != "finqa")
    assert "convfinqa" in mixes["all-but-finqa"]
    assert "finqa" in mixes["all-but-convfinqa"]
    assert all(set(members) <= set(NINE) for members in mixes.values())


@pytest.mark.parametrize(("n", "expected"), [(1, 1), (2, 3), (3, 7), (4, 15), (5, 21), (9, 55)])
def test_a_mix_that_two_kinds_give_stands_once(n: int, expected: int) -> None:
    assert len(mixes_of(NINE[:n])) == expected


@given(st.lists(st.text("abc/+-", min_size=1), min_size=1, max_size=7, unique=True))
def test_names_may_be_anything_and_members_are_whole(names: list[str]) -> None:
    found = [frozenset(one.members) for one in mixes_of(names)]
    n = len(names)
    by_hand = {frozenset(some) for size in {1, 2, n - 1, n} - {0} for some in combinations(names, min(size, n))}
    assert set(found) == by_hand
    assert len(found) == len(by_hand)


def test_kinds_choose_and_their_order_changes_nothing() -> None:
    assert [one.name for one in mixes_of("abc", ["all", "singles"])] == ["a", "b", "c", "all"]
    assert mixes_of("abc", ["all", "singles"]) == mixes_of("abc", ["singles", "all"])
    assert [one.members for one in mixes_of("abc", ["pairs", "all_but_one"])] == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(("members", "said"), [([], "no data sets"), (["a", "b", "a"], "a is named twice")])
def test_nothing_and_the_same_twice_are_refused(members: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        mixes_of(members)


# ---- how many rows


def test_the_caps_of_the_original_give_its_rows() -> None:
    everything = MixParams(of=FINANCE, general=("openorca",), mathematics=("orca-math",))
    rows = everything.rows(10_000)
    assert {name: rows[name] for name in FINANCE} == FINANCE
    assert rows["openorca"] == sum(FINANCE.values()) == 31_500
    assert rows["orca-math"] == 15_750


def test_as_sets_instructions_are_as_many_in_every_mix_and_else_follow_the_mix() -> None:
    pair = {"general": ("openorca",), "mathematics": ("orca-math",)}
    as_set = MixParams(of={"finqa": 2_000}, counted=FINANCE, **pair)
    assert as_set.rows(10_000) == {"finqa": 2_000, "openorca": 31_500, "orca-math": 15_750}
    in_the_mix = MixParams(of={"finqa": 2_000}, **pair)
    assert in_the_mix.rows(10_000) == {"finqa": 2_000, "openorca": 2_000, "orca-math": 1_000}


@pytest.mark.parametrize(
    ("params", "asked", "expected"),
    [
        ({"of": {"a": None, "b": 5}}, 8, {"a": 8, "b": 5}),
        ({"of": {"a": 100}}, 8, {"a": 8}),
        ({"of": ["b", "a"], "general": ["g", "h"]}, 3, {"a": 3, "b": 3, "g": 3, "h": 3}),
        ({"of": "a", "mathematics": "m"}, 7, {"a": 7, "m": 3}),  # half, rounded down
        ({"of": "a", "mathematics": "m"}, 1, {"a": 1, "m": 1}),  # at least one
        ({"of": "a", "general": "g", "general_share": 2}, 3, {"a": 3, "g": 6}),
        ({"general": "g", "counted": ["a", "b"]}, 4, {"g": 8}),
    ],
)
def test_rows_by_hand(params: Mapping[str, Any], asked: int, expected: Mapping[str, int]) -> None:
    found = MixParams.model_validate(params)
    assert found.rows(asked) == expected
    assert MIX.n_rows(found, asked) == sum(expected.values())


# ---- which rows


def test_a_set_gives_the_same_rows_alone_in_a_pair_and_in_all() -> None:
    def films(of: Sequence[str]) -> list[str]:
        (part,) = (one for one in made("mix", {"of": list(of)}, 12) if one.dataset == "films")
        return [one.fields["input"] for one in part.examples]  # ids name the set where another has the same ones

    assert films(["films"]) == films(["films", "pairs"]) == films(["films", "pairs", "shops"])
    assert len(set(films(["films"]))) == 12


def test_parts_keep_their_tasks_and_no_relation_follows_from_instructions() -> None:
    params = {"of": ["films"], "general": ["pairs"], "mathematics": ["shops"]}
    parts = {one.dataset: one for one in made("mix", params, 10)}
    assert {name: (one.task, len(one.examples)) for name, one in parts.items()} == {
        "films": ("sentiment", 10), "pairs": ("inference", 10), "shops": ("sentiment", 5),
    }  # fmt: skip
    found = MixParams.model_validate(params)
    assert MIX.rehearses(found) == ("pairs", "shops")
    assert MIX.roles(found) == {"films": "learnt", "pairs": "general", "shops": "mathematics"}


def test_instructions_alone_are_what_is_learnt() -> None:
    assert MIX.rehearses(MixParams(general=("pairs",), counted={"films": None})) == ()


def test_the_order_in_which_sets_are_named_changes_nothing() -> None:
    assert made("mix", {"of": ["films", "pairs"]}, 9) == made("mix", {"of": {"pairs": None, "films": 9}}, 9)


def test_a_set_with_too_few_rows_is_named() -> None:
    with pytest.raises(DataError, match="150 train rows of dataset films are asked and it has 100"):
        made("mix", {"of": ["films"]}, 150)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "names no data set"),
        ({"of": ["a", "a"]}, "a is named twice"),
        ({"of": {"a": 0}}, "the cap of a is 0"),
        ({"of": {"a": True}}, "the cap of a is True"),
        ({"of": {"a": 1.5}}, "the cap of a is 1.5"),
        ({"of": ["a"], "general": ["a"]}, "a stands in two places"),
        ({"general": ["a"], "mathematics": ["a"], "counted": ["b"]}, "a stands in two places"),
        ({"general": ["g"]}, "shares of nothing"),
        ({"of": ["a"], "general": ["g"], "general_share": 0}, "greater than 0"),
    ],
)
def test_mixes_that_say_nothing_are_refused(params: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MixParams.model_validate(params)
