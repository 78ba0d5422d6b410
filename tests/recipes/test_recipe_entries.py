"""Shares, samples and ids of the entries, by hand and by property."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hanka.errors import DataError
from hanka.recipes import RECIPES
from hanka.recipes.concat import ConcatParams, whole_rows
from hanka.recipes.contract import (
    Recipe,
    RecipeParams,
    RecipeRequest,
    data_id,
    make_rows,
    nobody_answers,
    with_unique_ids,
)
from hanka.recipes.subset import SubsetParams
from hanka.records import Example, Parent, Part, Split
from hanka.tasks import TASKS

TASK_OF = {"films": "sentiment", "shops": "sentiment", "pairs": "inference"}


def rows(dataset: str, n: int, prefix: str = "") -> list[Example]:
    labels = TASKS.get(TASK_OF[dataset]).labels
    return [
        Example(f"{prefix}{place}", {"input": f"{dataset} {place}"}, labels[0 if place % 5 else 1], f"g{place // 2}")
        for place in range(n)
    ]


def request(name: str, params: Mapping[str, Any], asked: int, **changes: Any) -> RecipeRequest:
    datasets = changes.pop("datasets", {dataset: rows(dataset, 100, f"{dataset}-") for dataset in TASK_OF})

    def read(dataset: str, split: Split, size: int | None) -> Sequence[Example]:
        assert (split, size) == ("train", asked)
        return list(datasets[dataset])

    values: dict[str, Any] = {
        "params": RECIPES.get(name).params.model_validate(params),
        "asked": asked,
        "seed": 0,
        "rows": read,
        "task": lambda dataset: TASKS.get(TASK_OF[dataset]),
    }
    return RecipeRequest(**(values | changes))


def made(name: str, params: Mapping[str, Any], asked: int, **changes: Any) -> tuple[Part, ...]:
    return make_rows(RECIPES.get(name), request(name, params, asked, **changes))


def ids(*parts: Part) -> list[str]:
    return [one.id for part in parts for one in part.examples]


# ---- concat


@pytest.mark.parametrize(
    ("shares", "total", "expected"),
    [
        ({"a": 1, "b": 1}, 10, {"a": 5, "b": 5}),
        ({"a": 1, "b": 1, "c": 1}, 10, {"a": 4, "b": 3, "c": 3}),
        ({"a": 0.5, "b": 0.3, "c": 0.2}, 7, {"a": 4, "b": 2, "c": 1}),  # 3.5, 2.1, 1.4
        ({"a": 0.05, "b": 0.95}, 10, {"a": 1, "b": 9}),  # 0.5, 9.5: the first name gets the equal remainder
        ({"a": 2, "b": 6}, 4, {"a": 1, "b": 3}),
        ({"a": 1, "b": 1}, 0, {"a": 0, "b": 0}),
    ],
)
def test_shares_become_whole_rows_by_largest_remainder(
    shares: dict[str, float], total: int, expected: dict[str, int]
) -> None:
    assert whole_rows(shares, total) == expected


SHARES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 100), min_size=1)


@given(SHARES, st.integers(0, 500), st.randoms(use_true_random=False))
def test_rows_sum_to_what_is_asked_and_the_order_of_names_changes_nothing(
    shares: dict[str, float], total: int, random: Any
) -> None:
    found = whole_rows(shares, total)
    weight = sum(shares.values())
    assert sum(found.values()) == total
    assert all(abs(n - total * shares[name] / weight) < 1 for name, n in found.items())
    names = list(shares)
    random.shuffle(names)
    again = whole_rows({name: shares[name] for name in names}, total)
    assert list(again.items()) == list(found.items())


def test_each_dataset_gives_its_share_with_its_task() -> None:
    parts = made("concat", {"of": {"pairs": 1, "films": 3}}, 40)
    assert [(part.task, part.dataset, len(part.examples)) for part in parts] == [
        ("sentiment", "films", 30),
        ("inference", "pairs", 10),
    ]


def test_a_list_gives_equal_shares() -> None:
    assert made("concat", {"of": ["films", "pairs"]}, 21) == made("concat", {"of": {"pairs": 1, "films": 1}}, 21)


def test_first_takes_the_first_rows_and_seeded_a_sample_of_the_seed() -> None:
    (first,) = made("concat", {"of": ["films"], "sample": "first"}, 5)
    assert ids(first) == [f"films-{place}" for place in range(5)]
    samples = {tuple(ids(*made("concat", {"of": ["films"]}, 5, seed=seed))) for seed in range(3)}
    assert len(samples) == 3


@given(st.integers(1, 100), st.integers(1, 100))
def test_a_smaller_mix_is_contained_in_a_larger_one(n: int, m: int) -> None:
    small, large = sorted((n, m))
    assert set(ids(*made("concat", {"of": ["films", "pairs"]}, small))) <= set(
        ids(*made("concat", {"of": ["films", "pairs"]}, large))
    )


def test_a_share_too_small_for_a_row_gives_no_part() -> None:
    assert [part.dataset for part in made("concat", {"of": {"films": 1, "pairs": 99}}, 10)] == ["pairs"]


def test_a_dataset_with_too_few_rows_is_named() -> None:
    with pytest.raises(DataError, match="150 train rows of dataset films are asked and it has 100"):
        made("concat", {"of": {"films": 3, "pairs": 1}}, 200)
    assert len(ids(*made("concat", {"of": ["films"]}, 100))) == 100


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (["films", "films"], "films is named twice"),
        ([[]], r"\[\] is not the name of a data set"),
        (["films", 1], "1 is not the name of a data set"),
        ([None], "None is not the name of a data set"),
        ({"films": 0}, "share of films is 0"),
        ({"films": -1.0}, "share of films is -1.0"),
        ({"films": True}, "share of films is True"),
        ({"films": "much"}, "share of films is 'much'"),
        ({"films": float("inf")}, "share of films is inf"),
        ([], "at least 1"),
        ("films", "valid dictionary"),
    ],
)
def test_shares_that_say_nothing_are_refused(of: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ConcatParams(of=of)


# ---- subset


@pytest.mark.parametrize(
    ("params", "asked", "expected"),
    [
        ({}, 40, 40),
        ({"share": 0.25}, 50, 13),
        ({"share": 0.25}, 40, 10),
        ({"share": 0.001}, 40, 1),
        ({"rows": 10}, 40, 10),
        ({"rows": 50}, 40, 40),
    ],
)
def test_a_subset_has_a_share_of_what_is_asked_or_a_number_of_rows(
    params: dict[str, Any], asked: int, expected: int
) -> None:
    assert len(ids(*made("subset", {"of": "films", **params}, asked))) == expected


@given(st.integers(1, 60), st.integers(1, 60), st.booleans(), st.integers(0, 2))
def test_a_smaller_subset_begins_a_larger_one_of_the_same_seed(n: int, m: int, balanced: bool, seed: int) -> None:
    small, large = (
        ids(*made("subset", {"of": "films", "rows": size, "balanced": balanced, "seed": seed}, 60))
        for size in sorted((n, m))
    )
    assert large[: len(small)] == small
    assert len(set(large)) == len(large)


def test_its_own_seed_chooses_and_not_the_seed_of_the_study() -> None:
    params = {"of": "films", "rows": 10}
    assert made("subset", params, 50, seed=1) == made("subset", params, 50, seed=2)
    assert made("subset", params, 50) != made("subset", {**params, "seed": 1}, 50)


def test_a_balanced_subset_has_each_label_equally_often_while_it_lasts() -> None:
    def counts(balanced: bool, n: int) -> list[int]:
        (part,) = made("subset", {"of": "films", "rows": n, "balanced": balanced}, 100)
        return sorted(Counter(one.target for one in part.examples).values())

    assert counts(True, 30) == [15, 15]
    assert counts(True, 60) == [20, 40]  # the rarer label has 20 rows
    assert counts(False, 30) != [15, 15]


@given(st.permutations(rows("films", 20)))
def test_a_subset_does_not_depend_on_the_order_of_the_file(shuffled: list[Example]) -> None:
    params = {"of": "films", "rows": 7}
    expected = made("subset", params, 20, datasets={"films": rows("films", 20)})
    assert made("subset", params, 20, datasets={"films": shuffled}) == expected


def test_share_and_rows_together_and_too_few_rows_are_refused() -> None:
    with pytest.raises(ValidationError, match="write one of them"):
        SubsetParams(of="films", share=0.5, rows=3)
    with pytest.raises(ValidationError):
        SubsetParams(of="films", share=1.5)
    with pytest.raises(DataError, match="101 train rows of dataset films are asked and it has 100"):
        made("subset", {"of": "films"}, 101)


# ---- ids


def test_ids_and_groups_that_two_datasets_share_get_the_dataset_before_them() -> None:
    parts = made(
        "concat", {"of": ["films", "shops"]}, 4, datasets={"films": rows("films", 9), "shops": rows("shops", 9)}
    )
    found = ids(*parts)
    assert len(set(found)) == 4
    assert all(name.split("/")[0] in ("films", "shops") for name in found)
    assert all(one.group.startswith(f"{part.dataset}/g") for part in parts for one in part.examples)


def test_a_sample_of_a_dataset_does_not_depend_on_what_else_is_in_the_mix() -> None:
    datasets = {"films": rows("films", 50), "pairs": rows("pairs", 50), "shops": rows("shops", 50, "s")}
    with_pairs, with_shops = (
        made("concat", {"of": ["films", other]}, 20, datasets=datasets)[0] for other in ("pairs", "shops")
    )
    assert [one.fields for one in with_pairs.examples] == [one.fields for one in with_shops.examples]


def test_datasets_with_the_same_ids_are_sampled_apart() -> None:
    datasets = {"films": rows("films", 60), "shops": rows("shops", 60)}
    films, shops = made("concat", {"of": ["films", "shops"]}, 20, datasets=datasets)
    assert [name.split("/")[1] for name in ids(films)] != [name.split("/")[1] for name in ids(shops)]


def part(dataset: str, *names: str, group: str = "") -> Part:
    return Part("sentiment", dataset, tuple(Example(name, {}, "", group) for name in names))


def test_datasets_that_share_nothing_keep_their_ids() -> None:
    apart = [part("films", "1", "2"), part("pairs", "3"), part("films", "4")]
    assert with_unique_ids(apart) == tuple(apart)
    mixed = with_unique_ids([part("films", "1", "2"), part("pairs", "1"), part("shops", "3")])
    assert ids(*mixed) == ["films/1", "films/2", "pairs/1", "3"]
    assert ids(*with_unique_ids([part("films", "1", group="g"), part("pairs", "2", group="g")])) == [
        "films/1",
        "pairs/2",
    ]


def test_rows_alone_of_their_group_stay_alone() -> None:
    mixed = with_unique_ids([part("films", "1"), part("pairs", "1")])
    assert {one.group for each in mixed for one in each.examples} == {""}


@pytest.mark.parametrize(
    "parts", [[("films", "1", "1")], [("films", "1"), ("films", "1")], [("a", "b/1", "1"), ("a/b", "1")]]
)
def test_a_row_taken_twice_is_refused(parts: list[tuple[str, ...]]) -> None:
    with pytest.raises(DataError, match=r"stands in 2 rows"):
        with_unique_ids([part(*one) for one in parts])


def test_a_recipe_that_makes_other_rows_than_it_said_is_refused() -> None:
    concat = RECIPES.get("concat")
    lying = Recipe("lying", "", "", concat.params, "train", concat.sources, lambda params, asked: 7, concat.make)
    with pytest.raises(DataError, match="recipe lying made 8 rows and said 7"):
        make_rows(lying, request("concat", {"of": ["films"]}, 8))


# ---- identity


def test_the_id_changes_with_whatever_changes_the_rows() -> None:
    concat, subset = RECIPES.get("concat"), RECIPES.get("subset")
    params = concat.params.model_validate({"of": ["films", "pairs"]})
    sources = {"films": "f1", "pairs": "p1"}
    first = data_id(concat, params, 10, 0, sources)
    assert first == data_id(concat, concat.params.model_validate({"of": ["pairs", "films"]}), 10, 0, sources)
    others = {
        data_id(concat, concat.params.model_validate({"of": {"films": 2, "pairs": 1}}), 10, 0, sources),
        data_id(concat, concat.params.model_validate({"of": ["films", "pairs"], "sample": "first"}), 10, 0, sources),
        data_id(concat, params, 11, 0, sources),
        data_id(concat, params, 10, 1, sources),
        data_id(concat, params, 10, 0, {**sources, "pairs": "p2"}),
        data_id(concat, params, 10, 0, sources, ["v1"]),
        data_id(concat, params, 10, 0, sources, ["v1", "v2"]),
        data_id(concat, params, 10, 0, sources, ["v2", "v1"]),
        data_id(subset, subset.params.model_validate({"of": "films"}), 10, 0, sources),
        data_id(Recipe(**{**fields(concat), "version": 2}), params, 10, 0, sources),
    }
    assert len(others | {first}) == 11


def fields(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in Recipe.__dataclass_fields__}


def test_who_was_not_declared_answers_nothing() -> None:
    with pytest.raises(DataError, match="sft was not declared as a parent"):
        nobody_answers(Parent("sft"), [])


def test_unknown_parameters_and_truth_values_for_numbers_are_refused() -> None:
    for given_params in ({"of": "films", "rows": True}, {"of": "films", "row": 3}):
        with pytest.raises(ValidationError):
            SubsetParams.model_validate(given_params)
    assert issubclass(SubsetParams, RecipeParams)
