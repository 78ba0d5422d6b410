from __future__ import annotations

import numpy as np
import pytest

from hanka.stats.components import Term, degrees_of_freedom, items_term, replicates_term, standard_error
from hanka.stats.spreads import StudentSpread


def test_terms_by_hand() -> None:
    items = items_term([np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 1.0, 0.0])], [0.5, 0.5])
    # Variances 1/3 and 1/3, over 4 and 3 rows, a quarter of each.
    assert items.variance == pytest.approx((1 / 3 / 4 + 1 / 3 / 3) / 4)
    seeds = replicates_term("seeds", [0.1, 0.3])
    assert seeds == Term("seeds", pytest.approx(0.02 / 2), 1)
    assert standard_error([items, seeds]) == pytest.approx((items.variance + 0.01) ** 0.5)
    both = (items.variance + 0.01) ** 2 / (items.variance**2 / items.df + 0.01**2 / 1)
    assert degrees_of_freedom([items, seeds]) == pytest.approx(both)


def test_one_seed_adds_nothing() -> None:
    assert replicates_term("seeds", [0.2]) is None


def test_one_row_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        items_term([np.array([1.0])], [1.0])


def test_nothing_that_varies_keeps_the_most_degrees_of_freedom() -> None:
    assert degrees_of_freedom([Term("items", 0.0, 39), Term("seeds", 0.0, 2)]) == 39


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_the_interval_covers_the_method_and_not_only_these_checkpoints(n_seeds: int) -> None:
    """1,000 rows, seeds that spread by 3 points: without their term an interval covers less than 70 %."""
    rng, truth, covered, without = np.random.default_rng(0), 0.05, 0, 0
    for _ in range(600):
        effects = rng.normal(0, 0.03, n_seeds)
        rows = rng.normal(truth, 0.4, 1000) + effects.mean() + rng.normal(0, 0.1, 1000)
        terms = [items_term([rows], [1.0]), replicates_term("seeds", list(rows.mean() - effects.mean() + effects))]
        for kept, counted in ((terms, True), (terms[:1], False)):
            low, high = StudentSpread(rows.mean(), standard_error(kept), degrees_of_freedom(kept)).interval(1.959964)
            covered += counted and low <= truth <= high
            without += not counted and low <= truth <= high
    assert covered / 600 > 0.93
    assert without / 600 < 0.85
