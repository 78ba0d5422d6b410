"""Merging rules on small tensors, every number worked out by hand in a comment; laws on random ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanka.tuners.task_vectors import Rule, Tally, dropped, merged, smallest_kept, trimmed

FIRST = torch.tensor([3.0, -1.0, 0.5, 2.0, -4.0])
SECOND = torch.tensor([-2.0, -3.0, 1.0, 0.25, 1.5])
THIRD = torch.tensor([-2.5, 0.5, -0.75, 1.0, 0.5])
ALL = [FIRST, SECOND, THIRD]
ONES = (1.0, 1.0, 1.0)


def ties(density: float, rule: Rule) -> list[float]:
    """Trim each to its own largest entries, then merge."""
    n_kept = round(density * 5)
    kept = [trimmed(one, smallest_kept(lambda one=one: iter([one.abs()]), n_kept)) for one in ALL]  # type: ignore[misc]
    found: list[float] = merged(kept, rule).tolist()
    return found


def test_a_mean_divides_by_the_weights_and_task_arithmetic_scales_the_sum() -> None:
    # (3 - 2 - 2.5) / 3 = -0.5; (-1 - 3 + 0.5) / 3; (0.5 + 1 - 0.75) / 3; (2 + 0.25 + 1) / 3; (-4 + 1.5 + 0.5) / 3
    assert merged(ALL, Rule("mean", ONES)).tolist() == pytest.approx([-0.5, -3.5 / 3, 0.25, 3.25 / 3, -2 / 3])
    # 2 · 3 + 1 · -2 + 1 · -2.5 = 1.5, over 4
    assert merged(ALL, Rule("mean", (2.0, 1.0, 1.0)))[0].item() == pytest.approx(0.375)
    # 0.4 · -1.5, 0.4 · -3.5, …
    assert merged(ALL, Rule("task_arithmetic", ONES, 0.4)).tolist() == pytest.approx([-0.6, -1.4, 0.3, 1.3, -0.8])
    # a change that is taken away: 3 + 2 = 5
    assert merged([FIRST, SECOND], Rule("task_arithmetic", (1.0, -1.0)))[0].item() == 5.0


def test_ties_is_what_trimming_electing_and_the_mean_of_those_that_agree_give_by_hand() -> None:
    # Density 0.6 keeps three of five: [3, 0, 0, 2, -4], [-2, -3, 0, 0, 1.5], [-2.5, 0, -0.75, 1, 0].
    # Sums -1.5, -3, -0.75, 3, -2.5 elect - - - + -.
    # Mean of those that agree: (-2 - 2.5) / 2; -3; -0.75; (2 + 1) / 2; -4.
    assert ties(0.6, Rule("ties", ONES)) == [-2.25, -3.0, -0.75, 1.5, -4.0]
    assert ties(0.6, Rule("ties", ONES, 0.5)) == [-1.125, -1.5, -0.375, 0.75, -2.0]
    # Nothing trimmed. Sums -1.5, -3.5, 0.75, 3.25, -2: (-2 - 2.5)/2; (-1 - 3)/2; (0.5 + 1)/2; 3.25/3; -4.
    assert ties(1.0, Rule("ties", ONES)) == pytest.approx([-2.25, -2.0, 0.75, 3.25 / 3, -4.0])
    # One of five: [0, 0, 0, 0, -4], [0, -3, 0, 0, 0], [-2.5, 0, 0, 0, 0].
    assert ties(0.2, Rule("ties", ONES)) == [-2.5, -3.0, 0.0, 0.0, -4.0]


def test_weights_of_ties_enter_the_election_and_the_mean() -> None:
    # Of nothing trimmed, first entry: 3·3 - 2 - 2.5 = 4.5 elects +, and 3 alone agrees: 3·3 / 3 = 3.
    # Second: -3 - 3 + 0.5 elects -: (3·-1 + -3) / (3 + 1) = -1.5. Last: -12 + 2 elects -: 3·-4 / 3 = -4.
    found = ties(1.0, Rule("ties", (3.0, 1.0, 1.0)))
    assert [found[0], found[1], found[4]] == [3.0, -1.5, -4.0]


def test_a_sign_elected_by_count_is_that_of_more_changes_however_small() -> None:
    # Last entry: -4 against 1.5 and 0.5: by sum -, by count +, and (1.5 + 0.5) / 2 = 1.
    assert ties(1.0, Rule("ties", ONES, by_count=True))[4] == 1.0
    # Two against each other: neither sum nor count elects, and the weight stays the base's.
    opposed = [torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0])]
    assert merged(opposed, Rule("ties", (1.0, 1.0))).tolist() == [0.0, 0.0]


def test_dare_rescales_what_it_keeps_and_keeps_the_expectation() -> None:
    change = torch.linspace(-2, 2, 40_000)
    found = dropped(change, 0.25, np.random.default_rng(0))
    kept = found != 0
    assert torch.equal(found[kept], (change / 0.25)[kept])
    # Binomial(40 000, 0.25): standard deviation 87, five of them.
    assert abs(int(kept.sum()) - 10_000) < 433
    many = torch.stack([dropped(FIRST, 0.25, np.random.default_rng(seed)) for seed in range(4000)]).mean(0)
    # Standard error |t| √(3 / 4000) = 0.027 |t|, five of them.
    assert (many - FIRST).abs().le(0.14 * FIRST.abs()).all()
    assert torch.equal(dropped(FIRST, 1.0, np.random.default_rng(0)), FIRST)


def test_dare_ties_elects_among_what_was_kept_and_rescaled() -> None:
    # With masks 1 0 1 0 1 and 1 1 0 0 1 at p = 0.5: [6, 0, 1, 0, -8], [-4, -6, 0, 0, 3].
    # Sums 2, -6, 1, 0, -5: 6; -6; 1; nothing; -8.
    kept = [torch.tensor([6.0, 0.0, 1.0, 0.0, -8.0]), torch.tensor([-4.0, -6.0, 0.0, 0.0, 3.0])]
    assert merged(kept, Rule("dare_ties", (1.0, 1.0))).tolist() == [6.0, -6.0, 1.0, 0.0, -8.0]


@given(
    st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=9), min_size=1, max_size=4),
    st.integers(1, 40),
)
def test_the_smallest_size_kept_is_that_of_sorting_all_tensors_together(values: list[list[float]], n: int) -> None:
    tensors = [torch.tensor(one, dtype=torch.float32).abs() for one in values]
    ordered = sorted((size for one in tensors for size in one.tolist()), reverse=True)
    assert smallest_kept(lambda: iter(tensors), n) == (ordered[n - 1] if n <= len(ordered) else 0.0)


def test_the_tally_counts_what_is_kept_and_where_signs_differ() -> None:
    tally = Tally(3, 10)
    tally.count(ALL)
    assert tally.kept == [0.5, 0.5, 0.5]
    # Signs + - -, - - +, + + -, + + +, - + +: four of five differ.
    assert tally.conflicts == 0.8
    assert Tally(2, 10).conflicts == 0.0
