from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.stats.multiplicity import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
# Benjamini & Hochberg (1995), section 3.1: 15 comparisons of two treatments of myocardial infarction.
INFARCTION = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
]


def test_holm_rejects_three_hypotheses_of_the_paper() -> None:
    adjusted = holm(INFARCTION)
    assert (adjusted <= 0.05).sum() == 3
    assert adjusted[:4] == pytest.approx([0.0015, 0.0056, 0.0247, 0.1140])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=150, deadline=None)
@given(P_VALUES, st.randoms(use_true_random=False))
def test_adjusted_values_keep_order_and_follow_their_p_value(p_values: list[float], random) -> None:
    places = random.sample(range(len(p_values)), len(p_values))
    adjusted = holm(p_values)
    assert ((adjusted >= p_values) | np.isclose(adjusted, p_values)).all()
    assert (adjusted <= 1).all()
    assert holm([p_values[place] for place in places]) == pytest.approx(adjusted[places])
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= -1e-12).all()


def test_holm_keeps_the_family_wise_rate() -> None:
    rng = np.random.default_rng(0)
    rate = np.mean([holm(rng.random(20)).min() < 0.05 for _ in range(2000)])
    assert rate == pytest.approx(0.05, abs=0.02)  # four standard errors


@pytest.mark.parametrize("p_values", [[], [0.1, float("nan")], [1.1], [-0.1], [[0.1]]])
def test_what_is_no_p_value_raises(p_values) -> None:
    with pytest.raises(ValueError):
        holm(p_values)
