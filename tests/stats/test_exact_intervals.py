"""Exact intervals of shares: published values, the rule of three, what an end may miss, and whole clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hanka.stats import exact_clustered_interval, exact_interval


def test_it_is_what_scipy_and_the_closed_form_give() -> None:
    found = exact_interval(7, 20)
    reference = stats.binomtest(7, 20).proportion_ci(0.95, method="exact")
    assert found == pytest.approx((reference.low, reference.high))
    assert exact_interval(0, 40, 0.9) == pytest.approx((0.0, 1 - 0.05 ** (1 / 40)))  # the rule of three: 3/40 = 0.075
    assert exact_interval(40, 40, 0.9) == pytest.approx((0.05 ** (1 / 40), 1.0))


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.5, 0.93, 0.999])
@pytest.mark.parametrize("n", [10, 59, 200])
def test_neither_end_misses_the_truth_more_often_than_promised(share: float, n: int) -> None:
    counts = np.arange(n + 1)
    ends = [exact_interval(float(k), n, 0.9) for k in counts]
    chances = stats.binom.pmf(counts, n, share)
    assert chances[[one.low > share for one in ends]].sum() <= 0.05
    assert chances[[one.high < share for one in ends]].sum() <= 0.05


def test_clusters_of_one_are_rows_and_clusters_of_equal_rows_are_one_row_each() -> None:
    hits = np.arange(60) % 4 == 0
    alone = exact_interval(15, 60)
    assert exact_clustered_interval(hits, np.ones(60)) == pytest.approx(tuple(alone), abs=0.01)
    whole = exact_clustered_interval(hits * 5.0, np.full(60, 5.0))
    assert whole == pytest.approx(tuple(alone), abs=0.01)
    none = exact_clustered_interval(np.zeros(60), np.full(60, 5.0))
    assert none.low == 0
    assert none.high >= exact_interval(0, 60).high  # what never varies is worth its clusters, fewer for the t quantile


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_counts_that_do_not_fit_are_refused(successes: float, n: int) -> None:
    with pytest.raises(ValueError, match="successes of"):
        exact_interval(successes, n)
