from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hanka.datasets.splits import group_of, in_hash_order, interleaved, looks_labelled, reserve, take_groups
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
