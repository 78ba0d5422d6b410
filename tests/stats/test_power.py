from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from hanka.stats.power import design_effect, rows_to_exclude, rows_to_show
from hanka.stats.score import mcnemar_mid_p, score_interval

# Share of rows that differ, true difference, local level → rows: worked out by hand from Connor (1987).
TABLE = [
    (0.1, 0.05, 0.05, 312), (0.1, 0.05, 0.05 / 24, 612), (0.2, 0.05, 0.05, 626), (0.2, 0.05, 0.05 / 24, 1226),
    (0.2, 0.10, 0.05, 155), (0.2, 0.10, 0.05 / 24, 304), (0.3, 0.05, 0.05, 940), (0.3, 0.10, 0.05, 234),
]  # fmt: skip


@pytest.mark.parametrize(("spread", "difference", "alpha", "rows"), TABLE)
def test_rows_to_show_a_difference(spread: float, difference: float, alpha: float, rows: int) -> None:
    assert rows_to_show(difference, spread, alpha) == rows
    assert rows_to_show(-difference, spread, alpha) == rows


def test_so_many_rows_find_the_difference_as_often_as_promised() -> None:
    rng, n = np.random.default_rng(0), rows_to_show(0.1, 0.2, 0.05)
    drawn = rng.multinomial(n, [0.15, 0.05, 0.8], size=2000)
    found = np.mean([mcnemar_mid_p(int(a), int(b)) < 0.05 for a, b, _ in drawn])
    assert found == pytest.approx(0.8, abs=0.04)


def test_a_difference_on_every_differing_row_needs_the_fewest() -> None:
    assert rows_to_show(0.2, 0.2, 0.05) < rows_to_show(0.2, 0.4, 0.05)
    assert rows_to_show(1.0, 1.0, 0.05) == 4


@pytest.mark.parametrize(("difference", "alpha"), [(0.02, 0.1), (0.05, 0.05), (0.3, 0.01)])
def test_rows_that_all_agree_exclude_a_difference_at_that_number_and_not_before(
    difference: float, alpha: float
) -> None:
    n, z = rows_to_exclude(difference, alpha), float(special.ndtri(1 - alpha / 2))
    assert score_interval(0, 0, n, z).high < difference <= score_interval(0, 0, n - 1, z).high
    assert rows_to_exclude(0.02, 0.1) == 133


def test_groups_are_worth_fewer_rows() -> None:
    assert design_effect(100, 100, 0.5, 0.2) == 1.0
    assert design_effect(100, 20, 0.004, 0.2) == pytest.approx(2.0)
    assert design_effect(100, 20, 0.0001, 0.2) == 1.0
    assert design_effect(100, 20, 0.1, 0.0) == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: rows_to_show(0.0, 0.2, 0.05),
        lambda: rows_to_show(0.1, 0.0, 0.05),
        lambda: rows_to_show(0.1, 0.2, 0.9),
        lambda: rows_to_show(0.1, 0.2, 0.05, power=1.0),
        lambda: rows_to_exclude(0.0, 0.05),
        lambda: rows_to_exclude(1.0, 0.05),
    ],
)
def test_impossible_designs_raise(call) -> None:
    with pytest.raises(ValueError):
        call()
