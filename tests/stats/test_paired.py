from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats

from hanka.stats.paired import (
    ComparisonSettings,
    ScoreSpread,
    StudentSpread,
    compare,
    jackknife_t_test,
    normal_quantile,
    sign_flip_test,
    unit_differences,
)
from hanka.stats.resampling import jackknife, mean, plan_resampling, resampled

BINARY = ComparisonSettings(binary=True)
# Extra hours of sleep of ten patients under two drugs, Student (1908), Cushny & Peebles.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def plan_of(n: int, cluster=None, resamples: int = 2000, seed: int = 0):
    return plan_resampling(n, np.random.default_rng(seed), cluster, resamples)


def macro_f1(sums, n):
    hits, targets, answers = np.split(sums, 3, axis=-1)
    return (2 * hits / np.maximum(targets + answers, 1)).mean(axis=-1)


def class_rows(targets, answers, c=3):
    target, answer = np.eye(c)[targets], np.eye(c)[answers]
    return np.hstack([target * answer, target, answer])


def test_jackknife_t_test_matches_students_sleep_data() -> None:
    result = jackknife_t_test(DRUG_1, DRUG_2, mean, plan_of(10))
    assert result.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert result.p_value == pytest.approx(0.002833, abs=5e-7)


def test_jackknife_standard_error_matches_efron_and_tibshirani() -> None:
    # Law school data, ch. 11: jackknife standard error of the correlation 0.1425.
    lsat = np.array([576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594.0])
    gpa = np.array([3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96])

    def correlation(sums, n):
        x, y, xx, yy, xy = np.moveaxis(sums / np.asarray(n)[..., None], -1, 0)
        return (xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y))

    whole = jackknife(np.column_stack([lsat, gpa, lsat**2, gpa**2, lsat * gpa]), np.ones(15), correlation)
    assert whole.value == pytest.approx(0.776, abs=5e-4)
    assert whole.pseudo_values.std(ddof=1) / math.sqrt(15) == pytest.approx(0.1425, abs=5e-4)


@pytest.mark.parametrize("n", [2, 5, 250])
def test_jackknife_t_test_of_means_equals_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.random(n), rng.random(n)
    expected = stats.ttest_rel(a, b)
    result = jackknife_t_test(a, b, mean, plan_of(n))
    assert result == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_compare_picks_the_test() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.random(40) < 0.7).astype(float), (rng.random(40) < 0.5).astype(float)
    groups = [i // 4 for i in range(40)]
    assert compare(a, b, mean, plan_of(40), BINARY).test == "mcnemar_mid_p"
    assert compare(a, b, mean, plan_of(40, groups), BINARY).test == "grouped_score"
    assert compare(a, b, mean, plan_of(40)).test == "jackknife_t"
    assert compare(a, a, mean, plan_of(40), BINARY).test == "identical"
    assert compare(np.zeros(40), np.full(40, 0.1), mean, plan_of(40)).test == "sign_flip"


def test_compare_reports_a_minus_b_inside_its_interval_and_is_antisymmetric() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(80) * 0.5 + 0.2, rng.random(80) * 0.5
    plan = plan_of(80)
    forward, backward = compare(a, b, mean, plan), compare(b, a, mean, plan)
    assert forward.delta == pytest.approx(a.mean() - b.mean()) == pytest.approx(forward.value_a - forward.value_b)
    assert forward.low < forward.delta < forward.high
    assert (backward.delta, backward.low, backward.high) == pytest.approx((-forward.delta, -forward.high, -forward.low))
    assert backward.p_value == pytest.approx(forward.p_value)
    assert forward.n == 80
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (forward.low, forward.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("cluster", [None, [i // 5 for i in range(60)]], ids=["samples", "clusters"])
@pytest.mark.parametrize("binary", [True, False])
def test_equal_scores_give_exactly_zero_and_p_one(cluster, binary: bool) -> None:
    scores = (np.random.default_rng(0).random(60) < 0.37).astype(float)
    result = compare(scores, scores.copy(), mean, plan_of(60, cluster), ComparisonSettings(binary=binary))
    n_units = 60 if cluster is None else 12
    if binary and cluster:
        n_units *= (1.959964 / stats.t.ppf(0.975, 11)) ** 2  # few clusters: less than they are
    most = 1.959964**2 / (n_units + 1.959964**2)  # what no changed unit of so many still allows
    assert (result.delta, result.p_value) == (0.0, 1.0)
    assert (result.low, result.high) == pytest.approx((-most, most), rel=1e-6)


def test_equal_class_counts_from_different_answers_are_no_difference() -> None:
    rows = class_rows([0, 0, 1, 1, 2, 2], [0, 1, 1, 0, 2, 2])
    permuted = class_rows([0, 0, 1, 1, 2, 2], [1, 0, 0, 1, 2, 2])
    result = compare(rows, permuted, macro_f1, plan_of(6))
    assert result.delta == 0
    assert result.p_value > 0.5


def test_a_difference_without_variance_gets_the_exact_sign_flip_p() -> None:
    result = compare(np.full(7, 0.3), np.full(7, 0.1), mean, plan_of(7))
    assert (result.p_value, result.test) == (2.0**-6, "sign_flip")
    assert result.delta == pytest.approx(0.2)
    assert result.low > 0
    assert result.interval(normal_quantile(1 - 2.0**-6)).low == pytest.approx(0, abs=1e-9)
    all_wrong_to_all_right = compare(np.ones(7), np.zeros(7), mean, plan_of(7), BINARY)
    assert all_wrong_to_all_right.p_value == pytest.approx(2.0**-6 - 2.0**-7)  # mid-p
    groups = ["a", "a", "b", "b", "c", "c", "c"]
    assert compare(np.full(7, 0.3), np.full(7, 0.1), mean, plan_of(7, groups)).p_value == 2.0**-2


def test_seeds_are_obeyed() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(50), rng.random(50)
    assert compare(a, b, mean, plan_of(50, seed=3)) == compare(a, b, mean, plan_of(50, seed=3))
    first, again = (sign_flip_test(a, b, mean, plan_of(50), np.random.default_rng(1), 500) for _ in range(2))
    assert first == again


def test_sign_flip_test_approaches_exact_enumeration() -> None:
    differences = np.array([1.2, 2.4, 1.3, 1.3, 0.1, 1.0, 1.8, -0.8, 4.6, -1.4])
    signs = 1 - 2 * ((np.arange(2**10)[:, None] >> np.arange(10)) & 1)
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9)
    result = sign_flip_test(differences, np.zeros(10), mean, plan_of(10), np.random.default_rng(0), 40_000)
    # Four Monte-Carlo standard errors of a share near 0.02.
    assert result.p_value == pytest.approx(exact, abs=4 * math.sqrt(0.02 / 40_000))


@pytest.mark.parametrize("clustered", [False, True], ids=["samples", "clusters"])
def test_the_jackknife_test_agrees_with_permutation_for_macro_f1(clustered: bool) -> None:
    rng = np.random.default_rng(5)
    targets = rng.integers(0, 3, 240)
    a = np.where(rng.random(240) < 0.62, targets, rng.integers(0, 3, 240))
    b = np.where(rng.random(240) < 0.52, targets, rng.integers(0, 3, 240))
    plan = plan_of(240, [i // 4 for i in range(240)] if clustered else None)
    rows_a, rows_b = class_rows(targets, a), class_rows(targets, b)
    reference = sign_flip_test(rows_a, rows_b, macro_f1, plan, np.random.default_rng(0), 8000).p_value
    assert jackknife_t_test(rows_a, rows_b, macro_f1, plan).p_value == pytest.approx(reference, abs=0.02)
    assert 0.001 < reference < 0.5


def rejection_rate(simulate, trials: int = 800) -> float:
    rng = np.random.default_rng(11)
    return float(np.mean([simulate(rng) < 0.05 for _ in range(trials)]))


def test_type_one_rate_of_the_t_test_is_near_alpha() -> None:
    plan = plan_of(30, resamples=1)
    rate = rejection_rate(lambda rng: jackknife_t_test(rng.beta(1, 2, 30), rng.beta(1, 2, 30), mean, plan).p_value)
    assert rate == pytest.approx(0.05, abs=0.031)  # four standard errors of 800 trials


def test_type_one_rate_of_the_t_test_on_macro_f1_is_near_alpha() -> None:
    plan = plan_of(90, resamples=1)

    def simulate(rng) -> float:
        targets = rng.integers(0, 3, 90)
        a, b = (np.where(rng.random(90) < 0.6, targets, rng.integers(0, 3, 90)) for _ in range(2))
        return jackknife_t_test(class_rows(targets, a), class_rows(targets, b), macro_f1, plan).p_value

    assert rejection_rate(simulate) == pytest.approx(0.05, abs=0.031)


def test_type_one_rate_of_the_permutation_test_is_near_alpha() -> None:
    plan = plan_of(20, resamples=1)
    rate = rejection_rate(
        lambda rng: sign_flip_test(rng.random(20), rng.random(20), mean, plan, rng, flips=300).p_value, trials=600
    )
    assert rate == pytest.approx(0.05, abs=0.036)  # four standard errors of 600 trials


def test_on_clustered_data_the_cluster_version_keeps_alpha_and_the_other_does_not() -> None:
    groups = [i // 8 for i in range(160)]
    clustered, naive = plan_of(160, groups, resamples=1), plan_of(160, resamples=1)

    def simulate(plan):
        def p_value(rng) -> float:
            a, b = (np.repeat(rng.normal(0, 1, 20), 8) + rng.normal(0, 0.5, 160) for _ in range(2))
            return jackknife_t_test(a, b, mean, plan).p_value

        return p_value

    assert rejection_rate(simulate(clustered)) == pytest.approx(0.05, abs=0.031)
    assert rejection_rate(simulate(naive), trials=200) > 0.25


def test_the_cluster_interval_of_a_difference_is_wider_on_clustered_data() -> None:
    rng = np.random.default_rng(2)
    a, b = (np.repeat(rng.normal(0, 1, 25), 8) + rng.normal(0, 0.3, 200) for _ in range(2))
    with_clusters = compare(a, b, mean, plan_of(200, [i // 8 for i in range(200)]))
    without = compare(a, b, mean, plan_of(200))
    assert with_clusters.high - with_clusters.low > 1.8 * (without.high - without.low)
    assert with_clusters.p_value > without.p_value


def test_every_interval_is_its_own_test() -> None:
    rng = np.random.default_rng(0)
    groups = [i // 3 for i in range(60)]
    for _ in range(40):
        a, b = (rng.random(60) < 0.6).astype(float), (rng.random(60) < 0.5).astype(float)
        for plan, settings in ((plan_of(60), BINARY), (plan_of(60, groups), BINARY), (plan_of(60), None)):
            found = compare(a, b, mean, plan, settings)
            if found.delta == 0:
                continue
            inside, outside = (found.spread.together(abs(found.spread.z) * by) for by in (1.001, 0.999))
            assert inside.low < 0 < inside.high
            assert outside.low > 0 or outside.high < 0


def test_what_units_contribute_adds_up_to_the_difference() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(40), rng.random(40)
    for groups in (None, [i // 4 for i in range(40)]):
        plan = plan_of(40, groups)
        parts = unit_differences(resampled(a, mean, plan), resampled(b, mean, plan))
        assert len(parts) == plan.n_units
        assert parts.sum() == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize(("discordant", "n"), [(0.05, 40), (0.3, 40), (0.1, 100)])
def test_coverage_of_the_score_interval_where_few_rows_differ(discordant: float, n: int) -> None:
    rng, delta, hits, trials = np.random.default_rng(3), 0.6 * discordant, 0, 1500
    for _ in range(trials):
        only_a, only_b, _ = rng.multinomial(n, [(discordant + delta) / 2, (discordant - delta) / 2, 1 - discordant])
        low, high = ScoreSpread(only_a, only_b, n).interval(1.959964)
        hits += low <= delta <= high
    assert hits / trials > 0.93


def test_samples_too_few_behind_a_part_give_no_interval() -> None:
    found = compare([0.1, 0.5, 0.9], [0.2, 0.4, 0.4], mean, plan_of(3), ComparisonSettings(supported=False))
    assert (found.low, found.high, found.spread, found.interval(2.0)) == (None, None, None, None)
    assert found.delta == pytest.approx(1 / 6)


def test_together_a_t_statistic_is_what_signs_flip() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random(20), rng.random(20)
    found = compare(a, b, mean, plan_of(20))
    differences = a - b
    assert found.spread.z == pytest.approx(differences.sum() / np.sqrt((differences**2).sum()))
    assert found.spread.together(1.96).low < found.interval(1.96).low < found.spread.together(1.9).low
    assert found.spread.together(5.0) == (-math.inf, math.inf)  # no sum of 20 signs can be so large


def test_a_student_spread_at_any_level_equals_scipy() -> None:
    spread = StudentSpread(0.3, 0.1, 9)
    for level in (0.5, 0.95, 0.9999):
        low, high = spread.interval(normal_quantile(level))
        assert (low, high) == pytest.approx(stats.t.interval(level, 9, 0.3, 0.1), rel=1e-6)
    assert 2 * stats.norm.sf(spread.z) == pytest.approx(2 * stats.t.sf(3, 9))
    assert StudentSpread(-0.3, 1e-9, 9).z < -10


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros(9), np.zeros(10)),
        (np.zeros((10, 2)), np.zeros((10, 1))),
        (np.full(10, np.nan), np.zeros(10)),
        ([], []),
    ],
)
def test_unaligned_or_missing_scores_raise(a, b) -> None:
    with pytest.raises(ValueError):
        compare(a, b, mean, plan_of(10))


def test_scores_that_are_neither_right_nor_wrong_are_refused_as_binary() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        compare([0.5, 1.0], [0.0, 1.0], mean, plan_of(2), BINARY)


def test_a_thousand_comparisons_take_seconds() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((300, 2, 250))
    plan = plan_of(250)
    start = time.perf_counter()
    for a, b in scores:
        compare(a, b, mean, plan)
    assert time.perf_counter() - start < 3  # 0.2 s on two cores; the bound allows for a busy machine


def test_the_jackknife_of_equal_rows_finds_nothing() -> None:
    result = jackknife_t_test(np.full(9, 0.4), np.full(9, 0.4), mean, plan_of(9))
    assert (result.statistic, result.p_value) == (0.0, 1.0)


def test_an_interval_stays_finite_however_small_its_level() -> None:
    ends = StudentSpread(0.1, 0.02, 9, 10).interval(60.0)
    assert np.isfinite(ends).all()


def grouped_answers(rng: np.random.Generator, n: int, size: int, delta: float) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two variants of which one row in sixteen differs, half of the rows as all of their group do."""
    shared = np.repeat(rng.random(n // size), size)
    kind = np.where(rng.random(n) < 0.5, shared, rng.random(n))
    only_a = kind < (0.06 + delta) / 2
    return only_a.astype(float), ((kind < 0.06) & ~only_a).astype(float)


@pytest.mark.parametrize(("n", "size"), [(250, 5), (1000, 20)])
def test_the_interval_of_right_or_wrong_rows_in_groups_holds_the_truth_where_few_differ(n: int, size: int) -> None:
    rng, plan, times = np.random.default_rng(11), plan_of(n, [place // size for place in range(n)]), 400
    found = [compare(*grouped_answers(rng, n, size, 0.05), mean, plan, BINARY) for _ in range(times)]
    assert np.mean([one.low <= 0.05 <= one.high for one in found]) >= 0.93  # a t interval of groups: .92 and .90


def test_the_interval_in_groups_is_its_own_test_alone_and_in_a_family() -> None:
    rng, plan = np.random.default_rng(12), plan_of(200, [place // 5 for place in range(200)])
    for delta in np.repeat([0.0, 0.03, 0.06], 20):
        a, b = grouped_answers(rng, 200, 5, delta)
        found = compare(a, b, mean, plan, BINARY)
        z = stats.norm.isf(found.p_value / 2)
        if z < 1:
            continue
        for factor, holds in ((0.999, False), (1.001, True)):
            for ends in (found.interval(z * factor), found.spread.together(abs(found.spread.z) * factor)):
                assert (ends.low <= 0 <= ends.high) == holds
        flipped = unit_differences(resampled(a, mean, plan), resampled(b, mean, plan))
        assert abs(found.spread.z) <= abs(flipped.sum()) / np.sqrt(flipped @ flipped) + 1e-9


def test_rows_alone_are_groups_of_one() -> None:
    rng = np.random.default_rng(13)
    a, b = grouped_answers(rng, 400, 1, 0.03)
    alone = compare(a, b, mean, plan_of(400), BINARY)
    pair = np.r_[a, 1.0], np.r_[b, 1.0]  # one group of two among 399 rows
    grouped = compare(*pair, mean, plan_of(401, [*range(400), 399]), BINARY)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=0.002)
    assert grouped.discordant == pytest.approx(alone.discordant * 400 / 401)


@pytest.mark.parametrize(("n", "share"), [(40, 0.1), (100, 0.05)])
def test_the_interval_of_a_score_that_few_rows_change_holds_the_truth(n: int, share: float) -> None:
    rng, plan, times = np.random.default_rng(14), plan_of(n), 500
    covered = []
    for _ in range(times):
        gain = (rng.random(n) < share) * np.where(rng.random(n) < 0.9, 1, -1) * rng.beta(1, 6, n)
        found = compare(0.5 + gain, np.full(n, 0.5), mean, plan)
        covered.append(found.low <= share * 0.8 / 7 <= found.high)
    assert np.mean(covered) >= 0.93  # the plain t interval: .85


def test_few_rows_that_differ_are_taken_to_be_a_little_more_by_hand() -> None:
    a, b = np.full(10, 0.5), np.r_[0.1, 0.3, np.full(8, 0.5)]
    found = compare(a, b, mean, plan_of(10))
    far = (2 * 0.4 + 1.0) / 3  # between the largest seen and the largest possible
    differences = np.r_[0.4, 0.2, np.zeros(8)]
    error = np.sqrt((10 * differences.var() + 1.6 * far**2) / 10.6 / 11.6)  # 2·(1 - 2/10) more of 10
    half = stats.t.ppf(0.975, 9) * error
    assert (found.low, found.high) == pytest.approx((0.06 - half, 0.06 + half))
