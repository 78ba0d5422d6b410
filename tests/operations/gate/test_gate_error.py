"""Where the truth is known: a gate seldom passes what violates a rule, and seldom fails what violates none.

A small part of `benchmarks/gate.py`, which has the whole grid. Seeds are fixed, so counts do not move between runs; 12 of 120 is the
5 % that is promised and three Monte-Carlo errors.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.gate import AT_LIMIT, EQUAL, FAR, FLOOR, MARGINS, Truth, asked, outcome, paired_rows

TIMES, MOST = 120, 12


@pytest.mark.parametrize(
    ("truth", "groups"),
    [
        (Truth((-MARGINS[0], FAR), FLOOR + FAR), 1),
        (Truth((-MARGINS[0], FAR), FLOOR + FAR), 5),
        (Truth((FAR, FAR), FLOOR), 5),
    ],
    ids=["margin alone", "margin in fives", "floor in fives"],
)
def test_what_is_at_one_limit_seldom_passes(truth: Truth, groups: int) -> None:
    policy = asked()
    found = [outcome(seed, policy, truth, 250, groups, 0.8, 0.2) for seed in range(TIMES)]
    assert found.count("pass") <= MOST


@pytest.mark.parametrize("groups", [1, 5])
def test_what_violates_nothing_seldom_fails_even_at_every_limit(groups: int) -> None:
    policy = asked()
    found = [outcome(seed, policy, AT_LIMIT, 250, groups, 0.8, 0.2) for seed in range(TIMES)]
    assert found.count("fail") <= MOST
    assert found.count("pass") <= 2


def test_what_is_as_good_never_fails_and_a_large_loss_is_found() -> None:
    policy = asked()
    equal = [outcome(seed, policy, EQUAL, 1000, 1, 0.8, 0.06) for seed in range(20)]
    lost = [outcome(seed, policy, Truth((-0.2, 0.0), FLOOR + 0.1), 250, 1, 0.8, 0.2) for seed in range(20)]
    assert equal.count("fail") == 0
    assert equal.count("pass") >= 16
    assert lost.count("fail") >= 18


@pytest.mark.parametrize("groups", [1, 5])
def test_the_simulation_has_the_truth_it_says(groups: int) -> None:
    before, after = paired_rows(np.random.default_rng(1), 200_000, groups, (0.8, 0.75), 0.2)
    assert before.mean() == pytest.approx(0.8, abs=0.005)
    assert after.mean() == pytest.approx(0.75, abs=0.005)
    assert (before != after).mean() == pytest.approx(0.2, abs=0.005)
