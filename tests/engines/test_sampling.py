from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare
from test_local_engine import engine, some_queries

from hanka.engines import generation, sampling
from hanka.engines.contract import Decoding, TextAnswer
from hanka.engines.sampling import draw, row_seeds
from hanka.errors import UnitError
from hanka.prompting import Query


def drawing(**changes: float) -> Decoding:
    return Decoding(9, (), **({"temperature": 1.0, "seed": 4} | changes))  # type: ignore[arg-type]


def asked() -> list[Query]:
    return [Query("", one.ids, ()) for shared in (20, 0) for one in some_queries(shared)]


@pytest.mark.parametrize("family", ["llama", "gpt2", "llama-dynamic"])
def test_a_rows_sample_depends_on_no_other_row_and_no_budget(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = engine(family, 4096)
    decoding = drawing(top_p=0.9)
    one_by_one = [alone.generate([query], decoding)[0] for query in asked()]
    for budget in (64, 4096):
        assert engine(family, budget).generate(asked(), decoding) == one_by_one
    monkeypatch.setattr(generation, "MAX_SLOTS", 3)
    assert engine(family, 64).generate(asked()[::-1], decoding)[::-1] == one_by_one


def test_packed_and_plain_generation_draw_the_same() -> None:
    packed, plain = engine("llama"), engine("llama")
    plain.packs = False
    assert packed.generate(asked(), drawing()) == plain.generate(asked(), drawing())


def test_another_seed_draws_otherwise_and_the_same_again() -> None:
    local = engine("llama")
    first = local.generate(asked(), drawing())
    assert local.generate(asked(), drawing()) == first
    assert local.generate(asked(), drawing(seed=5)) != first
    assert local.generate(asked(), drawing(temperature=0.0)) == local.generate(asked(), Decoding(9, ()))


def test_a_query_asked_several_times_gets_several_samples() -> None:
    local = engine("llama")
    query = asked()[0]
    four = local.generate([query] * 4, drawing())
    assert len({one.text for one in four if isinstance(one, TextAnswer)}) == 4
    assert local.generate([query], drawing())[0] == four[0]


def test_a_prompt_that_is_sampled_several_times_is_read_once() -> None:
    local, query = engine("llama"), asked()[0]
    decoding = Decoding(3, (), temperature=1.0)
    local.generate([query] * 8, decoding)
    shared, own = local.n_forwarded, engine("llama")
    own.generate([query], decoding)
    steps = (own.n_forwarded - len(query.ids)) * 8  # of each sample; none of them ended early, or fewer
    assert shared <= len(query.ids) + steps
    assert shared < 8 * own.n_forwarded


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_samples_of_equal_prompts_are_those_that_each_has_by_itself(family: str) -> None:
    """Packed, where equal rows share what was read, and plainly, where every row is read whole."""
    rows = [query for query in asked()[:3] for _ in range(5)]
    packed, plain = engine(family), engine(family)
    plain.packs = False
    decoding = drawing(temperature=0.7)
    assert packed.generate(rows, decoding) == plain.generate(rows, decoding)


def test_noise_that_is_drawn_a_few_rows_at_a_time_is_that_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(9, 50, generator=torch.Generator().manual_seed(1))
    whole = draw(logits, range(9), [1] * 9, drawing(temperature=0.7))
    for at_once in (1, 120, 10**6):
        monkeypatch.setattr(sampling, "AT_ONCE", at_once)
        assert draw(logits, range(9), [1] * 9, drawing(temperature=0.7)) == whole


def test_first_tokens_have_the_distribution_of_the_models_own_probabilities() -> None:
    """Chi-square of 4,000 first tokens at temperature 0.7 against a softmax in float64, tokens expected fewer than five times together."""
    local, query = engine("llama"), asked()[0]
    with torch.inference_mode():
        logits = local.loaded.model(torch.tensor([query.ids])).logits[0, -1].double()
    wanted = (logits / 0.7).softmax(-1).numpy() * 4000
    drawn = draw(
        logits[None].repeat(4000, 1).float(), row_seeds([query.ids] * 4000, 1), [0] * 4000, drawing(temperature=0.7)
    )
    counts = Counter(drawn)
    often = [token for token in range(len(wanted)) if wanted[token] >= 5]
    found = [counts[token] for token in often] + [4000 - sum(counts[token] for token in often)]
    expected = [wanted[token] for token in often] + [4000 - sum(wanted[token] for token in often)]
    assert chisquare(found, expected).pvalue > 1e-3


def test_next_tokens_are_the_models_own_log_probabilities() -> None:
    local = engine("llama", 64)
    queries = asked()
    found = local.next_tokens(queries)
    with torch.inference_mode():
        for query, row in zip(queries, found, strict=True):
            whole = local.loaded.model(torch.tensor([query.ids])).logits[0, -1].log_softmax(-1)
            assert torch.allclose(row, whole, atol=1e-4)


def test_seeds_follow_from_ids_and_number_among_equals() -> None:
    rows = [[1, 2], [3], [1, 2], [12]]
    seeds = row_seeds(rows, 0)
    assert len(set(seeds)) == 4
    assert row_seeds([[3], [1, 2], [12]], 0) == [seeds[1], seeds[0], seeds[3]]
    assert set(seeds).isdisjoint(row_seeds(rows, 1))


def test_tokens_are_drawn_as_often_as_they_are_probable() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0]).repeat(4000, 1)
    for temperature in (0.5, 1.0, 2.0):
        drawn = Counter(draw(logits, range(4000), [3] * 4000, drawing(temperature=temperature)))
        wanted = (logits[0].double() / temperature).softmax(-1)
        assert chisquare([drawn[token] for token in range(4)], (wanted * 4000).tolist()).pvalue > 0.01


def test_the_steps_of_one_row_draw_as_often_as_they_are_probable() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0]).repeat(4000, 1)
    drawn = Counter(draw(logits, [99] * 4000, range(4000), drawing()))
    assert (
        chisquare([drawn[token] for token in range(4)], (logits[0].double().softmax(-1) * 4000).tolist()).pvalue > 0.01
    )


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.5, {2}), (0.69, {2}), (0.71, {2, 0}), (0.95, {2, 0, 3}), (1.0, {0, 1, 2, 3})]
)
def test_only_the_smallest_set_of_enough_probability_is_drawn_from(top_p: float, kept: set[int]) -> None:
    """Probabilities 0.2, 0.03, 0.7, 0.07: the sets reach 0.7, 0.9, 0.97 and 1."""
    logits = torch.tensor([0.2, 0.03, 0.7, 0.07]).log().repeat(3000, 1)
    assert set(draw(logits, range(3000), [0] * 3000, drawing(top_p=top_p))) == kept


def test_a_probability_that_is_reached_exactly_is_enough() -> None:
    assert set(draw(torch.zeros(500, 2), range(500), [0] * 500, drawing(top_p=0.5))) == {0}
    assert set(draw(torch.zeros(500, 2), range(500), [0] * 500, drawing(top_p=0.5001))) == {0, 1}


def test_the_nucleus_is_taken_after_the_temperature() -> None:
    """At temperature 2 the probabilities are as the roots 0.8, 0.6 of 0.64, 0.36: 0.571 and 0.429."""
    logits = torch.tensor([0.64, 0.36]).log().repeat(500, 1)
    assert set(draw(logits, range(500), [0] * 500, drawing(top_p=0.6))) == {0}
    assert set(draw(logits, range(500), [0] * 500, drawing(top_p=0.6, temperature=2.0))) == {0, 1}


def test_noise_is_gumbel_noise() -> None:
    """Mean 0.5772, variance pi^2 / 6; and no two of its numbers are equal."""
    cpu = torch.device("cpu")
    noise = sampling._noise(sampling._keys(range(300), [2] * 300, cpu), sampling._tokens(400, cpu))
    assert float(noise.mean()) == pytest.approx(0.57722, abs=0.02)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.03)
    assert len(noise.unique()) == noise.numel()
    assert float(noise[0, 0]) == pytest.approx(
        float(sampling._noise(sampling._keys([0], [2], cpu), sampling._tokens(7, cpu))[0, 0]), abs=0
    )


def test_the_hash_is_splitmix64() -> None:
    """The published generator's first outputs for the seed 1234567."""
    state = 1234567
    made = []
    for _ in range(3):
        state = (state + sampling.GOLDEN) % 2**64
        made.append(int(sampling._mixed(torch.tensor([state - 2**64 if state >= 2**63 else state]))) % 2**64)
    assert made == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_p": 0.0}, {"top_p": 1.1}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UnitError, match=f"{next(iter(wrong))} is "):
        drawing(**wrong)
