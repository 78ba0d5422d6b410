"""Covariances of means on shared rows: equal to the plain one with many rows, orderly with few, checked against hand computation."""

from __future__ import annotations

import numpy as np
import pytest

from hanka.stats.shrinkage import HITS_AND_MISSES, averaged_within, covariance_of_means, shrunk_covariance


def test_columns_of_one_variance_and_one_covariance_stay_as_they_are() -> None:
    """All deviations are 1 or -1: variances 4/3, covariances 0."""
    values = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert shrunk_covariance(values) == pytest.approx(np.diag([4 / 3, 4 / 3]))


def test_many_rows_leave_the_sample_covariance_as_it_is() -> None:
    """Correlations of 0.9 and 0.1 are no noise with 20,000 rows."""
    true = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.1], [0.1, 0.1, 1.0]])
    values = np.random.default_rng(1).multivariate_normal(np.zeros(3), true, 20_000)
    assert shrunk_covariance(values) == pytest.approx(np.cov(values, rowvar=False), abs=0.01)


def test_few_rows_of_one_correlation_are_drawn_nearer_to_the_truth() -> None:
    true = np.full((12, 12), 0.5) + 0.5 * np.eye(12)
    rng = np.random.default_rng(2)
    off = [0.0, 0.0]
    for _ in range(40):
        values = rng.multivariate_normal(np.zeros(12), true, 30)
        for place, found in enumerate((np.cov(values, rowvar=False), shrunk_covariance(values))):
            off[place] += float(((np.linalg.inv(found) - np.linalg.inv(true)) ** 2).sum())
    assert off[1] < off[0] / 3


def test_the_whole_variance_is_kept_however_far_it_is_drawn() -> None:
    values = np.random.default_rng(3).normal(size=(8, 5)) * np.array([1, 2, 1, 2, 1])
    found, plain = shrunk_covariance(values), np.cov(values, rowvar=False)
    assert np.trace(found) == pytest.approx(np.trace(plain))
    assert found.sum() == pytest.approx(plain.sum())
    assert np.ptp(np.diag(found)) < np.ptp(np.diag(plain))


def test_one_column_has_its_plain_variance() -> None:
    assert shrunk_covariance(np.array([[1.0], [2.0], [6.0]])) == pytest.approx(np.array([[7.0]]))


def test_members_of_a_group_are_alike_afterwards() -> None:
    covariance = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 1.5], [0.5, 1.5, 9.0]])
    found = averaged_within(covariance, np.array([7, 7, 8]))
    assert found == pytest.approx(np.array([[3.0, 1.0, 1.0], [1.0, 3.0, 1.0], [1.0, 1.0, 9.0]]))


def test_right_or_wrong_rows_get_two_hits_and_two_misses() -> None:
    """Ten hits with one training, five with the other: of 14 values 12 and 7 are hits; drawn together, the sum of variances stays."""
    table = np.column_stack([np.ones(10), np.repeat([1.0, 0.0], 5)])
    found = covariance_of_means(table, 1.0, True)
    assert len(HITS_AND_MISSES) == 4
    scale, hidden = 9 / 7 / 14, 0.5 / 100  # half of the rows agree
    whole = 14 / 13 * (12 / 14 * 2 / 14 + 1 / 4) * scale
    assert np.trace(found) == pytest.approx(whole + 2 * hidden)
    assert found[0, 1] == pytest.approx(14 / 13 * (7 / 14 - 12 / 14 * 7 / 14) * scale)


def test_too_few_units_and_values_that_are_none_are_refused() -> None:
    for table in (np.ones((3, 2)), np.full((9, 2), np.nan), np.ones(9)):
        with pytest.raises(ValueError, match="at least 4 units, all values finite"):
            covariance_of_means(table, 1.0, True)
