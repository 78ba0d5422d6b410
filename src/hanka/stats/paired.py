"""Paired comparison of two variants on the same samples: difference, interval, p-value.

Reading side: records → **statistics** → findings. `compare` is the entry; the tests are usable alone.

    0/1 scores without clusters       Tango's score interval, mid-p McNemar test
    0/1 scores in clusters            the same interval at the number of rows that clusters are worth, its t test
    everything else                   t interval and t test on jackknife pseudo-values, by whole clusters where
                                      there are any; where few differ, a little more is taken to (`components.py`)
    differences that do not vary      exact sign-flip test, p = 2^(1-units), and the interval that agrees with it
    no difference at all              p = 1, and what so many units could have hidden

Every interval is its own test: built again at the critical value of a family (`simultaneous.py`), it excludes 0
exactly where the adjusted p-value falls below 1 - level. There a t statistic is read as what signs flip, the sum over the root
of the sum of squares: with few units, or lumpy ones, the t quantile would promise too much.

Source: Tango (1998); Fagerland, Lydersen & Laake (2013); Efron & Tibshirani (1993), ch. 11. Limits: the jackknife
needs an aggregate that no single unit decides; clusters must be independent, and few clusters mean little power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.stats.components import variance_of_mean
from hanka.stats.intervals import Interval
from hanka.stats.resampling import Aggregate, FloatArray, Jackknife, Resampled, ResamplingPlan, resampled
from hanka.stats.score import paired_groups
from hanka.stats.sequential import Looks, looked
from hanka.stats.spreads import ConstantSpread, GroupedScoreSpread, NoSpread, ScoreSpread, Spread, StudentSpread

TestName: TypeAlias = Literal["identical", "mcnemar_mid_p", "grouped_score", "sign_flip", "jackknife_t"]
ROUNDING = 1e-9  # pseudo-values multiply rounding errors (1e-16) by the number of units


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """The difference of two variants on the same samples."""

    n: int
    "Samples in both."
    n_units: int
    "Independent units: clusters, or samples where there are none."
    value_a: float
    "Aggregate of a."
    value_b: float
    "Aggregate of b."
    delta: float
    "value_a - value_b, in score units."
    low: float | None
    "Lower end of the interval of delta; None where the samples support none."
    high: float | None
    "Upper end of the interval of delta."
    p_value: float
    "Two-sided, not adjusted for other comparisons."
    test: TestName
    "Which test gave it."
    spread: Spread | None
    "What intervals at other levels are made from; None where the samples support none."
    discordant: float | None
    "Share of rows that one side alone has right; None where scores are not 0 or 1."

    def interval(self, z: float) -> Interval | None:
        """Return the interval whose level a normal quantile says; None where the samples support none."""
        return None if self.spread is None else self.spread.interval(z)


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """The visible choices of a comparison."""

    binary: bool = False
    "Whether column 0 is 0 or 1 and the aggregate is its mean."
    level: float = 0.95
    "Of the interval."
    span: float = 1.0
    "Largest possible difference of one sample, for what may hide where none or few differ."
    supported: bool = True
    "Whether there are samples enough behind every part of the aggregate for an interval."
    looks: Looks | None = None
    "Planned looks at rows that still come in, which the interval holds at; None: all rows were there at once."


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
    delta = a - b. Raises ValueError if shapes differ or a value is not finite. Source: module docstring.
    """
    return compare_resampled(resampled(a, aggregate, plan), resampled(b, aggregate, plan), settings)


def compare_resampled(a: Resampled, b: Resampled, settings: ComparisonSettings | None = None) -> PairedComparison:
    """Compare two variants' statistics under the same plan, by the same aggregate; see `compare`."""
    settings = settings or ComparisonSettings()
    pair, plan = _checked(a, b), a.plan
    name, alone = _binary(pair) if settings.binary else _general(pair, settings)
    spread = looked(alone, settings.looks, settings.span)
    p_value = spread.p_value
    if np.array_equal(a.unit_rows, b.unit_rows):
        name, p_value = "identical", 1.0
    ends = spread.interval(normal_quantile(settings.level)) if settings.supported else None
    value_a, value_b = a.whole.value, b.whole.value
    return PairedComparison(
        n=plan.n,
        n_units=plan.n_units,
        value_a=value_a,
        value_b=value_b,
        delta=0.0 if name == "identical" else value_a - value_b,
        low=ends.low if ends else None,
        high=ends.high if ends else None,
        p_value=p_value,
        test=name,
        spread=spread if settings.supported else None,
        discordant=float(np.mean(a.rows[:, 0] != b.rows[:, 0])) if settings.binary else None,
    )


def unit_differences(a: Resampled, b: Resampled) -> FloatArray:
    """Return what each unit contributes to the difference, (n_units,): their sum is the jackknife's estimate of it."""
    pseudo_values = _checked(a, b).difference.pseudo_values
    return pseudo_values / len(pseudo_values)


def normal_quantile(level: float) -> float:
    """Return the normal quantile of a two-sided level: 1.96 for 0.95."""
    if not 0 < level < 1:
        raise ValueError(f"level {level}: must lie between 0 and 1, for example 0.95")
    return -float(special.ndtri((1 - level) / 2))


def jackknife_t_test(a: npt.ArrayLike, b: npt.ArrayLike, aggregate: Aggregate, plan: ResamplingPlan) -> TestResult:
    """Paired t test of aggregate(a) - aggregate(b) with the jackknife's standard error.

    For a mean of independent samples it is the plain paired t test. With clusters, whole clusters are left out
    and m - 1 degrees of freedom are used for m clusters. Pseudo-values without spread: p = 1 where the
    difference is 0, else the exact sign-flip p = 2^(1-m), its statistic being inf.
    Source: Efron & Tibshirani (1993), ch. 11.
    """
    pair = _pair(a, b, aggregate, plan)
    difference = pair.difference
    error = _error(difference)
    if error == 0:
        is_zero = _is_nothing(difference.value, pair.a.whole.value)
        p_value = 1.0 if is_zero else 2.0 ** (1 - plan.n_units)
        return TestResult(0.0 if is_zero else math.copysign(math.inf, difference.value), p_value)
    t = difference.value / error
    return TestResult(t, float(2 * special.stdtr(plan.n_units - 1, -abs(t))))


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


def _binary(pair: Pair) -> tuple[TestName, Spread]:
    right_a, right_b, plan = pair.a.rows[:, 0], pair.b.rows[:, 0], pair.a.plan
    if not np.isin(np.concatenate([right_a, right_b]), (0.0, 1.0)).all():
        raise ValueError("McNemar's test needs scores that are 0 or 1")
    if plan.is_clustered:
        return "grouped_score", GroupedScoreSpread(paired_groups(right_a, right_b, plan.units))
    only_a, only_b = int((right_a > right_b).sum()), int((right_b > right_a).sum())
    return "mcnemar_mid_p", ScoreSpread(only_a, only_b, len(right_a))


def _general(pair: Pair, settings: ComparisonSettings) -> tuple[TestName, Spread]:
    difference, m = pair.difference, pair.a.plan.n_units
    delta = difference.value
    if _error(difference) > 0:
        n_differing = int((pair.a.unit_rows != pair.b.unit_rows).any(axis=1).sum())
        error = math.sqrt(variance_of_mean(difference.pseudo_values, n_differing, settings.span))
        return "jackknife_t", StudentSpread(delta, error, m - 1, m)
    if _is_nothing(delta, pair.a.whole.value):
        return "sign_flip", NoSpread(settings.span, m)
    if m < 2:
        return "sign_flip", NoSpread(max(settings.span, abs(delta)), m)
    return "sign_flip", ConstantSpread(delta, m)


def _error(difference: Jackknife) -> float:
    """Return the jackknife's standard error; 0 where nothing but rounding varies."""
    pseudo_values = difference.pseudo_values
    if np.ptp(pseudo_values) <= ROUNDING * max(1.0, float(np.abs(pseudo_values).max())):
        return 0.0
    return float(pseudo_values.std(ddof=1)) / math.sqrt(len(pseudo_values))


def _is_nothing(delta: float, value: float) -> bool:
    return abs(delta) <= ROUNDING * max(1.0, abs(value))
