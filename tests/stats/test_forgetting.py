from __future__ import annotations

import numpy as np
import pytest

from hanka.stats.forgetting import chance_adjusted, count_flips
from hanka.stats.intervals import wilson_interval
from hanka.stats.resampling import plan_resampling


def plan_of(n: int, cluster=None):
    return plan_resampling(n, np.random.default_rng(0), cluster, 500)


def test_flips_are_counted_by_direction_with_wilson_intervals() -> None:
    before, after = [1, 1, 1, 0, 0, 1, 0, 1, 1, 1], [0, 0, 1, 1, 0, 1, 0, 1, 0, 1]
    flips = count_flips(before, after, plan_of(10))
    assert (flips.n, flips.n_right_to_wrong, flips.n_wrong_to_right) == (10, 3, 1)
    assert (flips.right_to_wrong.value, flips.wrong_to_right.value) == (0.3, 0.1)
    assert (flips.right_to_wrong.low, flips.right_to_wrong.high) == wilson_interval(3, 10)
    assert flips.adjusted_right_to_wrong is None


def test_flips_differ_by_the_change_of_accuracy() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(200) < 0.7, rng.random(200) < 0.6
    flips = count_flips(before, after, plan_of(200))
    assert flips.right_to_wrong.value - flips.wrong_to_right.value == pytest.approx(before.mean() - after.mean())


def test_the_base_against_itself_forgets_exactly_nothing() -> None:
    scores = np.random.default_rng(0).random(100) < 0.5
    flips = count_flips(scores, scores, plan_of(100), n_labels=2)
    assert flips.right_to_wrong.value == flips.wrong_to_right.value == 0
    assert flips.adjusted_right_to_wrong is not None
    assert (flips.adjusted_right_to_wrong.value, flips.adjusted_right_to_wrong.high) == (0, 0)


@pytest.mark.parametrize("n_labels", [2, 3, 5])
def test_two_guessers_forget_nothing_beyond_chance(n_labels: int) -> None:
    rng = np.random.default_rng(n_labels)
    n = 20_000
    before, after = rng.random((2, n)) < 1 / n_labels
    flips = count_flips(before, after, plan_of(n), n_labels)
    assert flips.right_to_wrong.value > 0.15  # what the raw share claims
    assert flips.adjusted_right_to_wrong is not None
    assert flips.adjusted_right_to_wrong.value < 0.01  # about two standard errors of the raw share


def test_adjusting_takes_off_the_flips_of_independent_guessing() -> None:
    # 30 % known and kept, 20 % known and then guessed, 50 % guessed twice; three labels.
    rng, n, c = np.random.default_rng(0), 60_000, 3
    kind = rng.choice(3, n, p=[0.3, 0.2, 0.5])
    before = (kind < 2) | (rng.random(n) < 1 / c)
    after = (kind == 0) | (rng.random(n) < 1 / c)
    flips = count_flips(before, after, plan_of(n), n_labels=c)
    guessed = 0.5 / c * (1 - 1 / c)
    expected = 0.2 * (1 - 1 / c) + guessed - (1 - before.mean()) * (1 - after.mean()) / (c - 1)
    assert flips.adjusted_right_to_wrong is not None
    assert flips.adjusted_right_to_wrong.value == pytest.approx(expected, abs=0.007)  # four standard errors
    assert 0 < flips.adjusted_right_to_wrong.value < flips.right_to_wrong.value


def test_chance_adjustment_by_hand_matches_harmon_et_al_2025() -> None:
    # 100 items, four labels: 70 right before, 60 after, 20 lost: 0.20 - 0.3 × 0.4 / 3 = 0.16.
    value = chance_adjusted(4)(np.array([20.0, 70.0, 60.0]), np.array(100.0))
    assert float(value) == pytest.approx(0.16)
    assert float(chance_adjusted(2)(np.array([1.0, 10.0, 10.0]), np.array(100.0))) == 0


def test_clusters_widen_the_interval_of_a_share() -> None:
    groups = [i // 10 for i in range(200)]
    lost = np.repeat(np.random.default_rng(0).random(20) < 0.4, 10)
    plain = count_flips(np.ones(200), 1 - lost, plan_of(200)).right_to_wrong
    clustered = count_flips(np.ones(200), 1 - lost, plan_of(200, groups)).right_to_wrong
    assert clustered.method == "bootstrap"
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("before", "after", "n_labels"),
    [([0, 1], [0, 0.5], None), ([0, 1], [0, 1, 1], None), ([0, 1], [1, 1], 1), ([0, np.nan], [0, 1], 2)],
)
def test_what_cannot_flip_raises(before, after, n_labels) -> None:
    with pytest.raises(ValueError):
        count_flips(before, after, plan_of(2), n_labels)
