"""`levels` and `first_token_kl`: shares and divergences by hand, of whom they are measured, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from hanka.errors import UnitError
from hanka.probes import PROBES, ProbeRequest
from hanka.probes.contract import no_pairs
from hanka.probes.first_token_kl import kl_of_top
from hanka.recipes.contract import How
from hanka.records import Example, Prediction

LEVELS, TOKENS = PROBES.get("levels"), PROBES.get("first_token_kl")
ROWS = [Example(f"f{at}", {"input": f"q{at}"}, "Rome") for at in range(5)]
RIGHT = {"f0": [0, 0, 0, 0], "f1": [1, 0, 0, 0], "f2": [1, 1, 0, 0], "f3": [1, 1, 1, 1], "f4": [None] * 4}


def answer(whose: str, rows: Sequence[Example], how: How) -> list[Prediction]:
    found = []
    for at, row in enumerate(rows):
        reward = RIGHT[row.id][at % 4] if whose == "base" or row.id != "f3" else 0.0
        status = "failed" if reward is None else "ok"
        found.append(Prediction(row.id, "", "", "Rome", "x", "x", None, status, "", 1, 1, reward=reward))  # type: ignore[arg-type]
    return found


def logs(whose: str, dataset: str, rows: Sequence[Example]) -> torch.Tensor:
    base = torch.tensor([0.5, 0.25, 0.125, 0.125])
    tuned = torch.tensor([0.25, 0.5, 0.125, 0.125])
    return (tuned if whose == "variant" else base).log().repeat(len(rows), 1)


def request(params: object) -> ProbeRequest:
    return ProbeRequest(params, no_pairs, "float32", lambda dataset: ROWS, answer, logs)


def test_each_fact_has_its_share_and_all_facts_their_mean() -> None:
    rows = LEVELS.measure(request(LEVELS.params(of="places")))  # type: ignore[call-arg]
    shares = {row.parameter: row.value for row in rows if row.measure == "share"}
    assert shares == {
        "": pytest.approx(0.75 / 4),
        "places f0": 0.0,
        "places f1": 0.25,
        "places f2": 0.5,
        "places f3": 0.0,
    }
    (failed,) = [row for row in rows if row.measure == "failed_samples"]
    assert (failed.value, failed.n) == (4.0, 20)
    assert next(row.n for row in rows if row.parameter == "" and row.measure == "share") == 4


def test_nothing_that_came_out_is_a_failure() -> None:
    wrong = ProbeRequest(LEVELS.params(of="places"), no_pairs, "float32", lambda _: ROWS[4:], answer, logs)  # type: ignore[call-arg]
    with pytest.raises(UnitError, match="none of 4 samples of places came out"):
        LEVELS.measure(wrong)


def test_bases_are_measured_and_variants_where_that_is_said() -> None:
    assert LEVELS.whom(LEVELS.params(of="places")) == ("base",)  # type: ignore[call-arg]
    assert LEVELS.whom(LEVELS.params(of="places", of_variants=True)) == ("base", "variant")  # type: ignore[call-arg]
    assert TOKENS.whom(TOKENS.params(of="places")) == ("variant",)  # type: ignore[call-arg]


def test_the_divergence_is_over_the_tuned_models_most_probable_tokens() -> None:
    """Of the two tokens: p = 2/3, 1/3 and q = 1/3, 2/3, so KL = 1/3 log 2."""
    (found,) = kl_of_top(logs("variant", "", ROWS[:1]), logs("base", "", ROWS[:1]), 2)
    assert found == pytest.approx(math.log(2) / 3)
    (whole,) = kl_of_top(logs("variant", "", ROWS[:1]), logs("base", "", ROWS[:1]), 10)  # four tokens there are
    assert whole == pytest.approx(0.25 * math.log(0.5) + 0.5 * math.log(2))


def test_it_equals_a_plain_float64_computation_on_random_logits() -> None:
    rng = torch.Generator().manual_seed(3)
    tuned, base = (torch.randn(4, 60, generator=rng).log_softmax(-1) for _ in range(2))
    for row, found in enumerate(kl_of_top(tuned, base, 10)):
        top = sorted(range(60), key=lambda token: -float(tuned[row, token]))[:10]
        p, q = ([math.exp(float(one[row, token])) for token in top] for one in (tuned, base))
        by_hand = sum(a / sum(p) * math.log(a / sum(p) / (b / sum(q))) for a, b in zip(p, q, strict=True))
        assert found == pytest.approx(by_hand, abs=1e-9)


def test_equal_distributions_have_no_divergence_at_all() -> None:
    same = torch.randn(3, 50).log_softmax(-1)
    assert kl_of_top(same, same.clone(), 10) == [0.0, 0.0, 0.0]


def test_only_facts_that_the_base_knows_best_are_looked_at() -> None:
    rows = TOKENS.measure(request(TOKENS.params(of="places")))  # type: ignore[call-arg]
    assert [row.parameter for row in rows] == ["", "places f3"]
    every = TOKENS.measure(request(TOKENS.params(of="places", level=None)))  # type: ignore[call-arg]
    assert [row.parameter for row in every[1:]] == [f"places f{at}" for at in range(5)]
    with pytest.raises(UnitError, match="places have no fact of level 3"):
        TOKENS.measure(request(TOKENS.params(of="places", level=3)))  # type: ignore[call-arg]


def test_a_distribution_without_numbers_is_a_failure() -> None:
    broken = ProbeRequest(
        TOKENS.params(of="places"),
        no_pairs,
        "float32",
        lambda _: ROWS,
        answer,
        lambda whose, name, rows: torch.full((len(rows), 9), math.nan),  # type: ignore[call-arg]
    )
    with pytest.raises(UnitError, match="is no number"):
        TOKENS.measure(broken)
