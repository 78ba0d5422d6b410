"""Levels of knowledge have the published edges: 0 for nothing, i for shares in ((i-1)/4, i/4]."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.stats.levels import LEVELS, level_of


@pytest.mark.parametrize(
    ("share", "level"),
    [(0, 0), (1e-9, 1), (0.25, 1), (0.2500001, 2), (0.5, 2), (0.5000001, 3), (0.75, 3), (0.7500001, 4), (1, 4)],
)
def test_edges_are_exact(share: float, level: int) -> None:
    assert level_of(share) == level


@given(n=st.integers(1, 5000), data=st.data())
def test_a_share_of_samples_is_binned_as_its_fraction_is(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    exact = 0 if right == 0 else -(-4 * right // n)  # in whole numbers
    assert level_of(right / n) == exact
    assert 0 <= exact < LEVELS


@pytest.mark.parametrize("wrong", [-0.1, 1.0000001, math.nan, math.inf])
def test_what_is_no_share_has_no_level(wrong: float) -> None:
    with pytest.raises(ValueError, match="must be from 0 to 1"):
        level_of(wrong)
