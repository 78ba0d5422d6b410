"""A small part of the advice's simulations: intervals of a loss hold the truth, and nothing overrules the flow without a reason."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.advice import PARTS, Truth, holds, overrules

from hanka.advise.drops import drops


def test_intervals_of_a_loss_hold_the_truth() -> None:
    truth = Truth(100, (0.6, 0.55), (0.9, 0.7))
    found = [drops(truth.study(seed)) for seed in range(150)]
    # 93 % less two Monte-Carlo errors of 150 studies.
    assert sum(holds(one["ood_drop"], 0.2) for one in found) / len(found) >= 0.885
    assert sum(holds(one["drop_gap"], 0.15) for one in found) / len(found) >= 0.885
    assert sum(holds(one["ood_drop"], 0.4) for one in found) / len(found) < 0.2, (
        "what is far from the truth is excluded"
    )


def test_no_effect_seldom_overrules_the_flow_and_a_large_one_does() -> None:
    assert sum(overrules(Truth(100, (0.7, 0.6), (0.7, 0.6)), 20)) <= 3
    assert sum(overrules(Truth(250, (0.5, 0.45), (0.85, 0.8)), 5)) == 5


def test_every_part_of_the_simulation_promises_something() -> None:
    assert set(PARTS) == {"drop", "line", "overruled", "found"}
