from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.biases import Group, label_length_bias, length_bias, place_bias, turned_share
from hanka.stats.score import mcnemar_mid_p, score_interval


def test_first_place_against_second_place_is_a_paired_difference() -> None:
    found = place_bias(18, 4, 100)
    assert found.value == pytest.approx(0.14)
    assert (found.low, found.high) == pytest.approx(score_interval(18, 4, 100, 1.959964), abs=1e-6)
    assert found.p_value == pytest.approx(mcnemar_mid_p(18, 4))
    assert found.is_shown
    assert not place_bias(9, 8, 100).is_shown


def test_a_share_of_turned_verdicts_has_exact_ends() -> None:
    found = turned_share(0, 60)
    assert found.value == found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 60))
    with pytest.raises(ValueError, match="both orders"):
        turned_share(0, 0)


def test_length_counts_only_beyond_what_people_prefer() -> None:
    longer = [True] * 40 + [False] * 10
    assert length_bias(longer, longer).value == 0.0
    judge, people = [True] * 40, [True] * 20 + [False] * 20
    found = length_bias(judge, people)
    assert found.value == pytest.approx(0.5)
    assert found.is_shown


def test_labels_of_longer_texts_are_compared_with_those_of_shorter_ones() -> None:
    found = label_length_bias(Group(20, 2, 50), Group(3, 3, 50))
    assert found.value == pytest.approx(0.36)
    assert found.is_shown
    turned = label_length_bias(Group(3, 3, 50), Group(20, 2, 50))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    with pytest.raises(ValueError, match="one side"):
        label_length_bias(Group(1, 1, 9), Group(0, 0, 0))


def test_judges_without_a_bias_are_seldom_accused() -> None:
    rng, times, n = np.random.default_rng(9), 300, 120
    places, labels = [], []
    for _ in range(times):
        n_turned = int(rng.binomial(n, 0.3))
        n_first = int(rng.binomial(n_turned, 0.5))
        places.append(place_bias(n_first, n_turned - n_first, n).is_shown)
        longer, shorter = (
            Group(int(counts[0]), int(counts[1]), 60) for counts in rng.multinomial(60, [0.1, 0.1, 0.8], size=2)
        )
        labels.append(label_length_bias(longer, shorter).is_shown)
    slack = 2 * math.sqrt(0.055 * 0.945 / times)
    assert np.mean(places) <= 0.055 + slack
    assert np.mean(labels) <= 0.055 + slack
