from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from hanka.stats.mixture import TUNED_AT, MixtureSpread, always_valid, log_gain, stretched
from hanka.stats.sequential import BettingSpread
from hanka.stats.spreads import ScoreSpread, StudentSpread
from hanka.stats.unpaired import TwoSharesSpread

Z = stats.norm.ppf(0.975)


def test_what_a_bet_gains_is_the_integral_over_all_effects() -> None:
    # ρ² at α = 0.05 and t* = 2000; the gain is the mean over N(0, ρ²) of exp(effect·S - effect²·t/2), S = z·√t.
    square, t, z = (5.991464547 + math.log(6.991464547)) / 2000, 500, 2.3

    def gained(effect: float) -> float:
        return math.exp(effect * z * math.sqrt(t) - effect**2 * t / 2) * float(
            stats.norm.pdf(effect, 0, math.sqrt(square))
        )

    whole, _ = integrate.quad(gained, -1, 1, points=[0.0, 0.1])
    assert log_gain(z, t, 2000) == pytest.approx(math.log(whole), abs=1e-7)


def test_the_boundary_is_that_of_waudby_smith_and_others() -> None:
    # √{2(tρ² + 1)/(t²ρ²)·log(√(tρ² + 1)/α)} in units of 1/√t, at t = 1000, α = 0.05.
    square = (5.991464547 + math.log(6.991464547)) / 2000
    published = math.sqrt(2 * (1000 * square + 1) / (1000**2 * square) * math.log(math.sqrt(1000 * square + 1) / 0.05))
    assert stretched(Z, 1000, 2000) == pytest.approx(published * math.sqrt(1000))


def test_it_is_narrowest_near_the_units_it_was_tuned_for() -> None:
    widths = {tuned: stretched(Z, 2000, tuned) for tuned in (200, 1000, 2000, 4000, 20000)}
    assert min(widths, key=lambda tuned: widths[tuned]) == 2000
    assert widths[2000] > Z


@pytest.mark.parametrize(
    "inner", [TwoSharesSpread(60, 100, 40, 100), TwoSharesSpread(3, 80, 9, 90), StudentSpread(0.4, 0.11, 40.0)]
)
def test_interval_and_p_value_agree(inner: TwoSharesSpread | StudentSpread) -> None:
    spread = MixtureSpread(inner, 200, TUNED_AT)
    at_edge = -stats.norm.ppf(spread.p_value / 2)
    low, high = spread.interval(at_edge)
    assert min(abs(low), abs(high)) < 1e-6
    assert spread.p_value > inner.p_value


def test_paired_right_or_wrong_rows_are_bet_on() -> None:
    assert always_valid(ScoreSpread(12, 3, 40), 40) == BettingSpread(12, 3, 40)
    assert isinstance(always_valid(StudentSpread(0.1, 0.1, 9.0), 40), MixtureSpread)
    with pytest.raises(ValueError, match="at least 1"):
        always_valid(StudentSpread(0.1, 0.1, 9.0), 0)


def test_a_hundred_looks_without_effect_rarely_show_one() -> None:
    rng, most, wrong = np.random.default_rng(3), 1500, 0
    at = np.unique(np.geomspace(50, most, 100).astype(int))
    for _ in range(200):
        a, b = (np.cumsum(rng.random(most) < 0.3) for _ in range(2))
        wrong += any(
            abs(TwoSharesSpread(int(a[n - 1]), n, int(b[n - 1]), n).z) > stretched(Z, 2 * n, TUNED_AT)
            for n in map(int, at)
        )
    # 5 % plus two Monte-Carlo errors of 200 repetitions; looking at z > 1.96 instead finds something in a third of them.
    assert wrong / 200 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)
