from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.stats import resampling
from hanka.stats.resampling import as_rows, cluster_units, jackknife, mean, plan_resampling


def ratio(sums, n):
    return sums[..., 0] / sums[..., 1]


def test_every_resample_draws_as_many_units_as_there_are() -> None:
    plan = plan_resampling(50, np.random.default_rng(0), resamples=300)
    assert plan.counts.shape == (300, 50)
    assert (plan.counts.sum(axis=1) == 50).all()
    # Binomial(50, 1/50): mean 1, variance 0.98.
    assert plan.counts.mean() == pytest.approx(1)
    assert plan.counts.var() == pytest.approx(0.98, abs=0.05)


def test_two_thousand_resamples_are_drawn_unless_told_otherwise() -> None:
    assert plan_resampling(5, np.random.default_rng(0)).counts.shape == (2000, 5)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (plan_resampling(20, np.random.default_rng(seed)).counts for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_replicates_equal_a_loop_over_resampled_rows() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((30, 2)) + 0.1
    plan = plan_resampling(30, rng, resamples=25)
    expected = [np.repeat(rows[:, 0], c).sum() / np.repeat(rows[:, 1], c).sum() for c in plan.counts]
    assert plan.replicates(rows, ratio) == pytest.approx(expected)


@pytest.mark.parametrize("block", [resampling.BLOCK, 130])
@pytest.mark.parametrize("n", [2, 30, 3000])
def test_sums_of_whole_numbers_are_exact_in_single_precision(
    n: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "BLOCK", block)
    rng = np.random.default_rng(n)
    rows = rng.integers(-3, 4, size=(n, 5)).astype(np.float64)
    plan = plan_resampling(n, rng, resamples=50)
    expected = plan.counts.astype(np.int64) @ rows.astype(np.int64)
    for column in range(5):
        sums = plan.replicates(rows, lambda sums, n, column=column: sums[..., column])
        assert sums.tolist() == expected[:, column].tolist()
        assert sums.dtype == np.float64


SUMS = """
import hashlib, numpy as np
from hanka.stats.resampling import plan_resampling
rng = np.random.default_rng(0)
for n in (30, 400, 1000):
    rows = rng.random((n, 2))
    plan = plan_resampling(n, rng, resamples=500)
    print(hashlib.sha256(plan.replicates(rows, lambda sums, n: sums[..., 1]).tobytes()).hexdigest())
"""


def test_replicates_are_the_same_to_the_last_bit_with_any_number_of_threads() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", SUMS],
            env=os.environ | {"OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("1", "2", "8")
    }
    assert len(said) == 1


def test_numbers_too_large_for_single_precision_stay_in_double() -> None:
    rows = np.full((3, 1), 2.0**24 + 1)
    plan = plan_resampling(3, np.random.default_rng(0), resamples=10)
    assert set(plan.replicates(rows, mean).tolist()) == {2.0**24 + 1}


def test_what_comparisons_share_is_computed_once() -> None:
    calls = []

    def counted(sums, n):
        calls.append(sums.shape)
        return mean(sums, n)

    plan = plan_resampling(10, np.random.default_rng(0), resamples=20)
    sample = resampling.resampled(np.arange(10.0), counted, plan)
    assert sample.replicates is sample.replicates
    assert sample.whole is sample.whole
    assert calls == [(20, 1), (1,), (10, 1)]


def test_clusters_are_drawn_whole_and_the_mean_is_over_samples() -> None:
    values = np.array([0.0, 1, 1, 1, 5])
    plan = plan_resampling(5, np.random.default_rng(0), ["a", "b", "b", "b", ""], resamples=50)
    assert (plan.n, plan.n_units, plan.is_clustered) == (5, 3, True)
    sums = plan.unit_sums(values[:, None])
    assert sums[:, 0].tolist() == [0, 3, 5]
    expected = [(counts @ [0, 3, 5]) / (counts @ [1, 3, 1]) for counts in plan.counts.astype(float)]
    assert plan.replicates(sums, mean) == pytest.approx(expected)


def test_an_empty_cluster_id_stands_alone() -> None:
    assert cluster_units(["", "x", "", "x", None], 5).tolist() == [0, 1, 2, 1, 3]


def test_clusters_of_one_are_no_clusters() -> None:
    plan = plan_resampling(6, np.random.default_rng(1), list("abcdef"))
    assert not plan.is_clustered
    assert np.array_equal(plan.counts, plan_resampling(6, np.random.default_rng(1)).counts)


def test_large_plans_are_expanded_in_blocks_without_changing_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_resampling(40, np.random.default_rng(0), resamples=33)
    rows = np.random.default_rng(1).random((40, 1))
    whole = plan.replicates(rows, mean)
    monkeypatch.setattr(resampling, "BLOCK", 100)
    assert plan.replicates(rows, mean) == pytest.approx(whole)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40))
def test_pseudo_values_of_a_mean_are_the_values(values: list[float]) -> None:
    rows = as_rows(values, len(values))
    pseudo_values = jackknife(rows, np.ones(len(values)), mean).pseudo_values
    assert pseudo_values == pytest.approx(values, abs=1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: plan_resampling(1, rng),
        lambda rng: plan_resampling(0, rng),
        lambda rng: plan_resampling(4, rng, ["a"] * 4),
        lambda rng: plan_resampling(4, rng, ["a"] * 3),
        lambda rng: plan_resampling(4, rng, resamples=0),
        lambda rng: as_rows([1.0, 2.0], 3),
        lambda rng: as_rows([1.0, float("nan")], 2),
        lambda rng: as_rows(np.zeros((2, 2, 2)), 2),
    ],
)
def test_what_cannot_be_resampled_raises(call) -> None:
    with pytest.raises(ValueError):
        call(np.random.default_rng(0))


@pytest.mark.parametrize("cluster", [None, ["a", "a", "b", "", "c", "b", "a", ""]])
def test_a_plan_that_counts_some_samples_aggregates_those_alone(cluster: list[str] | None) -> None:
    rng = np.random.default_rng(0)
    plan = plan_resampling(8, rng, cluster, 300)
    kept = np.array([True, False, True, True, False, True, True, True])
    rows = np.where(kept, rng.normal(size=8), 0.0).reshape(-1, 1)
    some = plan.counting(kept)
    weights = plan.counts[:, plan.units] * kept  # (resamples, samples)
    with np.errstate(invalid="ignore"):
        wanted = (weights @ rows[:, 0]) / weights.sum(axis=1)
        assert np.allclose(some.replicates(some.unit_sums(rows), mean), wanted, equal_nan=True)
    assert some.sizes.sum() == kept.sum()
    assert some.counts is plan.counts
