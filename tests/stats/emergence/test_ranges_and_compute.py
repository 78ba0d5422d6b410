"""Which parts of the values are fitted by themselves, and how far a loss lies ahead in compute."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emergence_laws import LOSSES, SIZES, Known
from hanka.stats.emergence import Settings, Trained, flops_ahead, outcome, points, training_flops
from hanka.stats.emergence.ranges import parts


def test_parts_leave_out_losses_and_sizes_at_either_end_as_the_paper_does() -> None:
    values = Known().values(LOSSES)
    kept = {name: values.among(part) for name, part in parts(values)}
    assert {name: (len(one), one.n_models, len(one.sizes)) for name, one in kept.items()} == {
        "no_weakest": (48, 6, 8), "no_strongest": (48, 6, 8), "last": (32, 4, 8), "no_smallest": (45, 9, 5), "no_largest": (54, 9, 6),
    }  # fmt: skip
    assert kept["no_weakest"].loss.max() < LOSSES[6]
    assert kept["no_strongest"].loss.min() > LOSSES[2]
    assert kept["last"].loss.max() == LOSSES[3]
    assert kept["no_smallest"].sizes[0] == SIZES[3]
    assert kept["no_largest"].sizes[-1] == SIZES[-3]


def test_no_part_is_smaller_than_a_law_needs() -> None:
    values = Known().values(LOSSES[:5], SIZES[:4])
    assert {name: (one.n_models, len(one.sizes)) for name, part in parts(values) for one in [values.among(part)]} == {
        "last": (4, 4), "no_smallest": (5, 3), "no_largest": (5, 3),
    }  # fmt: skip
    assert dict(parts(Known().values(LOSSES[:4], SIZES[:3]))) == {}


def test_a_fit_that_cannot_be_made_says_why() -> None:
    flat = points(np.linspace(1, 2, 6), np.linspace(0.2, 0.4, 6))
    found = outcome("all", flat, Settings(5, 0.5, 0))
    assert (found.posterior, found.best, found.why) == (None, None, "performance is not shown to leave its base")
    outside = outcome("all", Known().values(LOSSES), Settings(1, 0.25, 0))
    assert outside.posterior is None
    assert "low-data limit of 1 rows" in outside.why


def test_compute_between_two_models_goes_with_the_logarithm() -> None:
    """Loss 2.0 at 1e18, 1.8 at 4e18; a third at 1.9 cost more than either and is on no front."""
    known = [Trained(1e18, 2.0), Trained(4e18, 1.8), Trained(5e18, 1.9)]
    for loss, seen, times, is_least in (
        (1.9, 1, 2.0, False),
        (1.8, 1, 4.0, False),
        (1.5, 1, 4.0, True),
        (2.0, 2, 0.25, False),
    ):
        found = flops_ahead(loss, known, known[:seen])
        assert found is not None
        assert found.times == pytest.approx(times)
        assert found.is_least == is_least
    assert flops_ahead(1.9, [], []) is None


def test_compute_is_six_times_weights_and_tokens() -> None:
    assert training_flops(190e6, 3.8e9) == pytest.approx(6 * 190e6 * 3.8e9)
    for wrong in ((0, 1), (1, -1), (math.nan, 1)):
        with pytest.raises(ValueError, match="both must be above 0"):
            training_flops(*wrong)


def test_noise_alone_shows_no_elbow_and_a_law_does() -> None:
    flat = points(
        np.tile(np.linspace(2, 3, 8), 5),
        0.25 + 0.01 * np.random.default_rng(3).standard_normal(40),
        np.repeat(SIZES[:5], 8),
    )
    assert outcome("all", flat, Settings(5, None, 0)).is_flat
    assert not outcome("all", Known().values(LOSSES), Settings(1, 0.25, 0)).is_flat
