from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hanka.stats.intervals import (
    bootstrap_interval,
    clustered_share_interval,
    estimate,
    estimate_resampled,
    t_interval,
    wilson_interval,
)
from hanka.stats.resampling import mean, plan_resampling, resampled

# Law school data, Efron & Tibshirani (1993), table 3.1: LSAT and GPA of 15 schools.
LSAT = np.array([576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594.0])
GPA = np.array([3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96])


def correlation(sums, n):
    x, y, xx, yy, xy = np.moveaxis(sums / n[..., None], -1, 0)
    return (xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y))


LAW = np.column_stack([LSAT, GPA, LSAT**2, GPA**2, LSAT * GPA])


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_newcombe_1998_table_1(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 2), (3, 7), (250, 250), (1, 1000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_equals_scipy_and_stays_in_range(successes: int, n: int, level: float) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    interval = wilson_interval(successes, n, level)
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1


def test_t_interval_matches_students_sleep_data() -> None:
    # Student (1908), Cushny & Peebles: differences of ten patients; mean 1.58, 95 % interval 0.700 to 2.460.
    differences = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert t_interval(differences) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


@pytest.mark.parametrize(("method", "low", "high"), [("percentile", 0.459, 0.962), ("bca", 0.328, 0.942)])
def test_percentile_and_bca_agree_with_scipy_on_the_law_school_data(method: str, low: float, high: float) -> None:
    """Expected: scipy.stats.bootstrap 1.17.1, paired, 200,000 resamples, the mean of three seeds 0.008 apart at most."""
    plan = plan_resampling(15, np.random.default_rng(0), resamples=20_000)
    interval = bootstrap_interval(LAW, correlation, plan, method=method)
    # Monte-Carlo error at 20,000 resamples: near 0.01 for BCa's lower end, below 0.003 for the others.
    assert interval == pytest.approx((low, high), abs=0.02)


def test_bootstrap_standard_error_matches_efron_and_tibshirani() -> None:
    # Table 6.1: 0.132 at 3200 resamples, whose own Monte-Carlo error is about 0.002: three of them.
    plan = plan_resampling(15, np.random.default_rng(0), resamples=20_000)
    assert plan.replicates(LAW, correlation).std(ddof=1) == pytest.approx(0.132, abs=0.006)


@pytest.mark.parametrize("n", [5, 20, 250])
def test_the_expanded_interval_is_as_wide_as_the_t_interval_for_normal_data(n: int) -> None:
    values = stats.norm.ppf((np.arange(n) + 0.5) / n)
    low, high = bootstrap_interval(values, mean, plan_resampling(n, np.random.default_rng(0), resamples=20_000))
    expected = t_interval(values)
    # 15 % at n = 5, where five values cannot fill the tails of a t distribution; else Monte-Carlo error.
    assert high - low == pytest.approx(expected.high - expected.low, rel=0.15 if n == 5 else 0.03)


def coverage(method: str, draw, truth: float, n: int, trials: int = 400) -> float:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(trials):
        sample = draw(rng, n)
        if method == "t":
            low, high = t_interval(sample)
        elif method == "wilson":
            low, high = wilson_interval(sample.sum(), n)
        else:
            low, high = bootstrap_interval(sample, mean, plan_resampling(n, rng, resamples=600), method=method)
        hits += low <= truth <= high
    return hits / trials


@pytest.mark.parametrize(
    ("method", "draw", "truth", "n"),
    [
        ("t", lambda rng, n: rng.normal(0.3, 1, n), 0.3, 10),
        ("wilson", lambda rng, n: (rng.random(n) < 0.2).astype(float), 0.2, 40),
        ("expanded", lambda rng, n: rng.normal(0.3, 1, n), 0.3, 20),
        ("expanded", lambda rng, n: rng.beta(1, 3, n), 0.25, 60),
        ("bca", lambda rng, n: rng.beta(1, 3, n), 0.25, 60),
    ],
    ids=["t", "wilson", "expanded-normal", "expanded-skewed", "bca-skewed"],
)
def test_coverage_is_near_nominal(method: str, draw, truth: float, n: int) -> None:
    # 400 trials at 95 %: standard error 1.1 points; four of them.
    assert coverage(method, draw, truth, n) == pytest.approx(0.95, abs=0.044)


def test_whole_clusters_make_the_interval_wider_and_cover() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 6).tolist()
    covered, ratios = {"clusters": 0, "samples": 0}, []
    trials = 150
    for _ in range(trials):
        values = np.repeat(rng.normal(0, 1, 40), 6) + rng.normal(0, 0.3, 240)
        plans = {"clusters": plan_resampling(240, rng, groups, 400), "samples": plan_resampling(240, rng, None, 400)}
        intervals = {name: bootstrap_interval(values, mean, plan) for name, plan in plans.items()}
        widths = {name: interval.high - interval.low for name, interval in intervals.items()}
        ratios.append(widths["clusters"] / widths["samples"])
        for name, (low, high) in intervals.items():
            covered[name] += low <= 0 <= high
    assert np.mean(ratios) == pytest.approx(np.sqrt(6), rel=0.15)  # nearly full correlation within six samples
    assert covered["clusters"] / trials == pytest.approx(0.95, abs=0.07)  # 4 standard errors of 150 trials
    assert covered["samples"] / trials < 0.75


def test_estimate_picks_the_method() -> None:
    rng = np.random.default_rng(0)
    plain, clustered = plan_resampling(40, rng), plan_resampling(40, rng, [i // 4 for i in range(40)])
    hits = (np.arange(40) % 4 == 0).astype(float)
    assert estimate(hits, mean, plain, binary=True).method == "wilson"
    assert estimate(hits, mean, plain).method == "bootstrap"
    assert estimate(rng.random(40) < 0.5, mean, clustered, binary=True).method == "wilson_of_clusters"
    constant = estimate(np.zeros(40), mean, clustered, binary=True)
    assert (constant.value, constant.low) == (0.0, 0.0)
    assert constant.high > wilson_interval(0, 10).high  # ten clusters, and t instead of z
    unsupported = estimate_resampled(resampled(hits, mean, plain), supported=False)
    assert (unsupported.value, unsupported.low, unsupported.high, unsupported.method) == (0.25, None, None, "none")


@pytest.mark.parametrize(("share", "n_clusters"), [(0.5, 8), (0.9, 20), (0.98, 50)])
def test_coverage_of_a_share_in_clusters_of_five(share: float, n_clusters: int) -> None:
    rng, hits, trials = np.random.default_rng(0), 0, 1000
    cut = stats.norm.ppf(share)
    for _ in range(trials):
        latent = np.sqrt(0.5) * rng.normal(size=(n_clusters, 1)) + np.sqrt(0.5) * rng.normal(size=(n_clusters, 5))
        low, high = clustered_share_interval((latent < cut).sum(axis=1), np.full(n_clusters, 5))
        hits += low <= share <= high
    assert hits / trials > 0.93


def test_four_clusters_of_two_by_hand() -> None:
    # share 1/2; variance 4/3 · (1 + 1 + 0 + 0) / 8² = 1/24, worth 1/4 · 24 = 6 rows; t(3) = 3.18245 for z = 1.95996
    n, z = 6 * (1.959964 / 3.182446) ** 2, 1.959964
    half = z / (1 + z * z / n) * math.sqrt(0.25 / n + z * z / (4 * n * n))
    assert clustered_share_interval([2, 0, 1, 1], [2, 2, 2, 2]) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_clusters_of_one_are_worth_themselves() -> None:
    hits = np.arange(200) % 4 == 0
    low, high = clustered_share_interval(hits, np.ones(200))
    plain = wilson_interval(50, 200)
    assert (low, high) == pytest.approx((plain.low, plain.high), abs=0.003)


def test_bootstrap_of_values_that_do_not_vary_has_no_width() -> None:
    result = estimate(np.full(30, 0.1), mean, plan_resampling(30, np.random.default_rng(0)))
    assert (result.low, result.high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson_interval(1, 1),
        lambda: wilson_interval(0, 0),
        lambda: wilson_interval(5, 4),
        lambda: wilson_interval(1, 4, level=95),
        lambda: t_interval([1.0]),
        lambda: t_interval([]),
        lambda: t_interval([1.0, float("nan")]),
    ],
)
def test_intervals_refuse_what_has_no_interval(call) -> None:
    with pytest.raises(ValueError):
        call()
