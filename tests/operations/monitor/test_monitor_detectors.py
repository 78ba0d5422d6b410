"""Detectors by hand, and where the truth is known: false alarms below what is stated, rises found when stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hanka.operations.monitor.detectors import Detector, Rise, detector_of, rows_to_find, weight
from hanka.stats.sequential import log_fortune

RISE = Rise(bound=0.2, risen=0.3, alpha=0.1, period=50)


def test_the_weights_of_all_windows_sum_to_less_than_one() -> None:
    # Σ over the first n, and the tail ∫ dx/(x·ln² x) = 1/ln(n + 1) over TOTAL
    n = 100_000
    assert 0.99 < sum(map(weight, range(1, n + 1))) + 1 / math.log(n + 1.5) / 2.10975 < 1


def test_cusum_by_hand() -> None:
    found = Detector(RISE).add(30, 100)
    # 30·ln(0.3/0.2) + 70·ln(0.7/0.8) = 2.8164; an alarm at ln(2·50/0.1) = 6.9078
    assert found.cusum == pytest.approx((30 * math.log(1.5) + 70 * math.log(0.875)) / math.log(1000))
    detector = Detector(RISE)
    detector.add(0, 100)
    assert detector.total < 0
    assert detector.add(30, 100).cusum == pytest.approx(found.cusum), "what was good before does not weigh"


def test_betting_by_hand() -> None:
    found = Detector(RISE).add(40, 100)
    assert found.betting == pytest.approx((math.log(weight(1)) + log_fortune(40, 0, 100, 0.2)) / math.log(20))
    assert Detector(RISE).add(20, 100).betting == 0, "no more bad rows than allowed is no evidence"


def test_cusum_begins_anew_after_a_period() -> None:
    detector = Detector(Rise(0.2, 0.3, 0.1, 2))
    detector.add(30, 100)
    assert detector.total > 0
    detector.add(30, 100)
    assert detector.total == 0


def test_bets_are_few_however_many_windows() -> None:
    detector = Detector(RISE)
    for _ in range(600):
        detector.add(1, 10)
    starts = [at for at, _, _ in detector.starts or []]
    assert len(starts) < 40
    assert starts[-4:] == [597, 598, 599, 600]
    assert starts[0] == 1, "a rise that was there from the beginning is bet on from the beginning"


def test_a_stored_detector_goes_on_like_one_that_was_not() -> None:
    rng, whole, stored = np.random.default_rng(0), Detector(RISE), None
    for _ in range(40):
        bad = int(rng.binomial(50, 0.25))
        detector = detector_of(RISE, stored)
        assert detector.add(bad, 50) == whole.add(bad, 50)
        stored = detector.as_json()


def test_without_a_rise_alarms_are_rarer_than_stated() -> None:
    rng, times = np.random.default_rng(1), 60
    # at the bound itself, where most alarms are; the whole grid is in benchmarks/monitor_alarms.py
    rise = Rise(0.2, 0.3, 0.2, 25)
    false = 0
    for _ in range(times):
        detector = Detector(rise)
        false += any(max(detector.add(int(bad), 40)[:2]) >= 1 for bad in rng.binomial(40, 0.2, 25))
    assert false <= stats.binom.ppf(0.99, times, 0.2)


@pytest.mark.parametrize("begins", [0, 12, 47])
def test_a_rise_is_found_within_the_stated_rows(begins: int) -> None:
    rng, times, per_window = np.random.default_rng(2), 60, 50
    stated = rows_to_find(RISE, 0.35, begins + 1, per_window)
    assert stated is not None
    in_time = 0
    for _ in range(times):
        detector = Detector(RISE)
        for bad in rng.binomial(per_window, 0.15, begins):
            detector.add(int(bad), per_window)
        windows = math.ceil(stated / per_window)
        in_time += any(
            max(detector.add(int(bad), per_window)[:2]) >= 1 for bad in rng.binomial(per_window, 0.35, windows)
        )
    assert in_time >= stats.binom.ppf(0.01, times, 0.9)


def test_a_rise_that_cusums_end_cuts_in_two_is_found_later() -> None:
    # of 50 windows four are left, and cusum would find the rise in more; what it gathered before it begins anew is lost
    whole, cut = rows_to_find(RISE, 0.35, 47), rows_to_find(RISE, 0.35, 47, 20)
    assert whole is not None
    assert cut is not None
    assert whole > 4 * 20
    assert whole < cut <= whole + 4 * 20
    assert rows_to_find(RISE, 0.35, 47, 1000) == rows_to_find(RISE, 0.35, 47), "found before the end"


def test_what_never_is_found_has_no_delay() -> None:
    assert rows_to_find(RISE, 0.2, 1) is None
    assert rows_to_find(RISE, 0.3, 1) is not None


@pytest.mark.parametrize(("bad", "n"), [(2, 1), (-1, 5)])
def test_counts_that_do_not_fit_are_refused(bad: int, n: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Detector(RISE).add(bad, n)


@pytest.mark.parametrize(
    "wrong", [(0.0, 0.3, 0.1, 5), (0.3, 0.3, 0.1, 5), (0.2, 1.0, 0.1, 5), (0.2, 0.3, 1.0, 5), (0.2, 0.3, 0.1, 0)]
)
def test_a_rise_that_is_none_is_refused(wrong: tuple[float, float, float, int]) -> None:
    with pytest.raises(ValueError, match="bound < risen"):
        Rise(*wrong)
