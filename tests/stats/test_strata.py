"""Rows for strata: by hand, at the ends, and never more than there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.stats.strata import allocate, design_effect_of_weights


def test_proportional_shares_by_largest_remainders() -> None:
    """10 of 50 + 30 + 20: 5, 3, 2; 7 of them: 3.5, 2.1, 1.4."""
    assert allocate([50, 30, 20], [50, 30, 20], 10, [1, 1, 1]) == [5, 3, 2]
    assert allocate([50, 30, 20], [50, 30, 20], 7, [1, 1, 1]) == [4, 2, 1]


def test_a_small_stratum_has_its_least_and_the_others_give_it() -> None:
    """20 of 980 + 15 + 5 with two each: the large one keeps 16."""
    assert allocate([980, 15, 5], [980, 15, 5], 20, [2, 2, 2]) == [16, 2, 2]


def test_what_a_stratum_cannot_give_the_others_do() -> None:
    assert allocate([4, 100, 100], [1, 1, 1], 30, [1, 1, 1]) == [4, 13, 13]
    assert allocate([1, 3], [1, 1], 4, [2, 2]) == [1, 3]


def test_neymans_shares_go_where_values_vary() -> None:
    """100·0.5 against 100·0.1: five to one."""
    assert allocate([100, 100], [50, 10], 60, [1, 1]) == [50, 10]


def test_strata_without_a_share_have_their_least_alone() -> None:
    assert allocate([10, 10], [0, 1], 6, [1, 1]) == [1, 5]
    assert allocate([10, 10], [0, 1], 14, [1, 1]) == [4, 10], "once the other has given all"


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0.01, 50), st.integers(1, 4)), min_size=1, max_size=8), st.data()
)
def test_rows_always_add_up_within_what_there_is(strata: list[tuple[int, float, int]], data: st.DataObject) -> None:
    sizes, shares, least = (list(one) for one in zip(*strata, strict=True))
    floors = [min(one, size) for one, size in zip(least, sizes, strict=True)]
    n = data.draw(st.integers(sum(floors), sum(sizes)))
    found = allocate(sizes, shares, n, least)
    assert sum(found) == n
    assert all(low <= rows <= size for low, rows, size in zip(floors, found, sizes, strict=True))


@pytest.mark.parametrize("n", [2, 61])
def test_numbers_that_do_not_fit_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} rows of 3 strata: from 3 to 60"):
        allocate([20, 20, 20], [1, 1, 1], n, [1, 1, 1])
    with pytest.raises(ValueError, match="one each"):
        allocate([20, 0], [1, 1], 5, [1, 1])


def test_equal_weights_cost_nothing_and_unequal_ones_what_kish_says() -> None:
    """Weights 1 and 3: 2·(1 + 9) / 16."""
    assert design_effect_of_weights([2.5, 2.5, 2.5]) == pytest.approx(1)
    assert design_effect_of_weights([1, 3]) == pytest.approx(1.25)
    with pytest.raises(ValueError, match="at least one, all above 0"):
        design_effect_of_weights([1, 0])
