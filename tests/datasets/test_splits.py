from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.datasets.splits import (
    group_of,
    in_hash_order,
    interleaved,
    looks_labelled,
    reserve,
    sample,
    split_validation,
    take_groups,
)
from hanka.errors import DataError
from hanka.records import Example

GROUPS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["yes", "no"])), max_size=60)


def rows(plan: list[tuple[int, str]]) -> list[Example]:
    """Make one example for every (group, label) of a plan; group 0 stands for no group."""
    return [
        Example(f"e{i}", {"input": str(i)}, label, f"g{group}" if group else "")
        for i, (group, label) in enumerate(plan)
    ]


def ids(examples: list[Example]) -> set[str]:
    return {example.id for example in examples}


@given(GROUPS, st.integers(0, 20), st.booleans())
def test_taking_groups_loses_nothing_and_divides_no_group(plan: list[tuple[int, str]], n: int, even: bool) -> None:
    examples = rows(plan)
    part, rest = take_groups(examples, n, "salt", even=even)
    assert ids(part) | ids(rest) == ids(examples)
    assert len(part) + len(rest) == len(examples)
    assert not {group_of(one) for one in part} & {group_of(one) for one in rest}


@given(GROUPS, st.integers(0, 20), st.integers(1, 3))
def test_reserving_divides_no_group_and_keeps_its_limits(plan: list[tuple[int, str]], n: int, per_group: int) -> None:
    examples = rows(plan)
    part, rest = reserve(examples, n, "salt", per_group=per_group)
    assert len(part) <= n
    assert max(Counter(map(group_of, part)).values(), default=0) <= per_group
    assert not {group_of(one) for one in part} & {group_of(one) for one in rest}


@given(st.permutations(rows([(0, "yes"), (0, "no")] * 10)))
def test_the_part_taken_does_not_depend_on_the_order_of_rows(shuffled: list[Example]) -> None:
    expected = take_groups(rows([(0, "yes"), (0, "no")] * 10), 6, "salt", even=True).part
    assert take_groups(shuffled, 6, "salt", even=True).part == expected


def test_labels_come_evenly_from_a_skewed_set() -> None:
    part, _ = take_groups(rows([(0, "yes")] * 90 + [(0, "no")] * 10), 8, "salt", even=True)
    assert Counter(example.target for example in part) == {"yes": 4, "no": 4}


def test_labels_keep_their_proportions_when_asked() -> None:
    part, _ = take_groups(rows([(0, "yes")] * 90 + [(0, "no")] * 10), 20, "salt", even=False)
    assert Counter(example.target for example in part) == {"yes": 18, "no": 2}


def test_interleaving_takes_labels_in_turn() -> None:
    ordered = interleaved(rows([(0, "yes")] * 3 + [(0, "no")] * 3))
    assert [example.target for example in ordered] == ["yes", "no"] * 3


def test_a_group_larger_than_asked_is_taken_whole_when_nothing_else_fits() -> None:
    part, rest = take_groups(rows([(1, "yes")] * 5 + [(2, "no")] * 4), 3, "salt", even=True)
    assert ({one.group for one in part}, {one.group for one in rest}) == ({"g2"}, {"g1"})


def test_a_single_group_is_never_taken_away() -> None:
    part, rest = take_groups(rows([(1, "yes")] * 5), 3, "salt", even=True)
    assert (part, len(rest)) == ([], 5)


def test_texts_are_not_taken_for_labels() -> None:
    assert not looks_labelled([Example(str(i), {}, f"text {i}") for i in range(10)])
    assert looks_labelled([Example(str(i), {}, str(i % 2)) for i in range(10)])


def test_another_salt_gives_another_order() -> None:
    examples = rows([(0, "yes")] * 20)
    assert in_hash_order(examples, "a") != in_hash_order(examples, "b")


SEEDS = st.integers(0, 3)


@given(GROUPS, SEEDS, st.integers(0, 60), st.integers(0, 60))
def test_a_smaller_sample_is_contained_in_a_larger_one(plan: list[tuple[int, str]], seed: int, n: int, m: int) -> None:
    examples = rows(plan)
    small, large = sorted(min(size, len(examples)) for size in (n, m))
    for how in ("seeded", "balanced", "first"):
        more = sample(examples, large, how, seed, "mine", labelled=True)
        assert sample(examples, small, how, seed, "mine", labelled=True) == more[:small]
        assert (len(more), len(ids(more))) == (large, large)


@given(st.permutations(rows([(0, "yes")] * 12)), SEEDS)
def test_a_seeded_sample_does_not_depend_on_the_order_of_rows(shuffled: list[Example], seed: int) -> None:
    assert sample(shuffled, 5, "seeded", seed, "mine") == sample(rows([(0, "yes")] * 12), 5, "seeded", seed, "mine")


def test_seeds_and_datasets_give_other_samples_and_first_gives_the_first_rows() -> None:
    examples = rows([(0, "yes")] * 30)
    found = [sample(examples, 8, "seeded", seed, name) for seed, name in ((0, "a"), (1, "a"), (0, "b"))]
    assert len({tuple(one.id for one in part) for part in found}) == 3
    assert sample(examples, 8, "first", 0, "a") == examples[:8]


@given(st.permutations(rows([(0, "yes")] * 30 + [(1, "no")] * 6 + [(2, "so")] * 3)), SEEDS)
def test_a_balanced_sample_counts_every_label_alike_until_one_has_no_more(order: list[Example], seed: int) -> None:
    found = [
        Counter(one.target for one in sample(order, n, "balanced", seed, "mine", labelled=True))
        for n in (3, 4, 9, 15, 20)
    ]
    assert found[0] == {"yes": 1, "no": 1, "so": 1}
    assert sorted(found[1].values()) == [1, 1, 2]
    assert found[2] == {"yes": 3, "no": 3, "so": 3}
    assert found[3] == {"yes": 6, "no": 6, "so": 3}
    assert found[4] == {"yes": 11, "no": 6, "so": 3}


def test_a_balanced_sample_is_another_one_by_another_seed_and_without_labels_the_seeded_one() -> None:
    examples = rows([(0, "yes")] * 15 + [(1, "no")] * 15)
    first, second = (sample(examples, 8, "balanced", seed, "mine", labelled=True) for seed in (0, 1))
    assert ids(first) != ids(second)
    assert sample(examples, 8, "balanced", 0, "mine") == sample(examples, 8, "seeded", 0, "mine") != first


@pytest.mark.parametrize("n", [-1, 4])
def test_more_rows_than_there_are_cannot_be_sampled(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} of 3 examples cannot be taken"):
        sample(rows([(0, "yes")] * 3), n, "seeded", 0, "a")


@given(GROUPS.filter(lambda plan: len(plan) > 1), st.floats(0.01, 0.99), SEEDS, st.randoms(use_true_random=False))
def test_validation_rows_are_disjoint_whole_groups_and_always_the_same(
    plan: list[tuple[int, str]], share: float, seed: int, random: object
) -> None:
    examples = rows(plan)
    wanted = max(1, int(share * len(examples) + 0.5))
    several = len({group_of(one) for one in examples}) > 1
    if wanted == len(examples) or not several:
        return
    part, rest = split_validation(examples, share=share, seed=seed, labels=("yes", "no"))
    assert part
    assert rest
    smallest = min(Counter(map(group_of, examples)).values())
    assert len(part) <= max(wanted, smallest)
    assert ids(part) | ids(rest) == ids(examples)
    assert len(part) + len(rest) == len(examples)
    assert not {group_of(one) for one in part} & {group_of(one) for one in rest}
    assert rest == [one for one in examples if one in rest]
    shuffled = list(examples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_validation(shuffled, rows=wanted, seed=seed, labels=("yes", "no")).part == part


def test_validation_rows_keep_the_proportion_of_labels() -> None:
    part, rest = split_validation(rows([(0, "yes")] * 80 + [(0, "no")] * 20), share=0.2, seed=0, labels=("yes", "no"))
    assert Counter(example.target for example in part) == {"yes": 16, "no": 4}
    assert Counter(example.target for example in rest) == {"yes": 64, "no": 16}


def test_validation_rows_of_texts_need_no_proportion() -> None:
    texts = [Example(str(place), {"input": "x"}, "same" if place % 2 else "other") for place in range(40)]
    found = [split_validation(texts, rows=11, seed=seed).part for seed in range(6)]
    assert {len(part) for part in found} == {11}
    assert len({Counter(one.target for one in part)["same"] for part in found}) > 1


def test_half_a_row_is_rounded_up_and_a_small_share_is_one_row() -> None:
    examples = rows([(0, "yes")] * 10)
    assert len(split_validation(examples, share=0.25, seed=0).part) == 3
    assert len(split_validation(examples, share=0.01, seed=0).part) == 1


def test_seeds_choose_other_validation_rows() -> None:
    examples = rows([(0, "yes")] * 30)
    assert len({tuple(one.id for one in split_validation(examples, rows=5, seed=seed).part) for seed in range(4)}) == 4


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({}, "either share or rows"),
        ({"share": 0.5, "rows": 2}, "either share or rows"),
        ({"share": 0.0}, "above 0 and below 1"),
        ({"share": 1.0}, "above 0 and below 1"),
        ({"rows": 0}, "0 of 4 training rows"),
        ({"rows": 4}, "4 of 4 training rows"),
        ({"share": 0.9}, "4 of 4 training rows"),
    ],
)
def test_a_size_that_leaves_nothing_on_one_side_is_refused(sizes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split_validation(rows([(0, "yes")] * 4), seed=0, **sizes)


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(DataError, match="all 4 training rows are of one group"):
        split_validation(rows([(1, "yes")] * 4), rows=2, seed=0)
