"""How rows become passes, by hand: counts, what may be shared, cuts within a budget, the layout of padded rows."""

from __future__ import annotations

import pytest

from hanka.prompting import Encoded
from hanka.training.batching import UNSUPERVISED, micro_batches, optimizer_batches, pad, shareable, supervised


def of_lengths(*lengths: int) -> list[Encoded]:
    """Rows that differ from their first token on."""
    return [Encoded([100 * index + at for at in range(length)], length - 1) for index, length in enumerate(lengths)]


def lengths(cuts: list[list[Encoded]]) -> list[list[int]]:
    return [[len(row.ids) for row in cut] for cut in cuts]


def flat(batches: list[list[int]]) -> list[int]:
    return [index for batch in batches for index in batch]


@pytest.mark.parametrize(
    ("n_tokens", "start", "found"),
    [(5, 5, 0), (5, 6, 0), (5, 4, 1), (5, 2, 3), (5, 1, 4), (5, 0, 4), (1, 0, 0), (1, 1, 0)],
)
def test_the_first_token_of_a_row_is_predicted_by_nothing(n_tokens: int, start: int, found: int) -> None:
    assert supervised(Encoded(list(range(n_tokens)), start)) == found


@pytest.mark.parametrize(
    ("starts", "found"),
    [((6, 6), 4), ((5, 6), 4), ((4, 6), 3), ((6, 3), 2), ((1, 6), 0), ((0, 6), 0)],
)
def test_what_predicts_a_supervised_token_is_not_shared(starts: tuple[int, int], found: int) -> None:
    """Four equal tokens lead both rows; token start - 1 predicts the first supervised one."""
    rows = [Encoded([1, 2, 3, 4, 5 + index, 7, 8], start) for index, start in enumerate(starts)]
    assert shareable(rows) == found


def test_every_row_keeps_a_token_of_its_own() -> None:
    row = Encoded([1, 2, 3, 4], 4)
    assert shareable([row, row]) == 3


def test_padding_counts_every_row_as_the_longest_beside_it() -> None:
    assert lengths(micro_batches(of_lengths(10, 6, 4, 3), 20, padded=True)) == [[10, 6], [4, 3]]
    assert lengths(micro_batches(of_lengths(10, 6, 4, 3), 19, padded=True)) == [[10], [6, 4, 3]]
    assert lengths(micro_batches(of_lengths(10, 6, 4, 3), 18, padded=True)) == [[10], [6, 4, 3]]
    assert lengths(micro_batches(of_lengths(10, 6, 4, 3), 17, padded=True)) == [[10], [6, 4], [3]]
    assert lengths(micro_batches(of_lengths(10, 6), 5, padded=True)) == [[10], [6]]


def test_packed_rows_fill_the_budget_to_the_last_token() -> None:
    """30 tokens fit a budget of 30 in one pass. Of 29, two passes of 15 and half a longest row, 15 + 5 = 20."""
    assert lengths(micro_batches(of_lengths(10, 10, 10), 30)) == [[10, 10, 10]]
    assert lengths(micro_batches(of_lengths(10, 10, 10), 29)) == [[10, 10], [10]]
    assert lengths(micro_batches(of_lengths(10, 10, 10), 19)) == [[10], [10], [10]]


def test_passes_come_out_about_equally_large() -> None:
    """12 rows of 4: 48 tokens, a budget of 40 asks for two passes of 24; 24 + 2 lets in six rows, not ten."""
    assert lengths(micro_batches(of_lengths(*[4] * 12), 40)) == [[4] * 6, [4] * 6]
    # 13 rows: 26 each, 26 + 2 = 28 lets in seven.
    assert lengths(micro_batches(of_lengths(*[4] * 13), 40)) == [[4] * 7, [4] * 6]
    # 21 rows of 2 in 20: 42 tokens, three passes of 14; 14 + 1 lets in seven.
    assert lengths(micro_batches(of_lengths(*[2] * 21), 20)) == [[2] * 7] * 3


def test_shared_tokens_are_not_counted() -> None:
    rows = of_lengths(12, 10, 8)
    assert lengths(micro_batches(rows, 12, 6)) == [[12, 10, 8]]
    # 12 own tokens, budget 11: two passes of 6, 6 + 3 = 9 does not let 6 + 4 in.
    assert lengths(micro_batches(rows, 11, 6)) == [[12], [10, 8]]
    assert lengths(micro_batches(rows, 6, 6)) == [[12], [10, 8]]
    assert lengths(micro_batches(rows, 12, 6, padded=True)) == [[12, 10], [8]]
    assert lengths(micro_batches(rows, 10, 6, padded=True)) == [[12], [10, 8]]


def test_a_budget_below_any_row_gives_each_its_own_pass() -> None:
    assert lengths(micro_batches(of_lengths(3, 9, 6), 1)) == [[9], [6], [3]]


def test_padded_rows_end_at_the_right_edge() -> None:
    rows = pad([Encoded([5, 6, 7, 8], 2), Encoded([9, 10], 0), Encoded([11, 12, 13], 3)], filler=99)
    assert rows.input_ids.tolist() == [[5, 6, 7, 8], [99, 99, 9, 10], [99, 11, 12, 13]]
    assert rows.attention_mask.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]]
    assert rows.position_ids.tolist() == [[0, 1, 2, 3], [0, 0, 0, 1], [0, 0, 1, 2]]
    none = UNSUPERVISED
    assert rows.labels.tolist() == [[7, 8], [none, 10], [none, none]]
    assert pad([Encoded([5, 6], 1)]).input_ids.tolist() == [[5, 6]]
    assert pad([Encoded([5, 6], 1), Encoded([7], 1)]).input_ids.tolist() == [[5, 6], [0, 7]]


def test_optimizer_batches_hold_every_row_once_in_an_order_that_seed_and_epoch_decide() -> None:
    found = optimizer_batches(7, 3, 2, 5)
    assert [len(batch) for batch in found] == [3, 3, 1]
    assert sorted(flat(found)) == list(range(7))
    assert found == optimizer_batches(7, 3, 2, 5)
    assert found != optimizer_batches(7, 3, 3, 5)
    assert found != optimizer_batches(7, 3, 2, 6)
    assert flat(optimizer_batches(7, 7, 2, 5)) == flat(found)
