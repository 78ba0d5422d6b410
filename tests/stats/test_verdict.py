from __future__ import annotations

import math

import pytest

from hanka.stats.verdict import verdict


@pytest.mark.parametrize(
    ("delta", "p_adjusted", "higher_is_better", "word"),
    [
        (0.1, 0.01, True, "better"),
        (-0.1, 0.01, True, "worse"),
        (0.1, 0.01, False, "worse"),
        (-0.1, 0.01, False, "better"),
        (0.1, 0.05, True, "tied"),
        (-0.1, 0.7, True, "tied"),
        (0.0, 0.01, True, "tied"),
        (0.1, 0.01, None, ""),
        (None, 0.01, True, ""),
        (0.1, None, True, ""),
        (0.1, math.nan, True, ""),
        (math.nan, 0.01, True, ""),
    ],
)
def test_verdict(delta, p_adjusted, higher_is_better, word: str) -> None:
    assert verdict(delta, p_adjusted, 0.05, higher_is_better) == word


@pytest.mark.parametrize("alpha", [0, 1, 5, -0.1])
def test_an_alpha_outside_0_to_1_raises(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        verdict(0.1, 0.01, alpha, True)
