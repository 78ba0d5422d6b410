"""Spearman against scipy and by hand; its interval and p-value by what they must do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hanka.stats import rank_correlation, rank_difference, spearman


def test_by_hand() -> None:
    # ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 · 4 / (5 · 24)
    assert spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 500]) == pytest.approx(0.8)


def test_ties_get_average_ranks_like_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(0, 4, 9), rng.integers(0, 4, 9)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_perfect_order_has_a_small_p_and_its_interval_touches_the_end() -> None:
    found = rank_correlation(np.arange(8), np.arange(8) ** 2, np.random.default_rng(0))
    assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 8)
    assert found.p_value < 0.005
    few = rank_correlation(np.arange(20), np.arange(20), np.random.default_rng(0), resamples=9)
    assert few.p_value == 1 / 10  # never 0: the order itself is one of the permutations
    assert rank_correlation(np.arange(8), -np.arange(8), np.random.default_rng(0)).value == -1.0


def test_the_p_value_is_that_of_all_permutations() -> None:
    # |rho| of 5 units reaches 0.9 in 10 of 120 orders: 1 with 1, 4 with 0.9, and their opposites.
    found = rank_correlation([1, 2, 3, 4, 5], [1, 2, 3, 5, 4], np.random.default_rng(1), resamples=20_000)
    assert found.p_value == pytest.approx(10 / 120, abs=0.006)


def test_p_values_of_unrelated_values_are_uniform() -> None:
    rng = np.random.default_rng(2)
    p = [rank_correlation(rng.normal(size=8), rng.normal(size=8), rng, resamples=200).p_value for _ in range(300)]
    assert 0.02 < np.mean(np.array(p) < 0.1) < 0.18
    assert 0.4 < np.mean(p) < 0.6


def test_the_same_stream_gives_the_same_numbers() -> None:
    x, y = [3, 1, 4, 1.5, 9, 2.6], [2, 7, 1, 8, 2.8, 1.8]
    assert rank_correlation(x, y, np.random.default_rng(3)) == rank_correlation(x, y, np.random.default_rng(3))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [([1, 2, 3, 4], [1, 2, 3, 4], "4 units"), ([1] * 5, [1, 2, 3, 4, 5], "all equal"), ([1, 2], [1], "one each")],
)
def test_too_few_or_constant_values_are_refused(x: list[float], y: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rank_correlation(x, y, np.random.default_rng(0))


def test_a_value_that_orders_as_the_third_does_is_ahead_of_one_that_runs_against_it() -> None:
    x = np.arange(8)
    found = rank_difference((x, -x), x**2, np.random.default_rng(0))
    assert (found.value, found.low, found.high, found.n) == (2.0, 2.0, 2.0, 8)
    same = rank_difference((x, 3 * x), [3, 1, 4, 1.5, 9, 2.6, 5, 3.5], np.random.default_rng(0))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_the_difference_is_that_of_both_coefficients_on_the_same_resamples() -> None:
    rng = np.random.default_rng(1)
    x, other, y = rng.normal(size=(3, 12))
    found = rank_difference((x, other), y, np.random.default_rng(2))
    assert found.value == pytest.approx(spearman(x, y) - spearman(other, y))
    turned = rank_difference((other, x), y, np.random.default_rng(2))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_two_values_that_go_with_a_third_alike_are_rarely_told_apart() -> None:
    rng, missed = np.random.default_rng(3), 0
    for _ in range(200):
        y = rng.normal(size=12)
        found = rank_difference((y + rng.normal(size=12), y + rng.normal(size=12)), y, rng, resamples=300)
        missed += not found.low <= 0 <= found.high
    assert missed / 200 < 0.12  # 0.05 and the shortness of a bootstrap of twelve units


def test_few_or_constant_values_have_no_difference() -> None:
    with pytest.raises(ValueError, match="4 units"):
        rank_difference(([1, 2, 3, 4], [4, 2, 3, 1]), [1, 2, 3, 4], np.random.default_rng(0))
    with pytest.raises(ValueError, match="all equal"):
        rank_difference(([1] * 5, [1, 2, 3, 4, 5]), [1, 2, 3, 4, 5], np.random.default_rng(0))
