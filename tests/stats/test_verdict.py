from __future__ import annotations

import math

import pytest

from hanka.stats.intervals import Interval
from hanka.stats.verdict import verdict


@pytest.mark.parametrize(
    ("wide", "alone", "higher_is_better", "word"),
    [
        ((0.01, 0.2), (0.03, 0.18), True, "better"),
        ((-0.2, -0.01), (-0.18, -0.03), True, "worse"),
        ((0.01, 0.2), (0.03, 0.18), False, "worse"),
        ((-0.2, -0.01), (-0.18, -0.03), False, "better"),
        ((0.001, 0.02), (0.002, 0.019), True, "better"),
        ((-0.02, 0.02), (-0.01, 0.01), True, "equivalent"),
        ((-0.02, 0.02), (0.001, 0.01), True, "equivalent"),
        ((-0.03, 0.02), (-0.01, 0.01), True, "undecided"),
        ((-0.01, 0.2), (0.01, 0.18), True, "leaning"),
        ((-0.2, 0.01), (-0.18, -0.01), False, "leaning"),
        ((-0.1, 0.2), (-0.05, 0.15), True, "undecided"),
        ((0.0, 0.2), (0.01, 0.15), True, "leaning"),
        (None, (0.1, 0.2), True, "undecided"),
        ((0.1, 0.2), None, True, "undecided"),
        ((0.1, 0.2), (0.1, 0.2), None, ""),
    ],
)
def test_verdict(wide, alone, higher_is_better, word: str) -> None:
    wide, alone = (Interval(*one) if one else None for one in (wide, alone))
    assert verdict(wide, alone, 0.03, higher_is_better) == word


def test_few_units_decide_nothing() -> None:
    assert verdict(Interval(0.1, 0.2), Interval(0.1, 0.2), 0.03, True, n_units=9) == "undecided"
    assert verdict(Interval(0.1, 0.2), Interval(0.1, 0.2), 0.03, True, n_units=10) == "better"


def test_without_a_margin_nothing_is_equivalent() -> None:
    assert verdict(Interval(-0.001, 0.001), Interval(-0.001, 0.001), 0.0, True) == "undecided"


@pytest.mark.parametrize("margin", [-0.1, math.nan])
def test_a_margin_below_0_raises(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        verdict(Interval(0.1, 0.2), Interval(0.1, 0.2), margin, True)


def test_an_end_that_is_no_number_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="no number"):
        verdict(Interval(math.nan, 0.2), Interval(0.1, 0.2), 0.03, True)
