from __future__ import annotations

import math

import pytest
from scipy import stats

from hanka.stats.score import mcnemar_mid_p, score_interval

Z = stats.norm.ppf(0.975)


def test_airway_hyper_responsiveness_matches_fagerland_lydersen_and_laake() -> None:
    # 21 children before and after transplantation; right with one alone: 1 and 7.
    assert score_interval(1, 7, 21, Z) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)


def test_without_discordance_the_interval_is_that_of_no_event() -> None:
    assert score_interval(0, 0, 40, Z) == pytest.approx((-(Z**2) / (40 + Z**2), Z**2 / (40 + Z**2)))


@pytest.mark.parametrize(
    ("only_a", "only_b", "n"), [(1, 0, 5), (4, 0, 40), (12, 3, 30), (0, 9, 9), (7, 7, 20), (90, 10, 100)]
)
def test_the_ends_are_where_the_score_test_turns(only_a: int, only_b: int, n: int) -> None:
    low, high = score_interval(only_a, only_b, n, Z)
    assert -1 <= low <= (only_a - only_b) / n <= high <= 1
    mirrored = score_interval(only_b, only_a, n, Z)
    assert (mirrored.low, mirrored.high) == pytest.approx((-high, -low))
    statistic = abs(only_a - only_b) / math.sqrt(only_a + only_b)
    if statistic:
        outer = score_interval(only_a, only_b, n, statistic * 1.001)
        assert outer.low < 0 < outer.high
        inner = score_interval(only_a, only_b, n, statistic * 0.999)
        assert inner.low > 0 or inner.high < 0


def test_the_whole_range_is_left_at_an_infinite_quantile() -> None:
    assert score_interval(3, 1, 9, math.inf) == (-1.0, 1.0)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (3, 3), (0, 6), (12, 30), (100, 60)])
def test_mid_p_is_the_binomial_test_less_half_of_what_was_seen(only_a: int, only_b: int) -> None:
    seen = stats.binom.pmf(only_a, only_a + only_b, 0.5)
    expected = stats.binomtest(only_a, only_a + only_b).pvalue - seen * (0.5 if only_a == only_b else 1)
    assert mcnemar_mid_p(only_a, only_b) == pytest.approx(expected)
    assert mcnemar_mid_p(only_a, only_b) == pytest.approx(mcnemar_mid_p(only_b, only_a))


def test_no_discordant_row_is_no_evidence() -> None:
    assert mcnemar_mid_p(0, 0) == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: score_interval(-1, 2, 9, Z),
        lambda: score_interval(6, 5, 9, Z),
        lambda: score_interval(1, 2, 9, 0.0),
        lambda: mcnemar_mid_p(-1, 2),
    ],
)
def test_counts_that_do_not_fit_raise(call) -> None:
    with pytest.raises(ValueError):
        call()
