"""Paired shares of rows in groups: what groups are worth by hand, and how seldom a bound misses a margin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hanka.stats import GroupedScoreSpread, Interval, paired_groups
from hanka.stats.score import score_interval

Z = 1.6448536269514722


def test_rows_of_their_own_are_worth_themselves() -> None:
    a = np.repeat([1.0, 0.0, 1.0], [10, 4, 186])
    b = np.repeat([0.0, 1.0, 1.0], [10, 4, 186])
    found = paired_groups(a, b, np.arange(200))
    assert (found.only_a, found.only_b, found.n, found.n_groups) == (10, 4, 200, 200)
    assert found.effect == pytest.approx(200 / 199)
    t = stats.t.ppf(0.95, 199)
    f = (Z / t) ** 2 * 199 / 200
    assert found.interval(Z) == score_interval(10 * f, 4 * f, 200 * f, Z)


def test_groups_whose_rows_go_together_are_worth_one_row_each() -> None:
    groups = np.repeat(np.arange(40), 5)
    a = np.repeat(np.arange(40) < 8, 5).astype(float)  # eight groups right with a alone
    found = paired_groups(a, np.zeros(200), groups)
    # by groups: 40/39 · Σ(s - 5·0.2)²/200² = 40/39 · (8·16 + 32·1)/40,000; by rows: (0.2 - 0.04)/200
    assert found.effect == pytest.approx(40 / 39 * 5)


def test_where_nothing_differs_a_group_is_worth_one_row() -> None:
    found = paired_groups(np.ones(200), np.ones(200), np.repeat(np.arange(40), 5))
    assert found.effect == 5
    t = stats.t.ppf(0.95, 39)
    worth = 200 / 5 * (Z / t) ** 2
    assert found.interval(Z).low == pytest.approx(-(Z**2) / (worth + Z**2))


def test_few_differing_rows_say_little_about_groups() -> None:
    a = np.zeros(200)
    a[[0, 50]] = 1.0  # two rows of two groups: grouping seems to matter nothing
    found = paired_groups(a, np.zeros(200), np.repeat(np.arange(40), 5))
    assert found.effect == pytest.approx((2 * 1 + 2 * 5) / 4, abs=0.1)


def test_few_groups_bound_nothing_at_a_high_level_and_one_group_is_refused() -> None:
    found = paired_groups(np.ones(10), np.zeros(10), np.repeat([0, 1], 5))
    assert found.interval(8.0) == Interval(-1.0, 1.0)
    with pytest.raises(ValueError, match="1 groups"):
        paired_groups(np.ones(10), np.zeros(10), np.zeros(10))


@pytest.mark.parametrize(("n", "size", "lost"), [(250, 5, 0.05), (250, 10, 0.1)])
def test_a_margin_is_seldom_missed_where_few_groups_differ(n: int, size: int, lost: float) -> None:
    rng, misses, times = np.random.default_rng(4), 0, 400
    units = np.arange(n) // size
    for _ in range(times):
        shared = rng.random(n // size)[units]
        kind = np.where(rng.random(n) < 0.5, shared, rng.random(n))
        before, after = (kind < lost + 0.01).astype(float), ((kind >= lost + 0.01) & (kind < lost + 0.02)).astype(float)
        misses += paired_groups(after, before, units).interval(Z).low > -lost
    assert (
        misses / times <= 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5
    )  # a t interval of groups misses it in 9 and 13 of 100


@pytest.mark.parametrize("only_a", [0, 1, 89, 150, 300])
def test_where_every_row_differs_any_critical_value_has_an_interval(only_a: int) -> None:
    """Counts that are multiplied by what groups are worth may add up to more than the rows by rounding."""
    a = np.arange(300) < only_a
    found = paired_groups(a, ~a, np.arange(300) // 2)
    for critical in np.linspace(1.0, 4.0, 301):
        ends = GroupedScoreSpread(found).together(float(critical))
        assert -1 <= ends.low <= (2 * only_a - 300) / 300 <= ends.high <= 1
    for effect in np.linspace(1.0, 50.0, 301):
        ends = score_interval(only_a / effect, (300 - only_a) / effect, 300 / effect, 1.96)
        assert -1 <= ends.low <= ends.high <= 1
