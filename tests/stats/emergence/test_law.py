"""The form of the law by its ends, and what it is not fitted to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.emergence import Law, law_of, points
from hanka.stats.emergence.law import log_likelihood, require_low_data


def test_the_ends_are_k_a_and_c_in_other_words() -> None:
    """E(D) = 0.03 (log D)^1.7 + 1.6 has low = E(16), rise = E(1024) - E(16), shape = log 1.7."""

    def elbow(rows: int) -> float:
        return float(0.03 * math.log(rows) ** 1.7 + 1.6)

    law = Law("log_power", 16, 1024, None)
    places = np.array([elbow(16), elbow(1024) - elbow(16), math.log(1.7)])
    assert law.elbow(places, np.array([2, 16, 100, 1024])).tolist() == pytest.approx(
        [elbow(2), elbow(16), elbow(100), elbow(1024)]
    )


@pytest.mark.parametrize("a", [0.5, -0.7, 1.0])
def test_the_plain_power_law_has_its_ends_too(a: float) -> None:
    law = Law("power", 16, 1024, None)
    expected = (5**a - 16**a) / (1024**a - 16**a)
    assert law.share(np.array([5]), np.array(a))[0] == pytest.approx(expected)


def test_without_a_power_it_is_a_straight_line_in_the_logarithm() -> None:
    straight = (math.log(5) - math.log(16)) / (math.log(1024) - math.log(16))
    assert Law("power", 16, 1024, None).share(np.array([5]), np.array(0.0))[0] == pytest.approx(straight, abs=1e-5)
    assert Law("log_power", 16, 1024, None).share(np.array([5]), np.array(0.0))[0] == pytest.approx(straight)


def test_the_likelihood_is_that_of_normal_noise_beside_that_of_the_test_rows() -> None:
    """One point 0.1 beyond E = 2 with slope 0.5 is expected at 0.25 + 0.05; its value is 0.32."""
    found = points([1.9], [0.32], n=[98])
    share = (0.32 * 98 + 1) / 100
    variance = 0.02**2 + share * (1 - share) / 98
    expected = -0.5 * (0.02**2 / variance + math.log(2 * math.pi * variance))
    assert found.variance[0] == pytest.approx(share * (1 - share) / 98)
    law = Law("elbow", 0, 0, 0.25)
    assert log_likelihood(law, np.array([2.0, math.log(0.5), math.log(0.02)]), found) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"loss": [1, 2, 3, 4], "rows": [8, 8, 16, 16]}, "2 fine-tuning sizes"),
        ({"loss": [1, 1, 2, 2], "rows": [8, 16, 32, 64]}, "2 models of different loss"),
        ({"loss": [1, 2, 3, 3]}, "3 models of different loss"),
    ],
)
def test_too_little_is_refused(values: dict[str, list[float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        law_of(points(performance=[0.2, 0.3, 0.4, 0.5], **values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"loss": [1.0, math.nan], "performance": [0.5, 0.5]}, "not a finite number"),
        ({"loss": [1.0, 2.0], "performance": [0.5, math.inf]}, "not a finite number"),
        ({"loss": [1.0, 2.0], "performance": [0.5, 0.5], "rows": [1, 8]}, "the law begins at 2"),
    ],
)
def test_what_is_no_number_and_no_row_is_refused(values: dict[str, list[float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        points(**values)


def test_the_low_data_limit_lies_within_the_law() -> None:
    law = Law("log_power", 16, 1024, None)
    assert require_low_data(law, 2) == 2
    for wrong in (0, 1, 2000):
        with pytest.raises(ValueError, match="allowed are 2 to 1024"):
            require_low_data(law, wrong)
