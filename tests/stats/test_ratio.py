from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from hanka.stats import Moments, ratio_interval


def test_the_ends_solve_fiellers_equation_by_hand() -> None:
    """(3 - 2 r)^2 = t^2 (0.04 - 2 · 0.01 r + 0.09 r^2) at both ends, t of 10 degrees of freedom."""
    found = ratio_interval(Moments(3.0, 2.0, 0.04, 0.09, 0.01, 10))
    assert found is not None
    t = special.stdtrit(10, 0.975)
    for end in found:
        assert (3 - 2 * end) ** 2 == pytest.approx(t**2 * (0.04 - 0.02 * end + 0.09 * end**2))
    assert found.low < 1.5 < found.high


def test_a_known_denominator_gives_the_plain_interval() -> None:
    found = ratio_interval(Moments(1.0, 2.0, 0.01, 0.0, 0.0, math.inf), 0.9)
    z = special.ndtri(0.95)
    assert found == pytest.approx((0.5 - z * 0.05, 0.5 + z * 0.05))


def test_equal_estimates_that_vary_as_one_have_a_ratio_of_one() -> None:
    found = ratio_interval(Moments(0.3, 0.3, 0.01, 0.01, 0.01, 50))
    assert found == pytest.approx((1.0, 1.0))


def test_a_denominator_that_may_be_zero_gives_no_interval() -> None:
    assert ratio_interval(Moments(0.3, 0.1, 0.01, 0.00261, 0.0, math.inf)) is None  # z² = 3.84
    assert ratio_interval(Moments(0.3, 0.1, 0.01, 0.0026, 0.0, math.inf)) is not None


def test_it_covers_the_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    n, hits, rounds = 60, 0, 2000
    for _ in range(rounds):
        shared = rng.normal(size=n)
        top, bottom = 0.4 + shared + 0.5 * rng.normal(size=n), 0.8 + shared + 0.5 * rng.normal(size=n)
        spread = np.cov(top, bottom) / n
        found = ratio_interval(Moments(top.mean(), bottom.mean(), spread[0, 0], spread[1, 1], spread[0, 1], n - 1))
        hits += found is None or found.low <= 0.5 <= found.high
    assert hits / rounds == pytest.approx(0.95, abs=0.015)  # three Monte-Carlo errors


@pytest.mark.parametrize("wrong", [(math.nan, 1, 1, 1, 0, 5), (1, 1, -1, 1, 0, 5), (1, 1, 1, 1, 0, 0)])
def test_what_is_no_number_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="need finite estimates"):
        ratio_interval(Moments(*wrong))
