from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.biases import Group, effect_of_pairs, label_length_bias, length_bias, place_bias, turned_share
from hanka.stats.misclassified import Hits, hits_of
from hanka.stats.score import mcnemar_mid_p, paired_groups, score_interval


def test_first_place_against_second_place_is_a_paired_difference() -> None:
    found = place_bias(18, 4, 100)
    assert found.value == pytest.approx(0.14)
    assert (found.low, found.high) == pytest.approx(score_interval(18, 4, 100, 1.959964), abs=1e-6)
    assert found.p_value == pytest.approx(mcnemar_mid_p(18, 4))
    assert found.is_shown
    assert not place_bias(9, 8, 100).is_shown


def test_a_share_of_turned_verdicts_has_exact_ends() -> None:
    found = turned_share(Hits(0, 60))
    assert found.value == found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 60))
    with pytest.raises(ValueError, match="both orders"):
        turned_share(Hits(0, 0))


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


def test_rows_of_one_text_are_worth_less() -> None:
    first, groups = ([True] * 2 + [False] * 8) * 6, [f"text {at // 2}" for at in range(60)]
    second = [False] * 60
    assert effect_of_pairs(first, second, [""] * 60) == 1.0
    assert effect_of_pairs(first, second, ["one"] * 60) == 60
    effect = effect_of_pairs(first, second, groups)
    assert effect >= 2  # both rows of a text say the same
    units = [at // 2 for at in range(60)]
    alone, found = place_bias(12, 0, 60), place_bias(12, 0, 60, effect=effect)
    assert (found.low, found.high) == pytest.approx(paired_groups(first, second, units).interval(1.959964), abs=1e-6)
    assert found.low < alone.low < alone.high < found.high
    assert found.p_value is None
    turned = turned_share(hits_of(first, groups))
    assert turned.value == turned_share(Hits(12, 60)).value
    assert turned.low < turned_share(Hits(12, 60)).low


def test_of_one_text_alone_no_bias_is_told() -> None:
    found = place_bias(30, 0, 30, effect=effect_of_pairs([True] * 30, [False] * 30, ["one"] * 30))
    assert not place_bias(4, 0, 30, effect=31.0).is_shown
    assert not found.is_shown
    with pytest.raises(ValueError, match="at most one independent row"):
        place_bias(4, 0, 30, effect=0.5)


def test_a_judge_that_turns_for_whole_texts_is_seldom_accused() -> None:
    rng, times, n_texts, each = np.random.default_rng(3), 200, 30, 4
    groups, shown, plain = [f"{at // each}" for at in range(n_texts * each)], [], []
    for _ in range(times):
        place = np.repeat(rng.choice([0, 1, 2], n_texts, p=[0.6, 0.2, 0.2]), each)
        first, second = (place == 1).tolist(), (place == 2).tolist()
        counts = (sum(first), sum(second), len(place))
        shown.append(place_bias(*counts, effect=effect_of_pairs(first, second, groups)).is_shown)
        plain.append(place_bias(*counts).is_shown)
    assert np.mean(shown) <= 0.055 + 2 * math.sqrt(0.055 * 0.945 / times)
    assert np.mean(plain) > 0.2


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
