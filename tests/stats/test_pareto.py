"""The front by hand, against its definition, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.stats import pareto_front


def test_a_front_by_hand() -> None:
    #        on        on        beaten    on        beaten (same first, less second)
    first = [0.0, 2.0, 1.0, 3.0, 2.0]
    second = [5.0, 3.0, 2.0, 0.0, 1.0]
    assert pareto_front(first, second).tolist() == [True, True, False, True, False]


def test_options_that_tie_on_both_scales_are_on_the_front_together() -> None:
    assert pareto_front([1, 1, 0], [1, 1, 1]).tolist() == [True, True, False]


def test_one_option_alone_is_the_front() -> None:
    assert pareto_front([-3.0], [-1.0]).tolist() == [True]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_it_is_what_the_definition_says(points: list[tuple[int, int]]) -> None:
    found = pareto_front([a for a, _ in points], [b for _, b in points])
    wanted = [not any(c >= a and d >= b and (c > a or d > b) for c, d in points) for a, b in points]
    assert found.tolist() == wanted


def test_resamples_are_fronts_of_their_own() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (6, 40)), rng.integers(0, 5, (6, 40))
    together = pareto_front(first, second)
    for place in range(40):
        assert together[:, place].tolist() == pareto_front(first[:, place], second[:, place]).tolist()


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [1.0, 2.0]), ([np.nan], [1.0]), ([1.0], [np.inf])])
def test_what_cannot_be_ordered_is_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="scale"):
        pareto_front(first, second)
