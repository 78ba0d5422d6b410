"""Bits per byte, nats per token, rewards: by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.likelihood import BITS_PER_BYTE, NATS_PER_TOKEN
from hanka.metrics.verified import REWARD, SOLVED

CONTEXT = ScoringContext()
HALF = -math.log(2)
TWO = Outputs(targets=["abcd", "é東"], token_scores=[(HALF, 2 * HALF), np.array([4 * HALF, HALF, 5 * HALF])])


def test_bits_are_divided_by_utf8_bytes_of_all_texts_together() -> None:
    statistics = BITS_PER_BYTE.statistics(TWO, CONTEXT)
    assert statistics == pytest.approx(np.array([[3 / 4, 3, 4], [2, 10, 5]]))
    assert BITS_PER_BYTE.value(statistics) == pytest.approx(13 / 9)


def test_nats_are_divided_by_tokens_of_all_texts_together() -> None:
    statistics = NATS_PER_TOKEN.statistics(TWO, CONTEXT)
    assert statistics == pytest.approx(np.array([[-1.5 * HALF, -3 * HALF, 2], [-10 / 3 * HALF, -10 * HALF, 3]]))
    assert NATS_PER_TOKEN.value(statistics) == pytest.approx(-13 / 5 * HALF)


def test_cutting_tokens_otherwise_changes_nats_per_token_but_not_bits_per_byte() -> None:
    fine = Outputs(targets=["abcd"], token_scores=[(-1.0, -1.0, -2.0)])
    coarse = Outputs(targets=["abcd"], token_scores=[(-4.0,)])
    per_byte = [BITS_PER_BYTE.value(BITS_PER_BYTE.statistics(one, CONTEXT)) for one in (fine, coarse)]
    per_token = [NATS_PER_TOKEN.value(NATS_PER_TOKEN.statistics(one, CONTEXT)) for one in (fine, coarse)]
    assert per_byte[0] == pytest.approx(per_byte[1])
    assert per_token == pytest.approx([4 / 3, 4])


@pytest.mark.parametrize("metric", [BITS_PER_BYTE, NATS_PER_TOKEN], ids=lambda metric: metric.name)
@pytest.mark.parametrize("scores", [None, ()])
def test_a_text_without_token_scores_raises(metric, scores) -> None:
    with pytest.raises(ValueError, match="no token scores"):
        metric.statistics(Outputs(targets=["a", "b"], token_scores=[(HALF,), scores]), CONTEXT)


def test_rewards_are_averaged_and_solved_counts_the_full_ones() -> None:
    found = Outputs(rewards=[1.0, 0.5, 0.0, 1.0])
    assert REWARD.value(REWARD.statistics(found, CONTEXT)) == 0.625
    assert SOLVED.statistics(found, CONTEXT)[:, 0].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("metric", [REWARD, SOLVED], ids=lambda metric: metric.name)
def test_an_answer_that_was_not_verified_raises(metric) -> None:
    with pytest.raises(ValueError, match="no reward"):
        metric.statistics(Outputs(rewards=[1.0, None]), CONTEXT)
