from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.intervals import wilson_interval
from hanka.stats.misclassified import Hits, corrected_rate, hits_of, tells_apart


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


def test_rows_of_one_text_are_worth_less_and_one_text_is_one_trial() -> None:
    assert hits_of([True, False, False], ()) == Hits(1, 3)
    assert hits_of([True, False, False], ("", "", "")) == Hits(1, 3)
    assert hits_of([True] * 4, ["g"] * 4) == Hits(4, 4, 4.0)
    assert hits_of([], []) == Hits(0, 0)
    alike = hits_of([at < 50 for at in range(200)], [f"g{at // 5}" for at in range(200)])
    assert alike.effect == pytest.approx(5, rel=0.1)


def test_the_upper_bound_of_rows_of_one_text_holds_at_its_level() -> None:
    """As a gate reads it: one-sided at 0.05. Texts of five rows that are wholly alike, where counting rows misses the truth in one of five."""
    rng, times, rate, n_texts, labelled, size = np.random.default_rng(3), 250, 0.2, 60, 40, 5
    missed = {"rows": 0, "texts": 0}
    groups = np.repeat([f"g{at}" for at in range(n_texts)], size)
    for _ in range(times):
        so = np.repeat(rng.random(labelled) < rate, size)
        right = np.repeat(rng.random(labelled) < np.where(so[::size], 0.85, 0.95), size)
        flags = np.repeat(rng.random(n_texts) < rate * 0.85 + (1 - rate) * 0.05, size)
        seen = [(flags, groups), (right[so], groups[: len(so)][so]), (right[~so], groups[: len(so)][~so])]
        for way in missed:
            counts = [hits_of(a.tolist(), b.tolist() if way == "texts" else ()) for a, b in seen]
            try:
                missed[way] += corrected_rate(counts[0], counts[1], counts[2], 0.9).high < rate
            except ValueError:  # nothing is corrected, and nothing passes
                continue
    assert missed["rows"] / times > 0.15
    assert missed["texts"] / times <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / times)
