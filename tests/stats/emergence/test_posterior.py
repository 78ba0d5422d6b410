"""The posterior holds the truth, widens where the law is less known, obeys its seed, and is none where it has not converged."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
import pytest

from emergence_laws import LOSSES, Known
from hanka.stats.emergence import NoSamplerError, Posterior, Prior, UnconvergedError, fit, law_of, points, sample
from hanka.stats.emergence import posterior as module
from hanka.stats.emergence.posterior import split_rhat


def drawn(values: Any, seed: int = 0, base: float | None = 0.25, low_data: int = 5) -> Posterior:
    return sample(values, fit(law_of(values, base=base), values), low_data, seed)


def test_dropping_the_small_sizes_widens_the_interval_and_both_hold_the_truth() -> None:
    known = Known()
    every = drawn(known.values(LOSSES, noise=0.01, seed=1))
    large = drawn(known.values(LOSSES, (256, 512, 1024, 2048, 4096), noise=0.01, seed=1))
    wide, narrow = large.interval(), every.interval()
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)
    assert narrow.low < known.elbow(5) < narrow.high
    assert wide.low < known.elbow(5) < wide.high
    assert every.rhat <= 1.05
    assert every.times >= 30
    assert every.at_bounds < 0.01


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter chains, where only the order of two intervals is looked at."""
    for name, value in (("BLOCK", 300), ("LEAST_TIMES", 10.0), ("WORST_RHAT", 1.15)):
        monkeypatch.setattr(module, name, value)


def test_the_same_seed_gives_the_same_interval(short: None) -> None:
    loss = np.linspace(1.0, 3.0, 12)
    values = points(loss, 0.25 + 0.3 * np.maximum(0, 2 - loss) + 0.01 * np.random.default_rng(0).standard_normal(12))
    one, same, other = (drawn(values, seed) for seed in (1, 1, 2))
    assert one.interval() == same.interval() != other.interval()
    assert other.middle == pytest.approx(one.middle, abs=0.02)


def test_few_test_rows_are_known_noise_that_widens_the_interval(short: None) -> None:
    loss = np.linspace(1.0, 3.0, 12)
    value = 0.25 + 0.3 * np.maximum(0, 2 - loss)
    few, many = (drawn(points(loss, value, n=n)).interval() for n in (50, 5000))
    assert few.high - few.low > 3 * (many.high - many.low)


def test_what_has_not_converged_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 100)
    monkeypatch.setattr(module, "BLOCK", 100)
    with pytest.raises(
        UnconvergedError, match=r"not converged after 100 steps: \d+ autocorrelation times of 30, R-hat \d"
    ):
        drawn(Known().values(LOSSES, noise=0.01))


def test_where_nothing_bounds_the_elbow_the_prior_is_named(short: None) -> None:
    """Values that fall from one end of the losses to the other: the elbow lies above them all."""
    loss = np.linspace(1.0, 2.0, 10)
    values = points(loss, 0.9 - 0.3 * loss + 0.002 * np.random.default_rng(1).standard_normal(10))
    assert drawn(values, base=None).at_bounds > 0.01


def test_chains_in_different_places_have_a_large_rhat() -> None:
    """Two chains of unit variance, 3 apart: four halves with means 0, 0, 3, 3 have variance 3, so R-hat is √(1 + 3)."""
    rng = np.random.default_rng(0)
    chains = rng.standard_normal((2, 2000, 1)) + np.array([0.0, 3.0])[:, None, None]
    assert split_rhat(chains) == pytest.approx(math.sqrt(1 + 3.0), abs=0.1)
    assert split_rhat(rng.standard_normal((8, 2000, 1))) < 1.01
    assert split_rhat(np.zeros((2, 10, 1))) == math.inf


def test_the_prior_of_the_shape_matters_where_the_low_data_limit_is_far(short: None) -> None:
    values = Known().values(LOSSES, (512, 1024, 2048), noise=0.01)
    best = fit(law_of(values, base=0.25), values)
    wide, narrow = (sample(values, best, 5, 0, Prior(log_power=one)).interval() for one in (1.0, 0.05))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_without_emcee_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "emcee":
            raise ImportError(name)
        return there(name, *rest)

    values = Known().values(LOSSES)
    best = fit(law_of(values, base=0.25), values)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(NoSamplerError, match="the emergence law needs emcee: pip install"):
        sample(values, best, 5, 0)
