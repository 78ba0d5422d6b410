"""A known law is found again; a broken line is the least squares one; what never rises is no law."""

from __future__ import annotations

import numpy as np
import pytest

from emergence_laws import LOSSES, Known
from hanka.stats.emergence import fit, law_of, points
from hanka.stats.emergence.likeliest import _grouped, is_shown
from hanka.stats.emergence.refits import bootstrap


@pytest.mark.parametrize("known", [Known(), Known(k=0.14, a=0.5, c=1.6), Known(k=0.006, a=2.0, c=1.8)])
@pytest.mark.parametrize("base", [0.25, None])
def test_a_law_without_noise_is_found_again(known: Known, base: float | None) -> None:
    values = known.values(LOSSES)
    found = fit(law_of(values, base=base), values)
    assert found.elbow(5) == pytest.approx(known.elbow(5), abs=5e-3)
    assert found.elbow(4096) == pytest.approx(known.elbow(4096), abs=1e-3)
    assert found.slope == pytest.approx(0.8, abs=5e-3)
    assert found.base == pytest.approx(0.25, abs=1e-3)
    assert found.residual < 2e-4


def test_noise_of_one_point_moves_the_prediction_by_less_than_the_briefs_bound() -> None:
    """Nine losses by eight sizes, noise 0.01: within 0.05 nats in four of five tries."""
    known = Known()
    off = []
    for seed in range(5):
        values = known.values(LOSSES, noise=0.01, seed=seed)
        off.append(abs(fit(law_of(values, base=0.25), values).elbow(5) - known.elbow(5)))
    assert sum(one < 0.05 for one in off) >= 4


def test_a_broken_line_is_the_one_of_least_squares() -> None:
    """Of 0.5 at losses from 2 on and 0.5 + (2 - L) below, moved at one point, by a search over all elbows."""
    loss = np.linspace(1.0, 3.0, 41)
    value = 0.5 + 0.2 * np.maximum(0, 2 - loss)
    value[10] += 0.03
    values = points(loss, value)
    found = fit(law_of(values), values)

    def squares(elbow: float) -> float:
        design = np.column_stack([np.ones(41), np.maximum(0, elbow - loss)])
        return float(np.linalg.lstsq(design, value, rcond=None)[1][0])

    best = min(np.linspace(1.2, 2.8, 16001), key=squares)
    assert found.elbow(0) == pytest.approx(best, abs=2e-4)
    assert 41 * found.residual**2 == pytest.approx(squares(best), rel=1e-4)


def test_values_that_only_fall_have_no_law() -> None:
    values = points([1.0, 1.5, 2.0, 2.5, 3.0], [0.1, 0.2, 0.3, 0.4, 0.5])
    with pytest.raises(ValueError, match="is not shown to leave its base"):
        fit(law_of(values, base=0.6), values)


def test_the_bootstrap_obeys_its_seed_and_draws_whole_models() -> None:
    values = Known().values(LOSSES, noise=0.01)
    best = fit(law_of(values, base=0.25), values)
    one, same, other = (bootstrap(values, best, 5, seed, 8) for seed in (1, 1, 2))
    assert one.elbows.tolist() == same.elbows.tolist() != other.elbows.tolist()
    assert one.interval(0.9) is not None
    exact = Known().values(LOSSES)
    still = bootstrap(exact, fit(law_of(exact, base=0.25), exact), 5, 0, 8)
    assert np.ptp(still.elbows) < 0.02, "without noise every resample of models has the same law"


def test_resamples_without_an_elbow_leave_no_interval() -> None:
    """One model of six lies beyond the elbow: a third of the resamples lacks it."""
    values = points([1.0, 2.0, 2.1, 2.2, 2.3, 2.4], [0.9, 0.2, 0.2, 0.2, 0.2, 0.2])
    best = fit(law_of(values, base=0.2), values)
    found = bootstrap(values, best, 0, 0, 40)
    assert found.n_failed > 4
    assert found.interval(0.9) is None


@pytest.mark.parametrize("is_curve", [True, False])
def test_models_that_are_off_as_a_whole_are_no_law(is_curve: bool) -> None:
    """Eight models off by 0.03 each, their six values by 0.01 around that: alike within a model, and nothing moves with the loss."""
    losses, sizes, shown = np.linspace(1.9, 2.5, 8), (32, 64, 128, 256, 512, 1024), 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        value = 0.25 + np.repeat(0.03 * rng.standard_normal(8), 6) + 0.01 * rng.standard_normal(48)
        loss = np.repeat(losses, 6) + (np.tile(np.linspace(-0.02, 0.02, 6), 8) if is_curve else 0)
        found = points(loss, value, 0 if is_curve else np.tile(sizes, 8), np.repeat(np.arange(8), 6))
        law = law_of(found)
        try:
            shown += is_shown(fit(law, found), found)
        except ValueError:
            continue
    assert shown <= 1
    known = Known().values(LOSSES, noise=0.01)
    assert is_shown(fit(law_of(known), known), known)


def test_models_off_by_their_own_amounts_have_the_likelihood_of_a_joint_normal() -> None:
    """Where the whole covariance is written down, at the best of the deviations that are tried."""
    from scipy.stats import multivariate_normal

    from hanka.stats.emergence.likeliest import DEVIATIONS, NOISES, OFFSETS

    rng = np.random.default_rng(0)
    model = np.repeat(np.arange(4), 3)
    left = np.repeat(0.05 * rng.standard_normal(4), 3) + 0.01 * rng.standard_normal(12)
    found = points(np.linspace(1, 2, 12), left, model=model)
    nodes = np.geomspace(*DEVIATIONS, NOISES)
    same = (model[:, None] == model).astype(float)
    best = max(
        multivariate_normal.logpdf(left, cov=noise**2 * np.eye(12) + apart**2 * same)
        for noise in nodes[90:130:3]
        for apart in nodes[:: NOISES // OFFSETS][22:34]
    )
    assert _grouped(left, found, False) == pytest.approx(best, abs=0.02)
