from __future__ import annotations

import numpy as np
import pytest

from hanka.stats.forgetting import beyond_asking_again, count_flips
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
    assert flips.chance_independent is None
    assert flips.chance_guessing is None


def test_flips_differ_by_the_change_of_accuracy() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(200) < 0.7, rng.random(200) < 0.6
    flips = count_flips(before, after, plan_of(200))
    assert flips.right_to_wrong.value - flips.wrong_to_right.value == pytest.approx(before.mean() - after.mean())


def test_the_base_against_itself_forgets_exactly_nothing() -> None:
    scores = np.random.default_rng(0).random(100) < 0.5
    flips = count_flips(scores, scores, plan_of(100), n_labels=2)
    assert flips.right_to_wrong.value == flips.wrong_to_right.value == 0


@pytest.mark.parametrize("n_labels", [2, 3, 5])
def test_what_luck_flips_by_hand_and_in_simulation(n_labels: int) -> None:
    rng = np.random.default_rng(n_labels)
    n = 20_000
    before, after = rng.random((2, n)) < 1 / n_labels
    flips = count_flips(before, after, plan_of(n), n_labels)
    assert flips.right_to_wrong.value > 0.15  # what the raw share claims
    assert flips.chance_independent == pytest.approx(flips.right_to_wrong.value, abs=0.015)
    # 100 items, four labels: 70 right before, 60 after: 0.3 × 0.4 / 3 and 0.3 / 4.
    by_hand = count_flips([1] * 70 + [0] * 30, [1] * 60 + [0] * 40, plan_of(100), 4)
    assert (by_hand.chance_independent, by_hand.chance_guessing) == pytest.approx((0.04, 0.075))


def test_forgetting_beyond_asking_again_is_unbiased_and_not_cut_at_0() -> None:
    """60 % known; the rest is guessed among three labels anew each time. Nothing, or a tenth of all, is forgotten."""
    rng, n, found = np.random.default_rng(0), 250, {0.0: [], 0.1: []}
    for _ in range(300):
        known = rng.random(n) < 0.6
        before, again = (known | (rng.random(n) < 1 / 3) for _ in range(2))
        for lost, results in found.items():
            kept = known & ~(rng.random(n) < lost / 0.6)
            results.append(beyond_asking_again(before, kept | (rng.random(n) < 1 / 3), again, plan_of(n)))
    for lost, results in found.items():
        truth = lost * 2 / 3  # a third of what is forgotten is guessed right
        assert np.mean([one.delta for one in results]) == pytest.approx(truth, abs=0.006)
        assert np.mean([one.low <= truth <= one.high for one in results]) > 0.91
    assert min(one.delta for one in found[0.0]) < 0


def test_clusters_widen_the_interval_of_a_share() -> None:
    groups = [i // 10 for i in range(200)]
    lost = np.repeat(np.random.default_rng(0).random(20) < 0.4, 10)
    plain = count_flips(np.ones(200), 1 - lost, plan_of(200)).right_to_wrong
    clustered = count_flips(np.ones(200), 1 - lost, plan_of(200, groups)).right_to_wrong
    assert clustered.method == "wilson_of_clusters"
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("before", "after", "n_labels"),
    [([0, 1], [0, 0.5], None), ([0, 1], [0, 1, 1], None), ([0, 1], [1, 1], 1), ([0, np.nan], [0, 1], 2)],
)
def test_what_cannot_flip_raises(before, after, n_labels) -> None:
    with pytest.raises(ValueError):
        count_flips(before, after, plan_of(2), n_labels)
