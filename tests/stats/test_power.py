from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hanka.stats.paired import ComparisonSettings, compare, mcnemar_test
from hanka.stats.power import (
    minimum_detectable_difference,
    minimum_detectable_discordance,
    smallest_significant_count,
)
from hanka.stats.resampling import mean, plan_resampling


def test_half_a_standard_deviation_needs_34_pairs() -> None:
    # Standard worked example (Cohen 1988; G*Power): paired t, dz = 0.5, alpha 0.05 two-sided, power 0.80: n = 34.
    assert minimum_detectable_difference(1.0, 34) <= 0.5 < minimum_detectable_difference(1.0, 33)


@pytest.mark.parametrize(
    ("n", "alpha", "power"), [(2, 0.05, 0.8), (10, 0.01, 0.9), (250, 0.05, 0.8), (5000, 0.05, 0.8)]
)
def test_the_t_test_has_the_wanted_power_at_the_difference(n: int, alpha: float, power: float) -> None:
    difference = minimum_detectable_difference(2.0, n, alpha, power)
    noncentrality = difference / 2.0 * math.sqrt(n)
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    assert stats.nct.sf(critical, n - 1, noncentrality) == pytest.approx(power, abs=1e-6)


def test_the_difference_is_found_in_simulation_as_often_as_promised() -> None:
    rng, n = np.random.default_rng(0), 40
    difference = minimum_detectable_difference(1.0, n)
    p_values = stats.ttest_1samp(rng.normal(difference, 1.0, (3000, n)), 0, axis=1).pvalue
    assert np.mean(p_values < 0.05) == pytest.approx(0.8, abs=0.03)  # four standard errors


def test_the_discordance_is_found_by_mcnemar_as_often_as_promised() -> None:
    rng, n = np.random.default_rng(0), 100
    share = minimum_detectable_discordance(n)
    found = [mcnemar_test(rng.random(n) < share, np.zeros(n)).p_value <= 0.05 for _ in range(1500)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.042)  # four standard errors


@pytest.mark.parametrize(("alpha", "count"), [(0.05, 6), (0.01, 8), (0.0625, 5), (0.5, 2)])
def test_smallest_significant_count(alpha: float, count: int) -> None:
    assert smallest_significant_count(alpha) == count
    assert stats.binomtest(0, count).pvalue <= alpha < stats.binomtest(0, count - 1).pvalue


def test_without_any_discordance_the_answer_is_about_8_pairs() -> None:
    assert minimum_detectable_discordance(250) * 250 == pytest.approx(7.9, abs=0.1)
    assert minimum_detectable_discordance(5) == math.inf
    assert 0.9 < minimum_detectable_discordance(6) < 1


def test_the_fallback_is_larger_than_what_a_few_discordant_pairs_give() -> None:
    plan = plan_resampling(250, np.random.default_rng(0), resamples=2)
    right = np.ones(250)
    one_lost, settings = right.copy(), ComparisonSettings(binary=True)
    one_lost[0] = 0
    assert compare(right, right, mean, plan, settings).mde > compare(one_lost, right, mean, plan, settings).mde > 0
    wide = ComparisonSettings(span=100.0)
    assert compare(right, right, mean, plan, wide).mde == pytest.approx(100 * minimum_detectable_discordance(250))


def test_more_pairs_less_noise_and_less_power_detect_smaller_differences() -> None:
    reference = minimum_detectable_difference(1.0, 100)
    assert minimum_detectable_difference(1.0, 200) < reference
    assert minimum_detectable_difference(0.5, 100) == pytest.approx(reference / 2)
    assert minimum_detectable_difference(1.0, 100, power=0.6) < reference
    assert minimum_detectable_difference(1.0, 100, alpha=0.01) > reference


@pytest.mark.parametrize(
    "call",
    [
        lambda: minimum_detectable_difference(1.0, 1),
        lambda: minimum_detectable_difference(-1.0, 10),
        lambda: minimum_detectable_difference(float("nan"), 10),
        lambda: minimum_detectable_difference(1.0, 10, alpha=0.9, power=0.8),
        lambda: minimum_detectable_discordance(1),
        lambda: minimum_detectable_discordance(10, power=1.0),
    ],
)
def test_impossible_designs_raise(call) -> None:
    with pytest.raises(ValueError):
        call()
