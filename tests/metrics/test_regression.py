"""Correlations and errors against scipy, by hand, and under resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.regression import MAE, PEARSON, SPEARMAN, numbers_of, worst_numbers
from hanka.stats import compare, estimate, plan_resampling

CONTEXT = ScoringContext()
PAIRS = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=3, max_size=25)
CORRELATIONS = pytest.mark.parametrize(
    ("metric", "reference"), [(PEARSON, stats.pearsonr), (SPEARMAN, stats.spearmanr)], ids=["pearson", "spearman"]
)


def outputs(targets, answers) -> Outputs:
    said = [None if answer is None else repr(float(answer)) for answer in answers]
    return Outputs(targets=[repr(float(target)) for target in targets], answers=said)


def value(metric, targets, answers) -> float:
    return metric.value(metric.statistics(outputs(targets, answers), CONTEXT))


def sample(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 12, n) / 2 + 2000
    return targets, np.round(targets + rng.normal(0, 2, n))


@CORRELATIONS
@settings(max_examples=100)
@given(pairs=PAIRS)
def test_correlations_equal_scipy(metric, reference, pairs) -> None:
    targets, answers = np.array(pairs, dtype=float).T
    assume(np.ptp(targets) > 0 and np.ptp(answers) > 0)
    assert value(metric, targets, answers) == pytest.approx(reference(targets, answers)[0], abs=1e-9)


def test_by_hand() -> None:
    targets, answers = [1, 2, 3, 4], [2, 1, 4, 30]
    assert value(MAE, targets, answers) == (1 + 1 + 1 + 26) / 4
    assert value(SPEARMAN, targets, answers) == pytest.approx(1 - 6 * 2 / (4 * 15))
    deviations = np.array([-1.5, -0.5, 0.5, 1.5]), np.array([-7.25, -8.25, -5.25, 20.75])
    r = (deviations[0] @ deviations[1]) / np.sqrt((deviations[0] @ deviations[0]) * (deviations[1] @ deviations[1]))
    assert value(PEARSON, targets, answers) == pytest.approx(r)


@CORRELATIONS
def test_a_side_without_spread_shows_no_relation(metric, reference) -> None:
    for targets, answers in (([1, 2, 3], [5e9] * 3), ([7] * 3, [1, 2, 3]), ([0.1] * 3, [0.3] * 3)):
        statistics = metric.statistics(outputs(targets, answers), CONTEXT)
        assert metric.value(statistics) == 0.0
        assert statistics[:, 0].tolist() == [0.0] * 3


@CORRELATIONS
def test_scale_and_origin_of_the_answers_do_not_matter(metric, reference) -> None:
    targets, answers = sample(50)
    wanted = value(metric, targets, answers)
    assert value(metric, targets, answers * 1000 - 5) == pytest.approx(wanted, abs=1e-9)
    assert value(metric, targets, -answers) == pytest.approx(-wanted, abs=1e-9)
    assert value(metric, targets * 1e-6, answers) == pytest.approx(wanted, abs=1e-9)


@CORRELATIONS
def test_per_sample_values_are_the_jackknife_pseudo_values_to_first_order(metric, reference) -> None:
    targets, answers = sample(200)
    n, whole = len(targets), reference(targets, answers)[0]
    left_out = [reference(np.delete(targets, i), np.delete(answers, i))[0] for i in range(n)]
    pseudo_values = n * whole - (n - 1) * np.array(left_out)
    found = metric.statistics(outputs(targets, answers), CONTEXT)[:, 0]
    assert found.mean() == pytest.approx(whole, abs=1e-12)
    assert found == pytest.approx(pseudo_values, abs=10 / n)
    assert found.std() == pytest.approx(pseudo_values.std(), rel=0.02)


def test_pearson_of_weighted_sums_equals_scipy_on_the_repeated_samples() -> None:
    targets, answers = sample(40)
    statistics = PEARSON.statistics(outputs(targets, answers), CONTEXT)
    weights = np.random.default_rng(1).integers(0, 4, size=(6, 40)).astype(float)
    values = PEARSON.aggregate(weights @ statistics, weights.sum(axis=1))
    for weight, found in zip(weights.astype(int), values, strict=True):
        repeated = stats.pearsonr(np.repeat(targets, weight), np.repeat(answers, weight))[0]
        assert found == pytest.approx(repeated, abs=1e-9)


@CORRELATIONS
def test_intervals_cover_the_true_correlation(metric, reference) -> None:
    rho, hits = 0.6, 0
    true = rho if metric is PEARSON else 6 / np.pi * np.arcsin(rho / 2)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=80)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=80)
        statistics = metric.statistics(outputs(x, y), CONTEXT)
        found = estimate(statistics, metric.aggregate, plan_resampling(80, rng, None, 400), False, 0.95)
        hits += found.low <= true <= found.high
    assert 0.88 <= hits / 120 <= 1.0  # 0.95 less three standard errors


@CORRELATIONS
def test_a_better_model_is_found_better_on_the_same_samples(metric, reference) -> None:
    targets, worse = sample(120)
    better = targets + np.random.default_rng(3).normal(0, 0.5, 120).round(1)
    rows = [metric.statistics(outputs(targets, answers), CONTEXT) for answers in (better, worse)]
    plan = plan_resampling(120, np.random.default_rng(0), None, 400)
    found = compare(*rows, metric.aggregate, plan)
    assert found.delta == pytest.approx(value(metric, targets, better) - value(metric, targets, worse), abs=1e-9)
    assert found.low > 0
    assert found.p_value < 0.001


def test_an_unread_answer_is_the_farther_end_of_the_targets() -> None:
    _, answers = numbers_of(outputs([1, 4, 6, 11], [None, None, None, 2]))
    assert answers.tolist() == [11, 11, 11, 2]  # 6 lies in the middle: 11 as far as 1
    assert worst_numbers(np.array([0.0, 7.0, 10.0])).tolist() == [10, 0, 0]
    assert worst_numbers(np.array([5.0, 5.0])).tolist() == [0, 0]
    assert worst_numbers(np.array([0.0, 0.0])).tolist() == [1, 1]
    assert value(MAE, [1, 4, 6, 11], [None, None, None, 2]) == (10 + 7 + 5 + 9) / 4
    assert numbers_of(Outputs(targets=["1", "9"], answers=["no number", ""]))[1].tolist() == [9, 1]


@pytest.mark.parametrize("metric", [MAE, PEARSON, SPEARMAN], ids=lambda metric: metric.name)
def test_refusing_is_never_better_than_being_right_and_answering_nothing_is_worst(metric) -> None:
    targets, _ = sample(40)
    some = [None if i % 4 == 0 else answer for i, answer in enumerate(targets)]
    sign = 1 if metric.higher_is_better else -1
    perfect, partial, nothing = (sign * value(metric, targets, said) for said in (targets, some, [None] * 40))
    assert perfect > partial > nothing


def test_targets_are_read_as_answers_are_and_what_is_no_number_raises() -> None:
    assert numbers_of(Outputs(targets=["1,000", "3/4", "50%"], answers=["1000", "0.75", "0.5"]))[0].tolist() == [
        1000, 0.75, 0.5,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="target 'many' is no number"):
        numbers_of(Outputs(targets=["1", "many"], answers=["1", "2"]))


@CORRELATIONS
def test_a_wild_answer_leaves_finite_numbers(metric, reference) -> None:
    statistics = metric.statistics(outputs([1, 2, 3, 4], [1, 2, 3, 1e60]), CONTEXT)
    assert np.isfinite(statistics).all()
    assert -1 <= metric.value(statistics) <= 1
