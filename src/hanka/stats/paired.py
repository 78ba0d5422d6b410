"""Paired comparison of two variants on the same samples: difference, interval, p-value.

Reading side: records → **statistics** → findings. `compare` is the entry; the tests are usable alone.

    identical statistics              difference 0, p = 1
    0/1 scores without clusters       exact McNemar test
    differences that do not vary      exact sign-flip test, p = 2^(1-units)
    everything else                   t test on jackknife pseudo-values; by whole clusters where there are any

Intervals of the difference are bootstrap intervals. The interval and the test are different procedures, so
near the threshold one may exclude 0 and the other not; verdicts follow the test.

Source: Efron & Tibshirani (1993), ch. 11; McNemar (1947); Dror et al. (2018), "The hitchhiker's guide to
testing statistical significance in NLP". Limits: exact McNemar is conservative; the jackknife needs an
aggregate that no single unit decides; clusters must be independent, and few clusters mean little power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.stats.intervals import BootstrapMethod, Interval, replicate_interval
from hanka.stats.power import minimum_detectable_difference, minimum_detectable_discordance
from hanka.stats.resampling import Aggregate, FloatArray, Jackknife, Resampled, ResamplingPlan, resampled

TestName: TypeAlias = Literal["identical", "mcnemar", "sign_flip", "jackknife_t"]
ROUNDING = 1e-9  # pseudo-values multiply rounding errors (1e-16) by the number of units


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """The difference of two variants on the same samples."""

    n: int
    "Samples in both."
    value_a: float
    "Aggregate of a."
    value_b: float
    "Aggregate of b."
    delta: float
    "value_a - value_b, in score units."
    low: float
    "Lower end of the interval of delta."
    high: float
    "Upper end of the interval of delta."
    p_value: float
    "Two-sided, not adjusted for other comparisons."
    test: TestName
    "Which test gave it."
    mde: float
    "Smallest |delta| this comparison would have found with the wanted power; inf where n is too small for any."


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """The visible choices of a comparison."""

    binary: bool = False
    "Whether column 0 is 0 or 1 and the aggregate is its mean."
    level: float = 0.95
    "Of the interval; the test that the minimum detectable difference assumes has alpha = 1 - level."
    power: float = 0.8
    "Of the minimum detectable difference."
    span: float = 1.0
    "Largest possible difference of one sample, for the minimum detectable difference where none differs."


class TestResult(NamedTuple):
    """A test statistic and its two-sided p-value."""

    statistic: float
    p_value: float


class Pair(NamedTuple):
    """Two variants' statistics under one plan."""

    a: Resampled
    b: Resampled

    @property
    def difference(self) -> Jackknife:
        """The jackknife of a minus b."""
        whole_a, whole_b = self.a.whole, self.b.whole
        return Jackknife(whole_a.value - whole_b.value, whole_a.left_out - whole_b.left_out)


def compare(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    aggregate: Aggregate,
    plan: ResamplingPlan,
    settings: ComparisonSettings | None = None,
) -> PairedComparison:
    """Compare variant a with variant b (the base) on the same samples.

    a, b: (n, k) or (n,) statistics aligned by sample id and with the plan; nulls removed by the caller.
    delta = a - b. Where no sample differs, delta and its interval are exactly 0 and p = 1: the two are the same
    on this test set, and `mde` says what it could have shown. Raises ValueError if shapes differ or a value is
    not finite. Source: module docstring.
    """
    return compare_resampled(resampled(a, aggregate, plan), resampled(b, aggregate, plan), settings)


def compare_resampled(a: Resampled, b: Resampled, settings: ComparisonSettings | None = None) -> PairedComparison:
    """Compare two variants' statistics under the same plan, by the same aggregate; see `compare`."""
    settings = settings or ComparisonSettings()
    pair, plan = _checked(a, b), a.plan
    difference = pair.difference
    mde = _minimum_detectable(difference, plan, settings)
    if np.array_equal(a.unit_rows, b.unit_rows):
        value = a.whole.value
        return PairedComparison(plan.n, value, value, 0.0, 0.0, 0.0, 1.0, "identical", mde)
    name, result = _test(pair, difference, settings)
    low, high = _difference_interval(pair, difference, settings.level)
    values = a.whole.value, b.whole.value
    return PairedComparison(plan.n, *values, difference.value, low, high, result.p_value, name, mde)


def paired_bootstrap(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    aggregate: Aggregate,
    plan: ResamplingPlan,
    level: float = 0.95,
    method: BootstrapMethod = "expanded",
) -> Interval:
    """Paired bootstrap interval of aggregate(a) - aggregate(b).

    a, b: (n, k) or (n,) statistics aligned by sample id; each resample takes the same samples (or clusters)
    from both. Raises ValueError if shapes differ. Source: Efron & Tibshirani (1993), ch. 13.
    """
    pair = _pair(a, b, aggregate, plan)
    return _difference_interval(pair, pair.difference, level, method)


def mcnemar_test(a: npt.ArrayLike, b: npt.ArrayLike) -> TestResult:
    """Exact two-sided McNemar test of paired 0/1 scores, (n,) each; independent samples.

    The statistic is the number of samples that only a has right. No discordant pair gives p = 1. Raises
    ValueError if shapes differ or a score is neither 0 nor 1. Source: McNemar (1947), exact binomial form.
    """
    right_a, right_b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if right_a.shape != right_b.shape or right_a.size == 0:
        raise ValueError(f"scores of shapes {right_a.shape} and {right_b.shape}: need equal, not empty")
    if not np.isin(np.concatenate([right_a, right_b]), (0.0, 1.0)).all():
        raise ValueError("McNemar's test needs scores that are 0 or 1")
    only_a, only_b = int((right_a > right_b).sum()), int((right_b > right_a).sum())
    one_side = float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    return TestResult(float(only_a), min(1.0, 2 * one_side))


def jackknife_t_test(a: npt.ArrayLike, b: npt.ArrayLike, aggregate: Aggregate, plan: ResamplingPlan) -> TestResult:
    """Paired t test on the jackknife pseudo-values of aggregate(a) - aggregate(b).

    For a mean of independent samples it is the plain paired t test. With clusters, whole clusters are left out
    and m - 1 degrees of freedom are used for m clusters. Pseudo-values without spread: p = 1 where the
    difference is 0, else the exact sign-flip p = 2^(1-m), its statistic being inf.
    Source: Efron & Tibshirani (1993), ch. 11.
    """
    pair = _pair(a, b, aggregate, plan)
    return _t_test(pair, pair.difference)


def sign_flip_test(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    aggregate: Aggregate,
    plan: ResamplingPlan,
    rng: np.random.Generator,
    flips: int = 10_000,
) -> TestResult:
    """Monte-Carlo permutation test: swap a and b at random in each unit (sample or cluster).

    The reference for the faster tests: exact in expectation for any aggregate under exchangeability.
    p = (1 + permutations at least as extreme) / (1 + flips). The statistic is the difference.
    Source: Efron & Tibshirani (1993), ch. 15; Phipson & Smyth (2010) for the added ones.
    """
    pair = _pair(a, b, aggregate, plan)
    delta = pair.difference.value
    swaps = rng.integers(0, 2, size=(flips, plan.n_units)).astype(np.float64)
    unit_a, unit_b = pair.a.unit_rows, pair.b.unit_rows
    moved = swaps @ (unit_b - unit_a)
    n = np.full(flips, float(plan.n))
    permuted = aggregate(unit_a.sum(axis=0) + moved, n) - aggregate(unit_b.sum(axis=0) - moved, n)
    extreme = np.abs(permuted) >= abs(delta) * (1 - ROUNDING) - ROUNDING**2
    return TestResult(delta, (1 + int(extreme.sum())) / (1 + flips))


def _pair(a: npt.ArrayLike, b: npt.ArrayLike, aggregate: Aggregate, plan: ResamplingPlan) -> Pair:
    return _checked(resampled(a, aggregate, plan), resampled(b, aggregate, plan))


def _checked(a: Resampled, b: Resampled) -> Pair:
    if a.rows.shape != b.rows.shape:
        raise ValueError(f"statistics of {a.rows.shape[1]} and {b.rows.shape[1]} columns: not the same metric")
    return Pair(a, b)


def _difference_interval(
    pair: Pair, difference: Jackknife, level: float, method: BootstrapMethod = "expanded"
) -> Interval:
    return replicate_interval(pair.a.replicates - pair.b.replicates, difference, level, method)


def _has_spread(pseudo_values: FloatArray) -> bool:
    return bool(np.ptp(pseudo_values) > ROUNDING * max(1.0, float(np.abs(pseudo_values).max())))


def _test(pair: Pair, difference: Jackknife, settings: ComparisonSettings) -> tuple[TestName, TestResult]:
    if settings.binary and not pair.a.plan.is_clustered:
        return "mcnemar", mcnemar_test(pair.a.unit_rows[:, 0], pair.b.unit_rows[:, 0])
    return ("jackknife_t" if _has_spread(difference.pseudo_values) else "sign_flip"), _t_test(pair, difference)


def _t_test(pair: Pair, difference: Jackknife) -> TestResult:
    pseudo_values = difference.pseudo_values
    m = len(pseudo_values)
    centre = float(pseudo_values.mean())
    if not _has_spread(pseudo_values):
        if abs(centre) <= ROUNDING * max(1.0, abs(pair.a.whole.value)):
            return TestResult(0.0, 1.0)
        return TestResult(math.copysign(math.inf, centre), 2.0 ** (1 - m))
    t = centre / (float(pseudo_values.std(ddof=1)) / math.sqrt(m))
    return TestResult(t, float(2 * special.stdtr(m - 1, -abs(t))))


def _minimum_detectable(difference: Jackknife, plan: ResamplingPlan, settings: ComparisonSettings) -> float:
    pseudo_values = difference.pseudo_values
    alpha = 1 - settings.level
    if _has_spread(pseudo_values):
        sd = float(pseudo_values.std(ddof=1))
        return minimum_detectable_difference(sd, plan.n_units, alpha, settings.power)
    return settings.span * minimum_detectable_discordance(plan.n_units, alpha, settings.power)
