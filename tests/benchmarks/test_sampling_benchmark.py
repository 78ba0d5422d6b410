"""The sampling benchmark holds two sides against each other before it forms a ratio."""

from __future__ import annotations

import pytest
from benchmarks.comparison import Comparison, DisagreementError
from benchmarks.sampling import FIRST, LAST, NEW_TOKENS, SAMPLES, WORDINGS, agreements, floor_ratio, main, prompts


def test_every_fact_is_asked_in_every_wording_and_no_prompt_twice() -> None:
    found = prompts(len(FIRST) * len(LAST))
    assert len(found) == len(set(found)) == len(FIRST) * len(LAST) * len(WORDINGS)
    assert found[: len(WORDINGS)] == prompts(1)


def test_a_prompt_that_is_read_once_saves_the_reads_of_its_other_samples() -> None:
    """Nine tokens and seven steps: 4 × 16 against 9 + 4 × 7."""
    assert (SAMPLES, NEW_TOKENS) == (4, 8)
    assert floor_ratio(9) == pytest.approx(64 / 37)


def scores(shift: float = 0.0, moved: float = 0.0) -> dict[str, list[list[list[float]]]]:
    """Log-probabilities of forty samples a side; shift: of one scorer, moved: of the second side's samples."""
    sides = [[[-1.0 - at / 10, -2.0 + move] for at in range(40)] for move in (0.0, moved)]
    return {"hanka": [[[value + shift for value in one] for one in side] for side in sides], "transformers": sides}


def holds(p: float = 0.5, **changes: float) -> list[bool]:
    return [one.holds for one in agreements(scores(**changes), {"hanka": p, "peer": 0.5})]


def test_scorers_samples_and_first_tokens_have_to_agree() -> None:
    assert holds() == [True, True, True, True]
    assert holds(shift=0.01) == [False, True, True, True]
    assert holds(moved=2.0) == [True, False, True, True]
    assert holds(p=1e-6) == [True, True, False, True]


def test_there_is_no_ratio_where_distributions_differ() -> None:
    one = Comparison("sampling", "peer", [1.0], [2.0], agreements(scores(moved=2.0), {"hanka": 0.5}), 1.7)
    with pytest.raises(DisagreementError, match="standard errors between the mean log-probabilities"):
        one.ratio()


@pytest.mark.parametrize("wrong", [["--facts", "0"], ["--facts", "81"], ["--repetitions", "0"]])
def test_wrong_arguments_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
