from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hanka.stats.resampling import FloatArray
from hanka.stats.unpaired import TwoSharesSpread, mean_difference, parts, shares_given

Z = stats.norm.ppf(0.975)


@pytest.mark.parametrize(
    ("counts", "ends"),
    [
        ((56, 70, 48, 80), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1700, 0.8406)),
        ((10, 10, 0, 10), (0.6636, 1.0)),
        ((10, 10, 0, 20), (0.7156, 1.0)),
    ],
)
def test_score_intervals_are_those_of_newcombes_table(
    counts: tuple[int, int, int, int], ends: tuple[float, float]
) -> None:
    # Newcombe (1998), "Interval estimation for the difference between independent proportions", Table II, method 4.
    assert TwoSharesSpread(*counts).interval(Z) == pytest.approx(ends, abs=6e-5)


def test_the_statistic_at_no_difference_is_the_pooled_one() -> None:
    # 60 of 100 against 45 of 100: pooled share 0.525, z = 0.15 / √(0.525·0.475·2/100), times √(199/200).
    spread = TwoSharesSpread(60, 100, 45, 100)
    pooled = 0.15 / math.sqrt(0.525 * 0.475 * 2 / 100)
    assert spread.z == pytest.approx(pooled * math.sqrt(199 / 200))
    assert spread.p_value == pytest.approx(2 * stats.norm.sf(spread.z))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.data(), st.floats(-0.98, 0.98))
def test_shares_under_a_difference_are_the_most_likely_ones(
    n_a: int, n_b: int, data: st.DataObject, delta: float
) -> None:
    right_a, right_b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    spread = TwoSharesSpread(right_a, n_a, right_b, n_b)
    share_a, share_b = shares_given(spread, delta)
    assert share_a - share_b == pytest.approx(delta, abs=1e-9)
    grid = np.linspace(max(0.0, -delta), min(1.0, 1 - delta), 2001)
    best = log_likelihood(spread, grid + delta, grid).max()
    least = best - 1e-7 * (n_a + n_b)  # where roots of the cubic meet, its closed form has eight digits
    assert log_likelihood(spread, np.array([share_a]), np.array([share_b]))[0] >= least


def log_likelihood(spread: TwoSharesSpread, share_a: FloatArray, share_b: FloatArray) -> FloatArray:
    right_a, n_a, right_b, n_b = spread
    terms = ((right_a, share_a), (n_a - right_a, 1 - share_a), (right_b, share_b), (n_b - right_b, 1 - share_b))
    return np.asarray(sum(count * np.log(np.maximum(share, 1e-12)) for count, share in terms))


@settings(max_examples=40)
@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_an_interval_excludes_nothing_exactly_where_its_test_rejects(n_a: int, n_b: int, data: st.DataObject) -> None:
    spread = TwoSharesSpread(data.draw(st.integers(0, n_a)), n_a, data.draw(st.integers(0, n_b)), n_b)
    low, high = spread.interval(Z)
    assert -1 <= low <= spread.delta + 1e-9
    assert spread.delta - 1e-9 <= high <= 1
    if abs(abs(spread.z) - Z) > 1e-6:
        assert (low > 0 or high < 0) == (abs(spread.z) > Z)
    mirrored = TwoSharesSpread(spread.right_b, n_b, spread.right_a, n_a).interval(Z)
    assert (mirrored.low, mirrored.high) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(11, 10, 0, 10), (0, 0, 1, 2), (-1, 5, 1, 2)])
def test_counts_that_do_not_fit_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="counts do not fit"):
        TwoSharesSpread(*counts).interval(Z)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 30), rng.normal(0, 3, 12)
    found, reference = mean_difference(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert found is not None
    assert found.p_value == pytest.approx(reference.pvalue)
    ends = reference.confidence_interval(0.95)
    assert found.interval(Z) == pytest.approx((ends.low, ends.high))


def test_one_variance_for_both_is_used_where_it_is_wider() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 3, 30), rng.normal(0, 1, 12)
    found, reference = mean_difference(a, b), stats.ttest_ind(a, b)
    assert found is not None
    assert found.p_value == pytest.approx(reference.pvalue)
    assert found.p_value > stats.ttest_ind(a, b, equal_var=False).pvalue


def test_a_small_group_without_a_rare_event_is_not_sure_of_it() -> None:
    # 1 of 200 units is worth 1: 100 units see none of it in 61 of 100 draws, and have no variance of their own.
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(300):
        found = mean_difference(rng.random(100) < 0.005, rng.random(1900) < 0.005)
        wrong += found is not None and found.p_value < 0.05
    assert wrong / 300 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e9])
def test_a_difference_does_not_depend_on_the_unit_of_measurement(unit: float) -> None:
    found, plain = mean_difference([1 * unit, 3 * unit], [2 * unit, 9 * unit]), mean_difference([1, 3], [2, 9])
    assert found is not None
    assert plain is not None
    assert found.p_value == pytest.approx(plain.p_value)
    assert mean_difference([0.1 * unit] * 7, [0.3 * unit] * 9) is None


def test_what_does_not_vary_has_no_spread_and_what_is_no_number_is_refused() -> None:
    assert mean_difference([1.0, 1.0, 1.0], [2.0, 2.0]) is None
    assert mean_difference([1.0], [2.0, 3.0]) is None
    with pytest.raises(ValueError, match="not finite"):
        mean_difference([1.0, math.nan], [1.0, 2.0])


def test_units_count_equally_or_their_rows_do() -> None:
    sums, sizes = [3.0, 1.0, 0.0], [3, 1, 4]
    assert parts(sums, sizes, by_rows=False).tolist() == [1.0, 1.0, 0.0]
    # Leaving a unit out: (4 - 3) / 5, (4 - 1) / 7, 4 / 4; pseudo-values 3·0.5 - 2·that.
    assert parts(sums, sizes, by_rows=True).tolist() == pytest.approx([1.5 - 0.4, 1.5 - 6 / 7, 1.5 - 2.0])


@pytest.mark.parametrize(("n", "rate", "most"), [(100, 0.5, 0.0561), (200, 0.5, 0.0525), (200, 0.05, 0.0525)])
def test_the_size_of_the_test_of_two_shares_worked_out_over_all_outcomes(n: int, rate: float, most: float) -> None:
    counts = [k for k in range(n + 1) if stats.binom.pmf(k, n, rate) > 1e-6]
    chance = {k: stats.binom.pmf(k, n, rate) for k in counts}
    size = sum(chance[a] * chance[b] for a in counts for b in counts if abs(TwoSharesSpread(a, n, b, n).z) > Z)
    assert 0.04 < size <= most
