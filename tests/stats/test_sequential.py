from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import special

from hanka.stats import BettingSpread, Looks, NoSpread, ScoreSpread, StudentSpread, e_value, looked, planned_looks
from hanka.stats.sequential import FARTHEST, SpendingSpread, boundaries, log_fortune

TWENTY = tuple(look / 20 for look in range(1, 21))


def test_an_e_value_by_hand() -> None:
    assert e_value(0, 0) == pytest.approx(1)
    assert e_value(3, 0) == pytest.approx(8 / 4)  # 2^3 · B(4, 1)
    assert e_value(5, 1) == pytest.approx(64 * math.factorial(5) / math.factorial(7))
    assert e_value(5000, 0) == math.inf


def test_a_fortune_against_no_difference_by_hand() -> None:
    assert math.exp(log_fortune(3, 0, 9, 0.0)) == pytest.approx((2**4 - 1) / 4)  # the mean of (1 + λ)³ over stakes
    assert math.exp(log_fortune(0, 2, 9, 0.0)) == pytest.approx(1 / 3)  # of (1 - λ)²
    assert math.exp(log_fortune(0, 0, 9, 0.0)) == pytest.approx(1)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (4, 1), (30, 12), (900, 700), (12_000, 11_500)])
def test_the_e_value_is_the_mean_of_both_fortunes(only_a: int, only_b: int) -> None:
    n = only_a + only_b + 10
    up, down = (math.exp(log_fortune(*pair, n, 0.0)) for pair in ((only_a, only_b), (only_b, only_a)))
    assert (up + down) / 2 == pytest.approx(e_value(only_a, only_b), rel=1e-7)


@pytest.mark.parametrize(("share_a", "share_b"), [(0.3, 0.1), (0.1, 0.3), (0.05, 0.05), (0.6, 0.35)])
def test_no_stake_gains_where_the_difference_is_the_true_one(share_a: float, share_b: float) -> None:
    chances = {1: share_a, -1: share_b, 0: 1 - share_a - share_b}
    mean = 0.0
    for rows in itertools.product(chances, repeat=6):
        chance = math.prod(chances[row] for row in rows)
        mean += chance * math.exp(log_fortune(rows.count(1), rows.count(-1), 6, share_a - share_b))
    assert mean == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("counts", [(60, 20, 200), (3, 3, 40), (0, 0, 50), (40, 0, 40), (0, 7, 7), (400, 300, 5000)])
def test_an_interval_is_its_own_test(counts: tuple[int, int, int]) -> None:
    spread = BettingSpread(*counts)
    for level in (0.5, 0.8, 0.95, 0.999):
        z = -float(special.ndtri((1 - level) / 2))
        low, high = spread.interval(z)
        assert -1 <= low <= (counts[0] - counts[1]) / counts[2] <= high <= 1
        assert (low > 0 or high < 0) == (spread.p_value < 1 - level)
        narrower = spread.interval(z * 0.9)
        assert low <= narrower.low <= narrower.high <= high
    mirrored = BettingSpread(counts[1], counts[0], counts[2]).interval(1.96)
    assert mirrored == pytest.approx((-spread.interval(1.96).high, -spread.interval(1.96).low), abs=1e-8)


def test_looking_often_costs_width_and_equality_can_still_be_shown() -> None:
    once, often = ScoreSpread(60, 30, 400).interval(1.96), BettingSpread(60, 30, 400).interval(1.96)
    assert often.low < once.low < once.high < often.high
    assert BettingSpread(0, 0, 600).interval(1.96).high < 0.03
    assert BettingSpread(0, 0, 60).interval(1.96).high > 0.05


@pytest.mark.parametrize(("share_a", "share_b"), [(0.1, 0.1), (0.02, 0.02), (0.25, 0.10)])
def test_intervals_hold_at_all_looks_together(share_a: float, share_b: float) -> None:
    rng, truth, left = np.random.default_rng(5), share_a - share_b, 0
    for study in range(200):
        rows = rng.choice([1, -1, 0], 500, p=[share_a, share_b, 1 - share_a - share_b])
        out = []
        for n in range(50, 501, 50):
            a, b = int((rows[:n] == 1).sum()), int((rows[:n] == -1).sum())
            out.append(max(log_fortune(a, b, n, truth), log_fortune(b, a, n, -truth)) > math.log(2 / 0.05))
            if study % 50 == 0:
                low, high = BettingSpread(a, b, n).interval(-float(special.ndtri(0.025)))
                assert out[-1] == (not low <= truth <= high)
        left += any(out)
    assert left <= 200 * (0.05 + 2 * math.sqrt(0.05 * 0.95 / 200))


def test_a_look_without_new_rows_spends_nothing() -> None:
    levels, bounds = boundaries((0.5, 0.5, 1.0))
    plain_levels, plain = boundaries((0.5, 1.0))
    assert (bounds[:, 1] == FARTHEST).all()
    assert levels == pytest.approx(plain_levels, abs=0)
    assert bounds[:, [0, 2]] == pytest.approx(plain, abs=0)


def test_boundaries_are_the_published_ones() -> None:
    """Source: Lan & DeMets (1983), O'Brien-Fleming type, five equal looks, two-sided 0.05."""
    levels, bounds = boundaries((0.2, 0.4, 0.6, 0.8, 1.0))
    at = [float(np.interp(1.959964, -special.ndtri(levels / 2), bounds[:, look])) for look in range(5)]
    assert at == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-3)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_spending_keeps_the_error_over_twenty_looks(alpha: float) -> None:
    levels, bounds = boundaries(TWENTY)
    needed = np.array([np.interp(-special.ndtri(alpha / 2), -special.ndtri(levels / 2), row) for row in bounds.T])
    steps = np.random.default_rng(2).standard_normal((40_000, 20))
    scores = steps.cumsum(axis=1) / np.sqrt(np.arange(1, 21))
    share = float((np.abs(scores) > needed).any(axis=1).mean())
    assert share == pytest.approx(alpha, abs=3 * math.sqrt(alpha / 40_000) + 0.02 * alpha)
    assert (np.diff(needed) < 0).all()


@pytest.mark.parametrize("at", [0, 4, 12, 19])
@pytest.mark.parametrize("delta", [0.0, 0.05, -0.12, 0.3])
def test_a_spending_interval_is_its_own_test(at: int, delta: float) -> None:
    spread = SpendingSpread(StudentSpread(delta, 0.03, 80, 81), Looks(TWENTY, at), 1.0)
    for level in (0.8, 0.95, 0.995):
        low, high = spread.interval(-float(special.ndtri((1 - level) / 2)))
        assert low <= delta <= high
        assert (low > 0 or high < 0) == (spread.p_value < 1 - level)
    assert spread.error == 0.03


def test_spending_never_exceeds_what_is_possible() -> None:
    low, high = SpendingSpread(StudentSpread(0.1, 0.2, 9, 10), Looks(TWENTY, 0), 0.5).interval(2.5)
    assert (low, high) == (-0.5, 0.5)


def test_one_look_costs_nothing() -> None:
    for spread in (ScoreSpread(5, 2, 40), StudentSpread(0.1, 0.02, 39, 40), NoSpread(1.0, 40)):
        assert looked(spread, Looks((1.0,), 0), 1.0) is spread


def test_nothing_that_differs_is_no_evidence_at_any_look() -> None:
    spread = looked(NoSpread(1.0, 200), Looks(TWENTY, 3), 1.0)
    assert spread.p_value == 1
    low, high = spread.interval(1.96)
    assert low < 0 < high


def test_looks_follow_the_information_of_sets_that_count_equally() -> None:
    assert planned_looks([100], [500], 50) == Looks(tuple(pytest.approx(look / 10) for look in range(1, 11)), 1)
    shares, at = planned_looks([100, 100], [100, 300], 100)  # the small set is asked whole at the first look
    # information is the inverse of 1/100 + 1/n: 50, 66.7, 75
    assert shares == pytest.approx((50 / 75, 66.6667 / 75, 1.0), abs=1e-5)
    assert at == 0
    assert planned_looks([100, 201], [100, 300], 100).at == 2
    assert planned_looks([40], [40], 50) == Looks((1.0,), 0)


@pytest.mark.parametrize(("asked", "most", "block"), [([], [], 50), ([1], [0], 50), ([1], [9], 0)])
def test_looks_without_rows_are_refused(asked: list[int], most: list[int], block: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        planned_looks(asked, most, block)


@pytest.mark.parametrize(("counts", "delta"), [((3, 2, 4), 0.0), ((-1, 2, 4), 0.0), ((1, 1, 4), 1.0)])
def test_counts_that_do_not_fit_are_refused(counts: tuple[int, int, int], delta: float) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        log_fortune(*counts, delta)


@pytest.mark.parametrize("shares", [(0.5, 0.4, 1.0), (0.0, 1.0), (0.5, 0.9)])
def test_shares_of_information_that_do_not_ascend_to_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must ascend to 1"):
        boundaries(shares)
