from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.intervals import wilson_interval
from hanka.stats.misclassified import Hits, corrected_rate, tells_apart


def test_a_rate_is_corrected_by_rogan_and_gladen() -> None:
    found = corrected_rate(Hits(300, 1000), Hits(80, 100), Hits(90, 100))
    assert found.value == pytest.approx((0.3 + 0.9 - 1) / (0.8 + 0.9 - 1))
    assert found.low < found.value < found.high


def test_a_judge_that_never_errs_leaves_the_rate_as_it_is() -> None:
    found, plain = corrected_rate(Hits(120, 400), Hits(10**7, 10**7), Hits(10**7, 10**7)), wilson_interval(120, 400)
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx(plain, abs=2e-3)


def test_a_rate_below_what_the_judge_flags_wrongly_is_zero_and_still_bounded() -> None:
    found = corrected_rate(Hits(2, 200), Hits(45, 50), Hits(45, 50))
    assert found.value == 0.0
    assert found.low == 0.0
    assert found.high == pytest.approx(wilson_interval(2, 200).high)


@pytest.mark.parametrize(
    ("found", "left"), [(Hits(25, 50), Hits(25, 50)), (Hits(3, 5), Hits(30, 50)), (Hits(0, 9), Hits(0, 9))]
)
def test_a_judge_that_cannot_tell_corrects_nothing(found: Hits, left: Hits) -> None:
    assert not tells_apart(found, left)
    with pytest.raises(ValueError, match="no more often"):
        corrected_rate(Hits(50, 100), found, left)


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="5 of 4"):
        corrected_rate(Hits(5, 4), Hits(9, 10), Hits(9, 10))
    with pytest.raises(ValueError, match="both kinds"):
        corrected_rate(Hits(1, 4), Hits(0, 0), Hits(9, 10))


def test_the_interval_covers_the_true_rate() -> None:
    rng, times, rate, se, sp = np.random.default_rng(5), 400, 0.2, 0.85, 0.95
    held = []
    for _ in range(times):
        flags = int(rng.binomial(600, rate * se + (1 - rate) * (1 - sp)))
        n_so = int(rng.binomial(120, rate))
        found, left = Hits(int(rng.binomial(n_so, se)), n_so), Hits(int(rng.binomial(120 - n_so, sp)), 120 - n_so)
        one = corrected_rate(Hits(flags, 600), found, left)
        held.append(one.low <= rate <= one.high)
    assert abs(np.mean(held) - 0.95) <= 0.02 + 2 * math.sqrt(0.95 * 0.05 / times)
