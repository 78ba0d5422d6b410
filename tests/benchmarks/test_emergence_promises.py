"""A small part of the emergence law's simulations, and the elbows of published checkpoints where they are here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.emergence import LADDER, PARTS, TRUTHS, ladder_values

from hanka.analysis.emergence.measured import points_of
from hanka.stats.emergence import fit, law_of, sample


def ladder() -> Path:
    """olmo-ladder.csv: HANKA_LADDER, or beside the repository."""
    for place in (os.environ.get("HANKA_LADDER"), LADDER):
        if place and Path(place).is_file():
            return Path(place)
    pytest.skip("olmo-ladder.csv (allenai/OLMo-ladder) is not here; set HANKA_LADDER to it")


def test_one_interval_holds_the_truth() -> None:
    """The share over 100 of each truth is in benchmarks/results/emergence.json; with a seed this is no game of chance."""
    truth = TRUTHS[0]
    values = truth.values(3)
    low, high = sample(values, fit(law_of(values, base=truth.base), values), 5, 0).interval(0.9)
    assert low < truth.elbow < high
    assert high - low < 0.3


def test_every_part_of_the_simulation_promises_something() -> None:
    assert set(PARTS) == {"coverage", "width", "nothing"}


@pytest.mark.parametrize(
    ("task", "elbow", "base", "rmse", "smallest", "largest"),
    [
        ("csqa", 3.93, 0.261, 0.015, 4.16, 3.90),
        ("hellaswag", 3.52, 0.286, 0.016, 3.86, 3.49),
        ("mmlu", 3.39, 0.268, 0.008, 4.12, 3.33),
    ],
)
def test_published_checkpoints_have_the_elbows_found_before(
    task: str, elbow: float, base: float, rmse: float, smallest: float, largest: float
) -> None:
    """Of 3,560 checkpoints with a loss below 7, by a search over elbows done elsewhere; those of one size differ by up to 0.8 nats."""
    values = ladder_values(ladder(), task)
    assert len(values) == 3560
    found = points_of(values)
    best = fit(law_of(found), found)
    assert best.elbow(0) == pytest.approx(elbow, abs=0.01)
    assert best.base == pytest.approx(base, abs=0.001)
    assert best.residual == pytest.approx(rmse, abs=0.001)
    for size, expected in (("190M", smallest), ("3B", largest)):
        own = points_of([one for one in values if one.model.startswith(size)])
        assert fit(law_of(own), own).elbow(0) == pytest.approx(expected, abs=0.01)
