from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hanka.stats.allocation import log_ratio_gain, ratio_p_value, ratio_p_value_at_any_look


def test_one_look_is_chi_square() -> None:
    # (5000 - 5100)²/5100 + (5200 - 5100)²/5100 = 3.9216.
    assert ratio_p_value([5000, 5200], [1, 1]) == pytest.approx(stats.chi2.sf(3.92157, 1), rel=1e-5)
    assert ratio_p_value([821, 1589], [1, 2]) == pytest.approx(
        stats.chisquare([821, 1589], [2410 / 3, 4820 / 3]).pvalue
    )
    assert ratio_p_value([0, 0], [1, 1]) == 1.0


def test_the_bet_is_the_dirichlet_multinomial_ratio() -> None:
    # Two units in arm one, prior Dirichlet(1, 1): mean of θ² is 1/3 against 1/4.
    assert log_ratio_gain([2, 0], [1, 1], concentration=2.0) == pytest.approx(math.log(4 / 3))
    # One unit says nothing: its chance is the same under both.
    assert log_ratio_gain([1, 0], [90, 10], concentration=7.0) == pytest.approx(0.0, abs=1e-12)


def test_its_gain_is_one_on_average_where_units_arrive_as_agreed() -> None:
    # All outcomes of six units: the sum of probability times gain is exactly 1.
    weights = (0.7, 0.3)
    whole = sum(
        math.comb(6, k) * weights[0] ** k * weights[1] ** (6 - k) * math.exp(log_ratio_gain([k, 6 - k], weights, 5.0))
        for k in range(7)
    )
    assert whole == pytest.approx(1.0)


def test_looking_a_hundred_times_alarms_no_oftener_than_stated() -> None:
    rng = np.random.default_rng(2)
    steps = np.cumsum(rng.multinomial(20, (0.5, 0.5), (400, 100)), axis=1)
    alarms = [any(ratio_p_value_at_any_look(counts.tolist(), (1, 1)) < 0.05 for counts in one[::5]) for one in steps]
    assert np.mean(alarms) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_a_lost_tenth_of_an_arm_is_found() -> None:
    assert ratio_p_value([5000, 4500], [1, 1]) < 1e-6
    assert ratio_p_value_at_any_look([5000, 4500], [1, 1]) < 1e-3


@pytest.mark.parametrize(("counts", "weights"), [([5], [1]), ([5, 5], [1, 0]), ([5, -1], [1, 1]), ([5, 5], [1, 1, 1])])
def test_counts_and_weights_that_do_not_fit_are_refused(counts: list[int], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="two arms or more"):
        ratio_p_value(counts, weights)
