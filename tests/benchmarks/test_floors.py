from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.floors import (
    Parameters,
    Work,
    distinct_prefixes,
    floor_ratio,
    least_scoring,
    least_training,
    requested_scoring,
    whole_training,
)

ROWS = st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=8)


@given(ROWS)
def test_distinct_prefixes_counts_every_beginning_once(rows: list[list[int]]) -> None:
    assert distinct_prefixes(rows) == len({tuple(row[:end]) for row in rows for end in range(1, len(row) + 1)})


def test_scoring_shares_the_demonstrations_and_needs_logits_only_where_labels_are_predicted() -> None:
    queries = [([1, 2, 3, 7], [(4,), (5,)]), ([1, 2, 3, 8, 9], [(4, 6), (5,)])]
    assert least_scoring(queries) == Work(body_tokens=4 + 2 + 1, head_tokens=1 + 2)


def test_a_request_is_forwarded_whole_with_logits_everywhere_and_one_token_labels_share_it() -> None:
    assert requested_scoring([([1, 2, 3], [(4,), (5,)])]) == Work(3, 3)
    assert requested_scoring([([1, 2, 3], [(4, 6), (5,)])]) == Work(4 + 3, 4 + 3)


def test_training_shares_within_an_optimizer_batch_only_and_leaves_the_last_token_out() -> None:
    one, other = ([1, 2, 3, 4], 3), ([1, 2, 5, 6, 7], 3)
    assert least_training([[one, other]]) == Work(3 + 2, 1 + 2)
    assert least_training([[one], [other]]) == Work(3 + 4, 1 + 2)
    assert whole_training([[one, other]]) == Work(9, 9)


def test_rows_without_a_target_cost_nothing_at_least() -> None:
    assert least_training([[([1, 2], 2)]]) == Work(0, 0)


def test_floor_ratio_weighs_tokens_by_what_they_pass() -> None:
    assert floor_ratio(Work(10, 1), Work(20, 20), Parameters(100, 50)) == pytest.approx(3000 / 1050)
