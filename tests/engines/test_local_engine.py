from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines import generation
from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer
from hanka.engines.generation import waves
from hanka.engines.local import LocalEngine
from hanka.engines.prefixes import BLOCK
from hanka.errors import UnitError
from hanka.models.attention import takes_packs
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.models.memory import LEAST_TOKENS
from hanka.models.packing import Row
from hanka.prompting import Query
from tiny_models import tiny_model, tiny_tokenizer

FAMILIES = {
    "llama": {},
    "mistral": {"sliding_window": None},
    "mistral-sliding": {"sliding_window": 8},
    "qwen3": {},
    "gpt2": {},
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "llama-dynamic": {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}},
}
TOLERANCE = 1e-4
"Nats; float32 sums in another order differ by about 1e-6 here."


def engine(family: str, batch_tokens: int = 512) -> LocalEngine:
    model = tiny_model(family.split("-")[0], **FAMILIES[family])
    tokenizer = tiny_tokenizer()
    ref = ModelRef("tiny", "folder", None, folder=Path())
    return LocalEngine(LoadedModel(model, tokenizer, ref, "tiny", "", "float32"), batch_tokens)


def some_queries(shared: int = 20, ends: tuple[int, ...] = ()) -> list[Query]:
    generator = torch.Generator().manual_seed(3)
    prefix = torch.randint(2, 400, (shared,), generator=generator).tolist()
    labels = ((5,), (7, 9), (7, 11, 13))
    return [
        Query("", prefix + torch.randint(2, 400, (length,), generator=generator).tolist(), labels, ends)
        for length in (3, 17, 1, 9, 30, 9)
    ]


def plain_scores(model: Any, query: Query) -> list[list[float]]:
    """One row at a time, no cache, no padding: the model's own numbers."""
    scores = []
    for label in query.labels:
        ids = torch.tensor([[*query.ids, *label]])
        with torch.inference_mode():
            logprobs = model(input_ids=ids).logits.float().log_softmax(-1)[0]
        start = len(query.ids) - 1
        scores.append([float(logprobs[start + step, token]) for step, token in enumerate(label)])
        if query.ends:
            scores[-1].append(float(logprobs[start + len(label), list(query.ends)].logsumexp(-1)))
    return scores


@pytest.mark.parametrize("ends", [(), (3,), (3, 8, 11)])
@pytest.mark.parametrize("family", FAMILIES)
def test_label_scores_equal_the_plain_forward_pass(family: str, ends: tuple[int, ...]) -> None:
    local = engine(family)
    queries = some_queries(ends=ends)
    for query, answer in zip(queries, local.score_labels(queries), strict=True):
        assert isinstance(answer, LabelAnswer)
        for ours, plain in zip(answer.log_likelihoods, plain_scores(local.loaded.model, query), strict=True):
            assert list(ours) == pytest.approx(plain, abs=TOLERANCE)


@pytest.mark.parametrize("ends", [(), (3, 8)])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_query_may_have_labels_of_its_own_and_share_a_pass(
    family: str, ends: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [((5,), (7, 9)), ((5, 6, 7),), ((1,), (2,), (3,), (4, 4)), ((7, 9), (5,)), ((8,), (9,)), ((11, 12),)]
    queries = [query._replace(labels=labels) for query, labels in zip(some_queries(ends=ends), own, strict=True)]
    local, passes = engine(family), []
    counted = LocalEngine._tree_scores
    monkeypatch.setattr(LocalEngine, "_tree_scores", lambda *args: (passes.append(1), counted(*args))[1])
    for query, answer in zip(queries, local.score_labels(queries), strict=True):
        assert isinstance(answer, LabelAnswer)
        for ours, plain in zip(answer.log_likelihoods, plain_scores(local.loaded.model, query), strict=True):
            assert list(ours) == pytest.approx(plain, abs=TOLERANCE)
    assert len(passes) == bool(local.packs)


def test_a_model_that_keeps_to_itself_what_it_does_not_know_takes_packs() -> None:
    """Such is GPT-2 before transformers 5.3: its decoder would take the layout, its head does not hand it on."""
    model = tiny_model("llama")
    whole = model.forward

    def forgetful(input_ids: Any, position_ids: Any = None, use_cache: bool = False, logits_to_keep: Any = 0) -> Any:
        return whole(input_ids, position_ids=position_ids, use_cache=use_cache, logits_to_keep=logits_to_keep)

    model.forward = forgetful
    assert takes_packs(model) == (True, "")


def all_scores(answers: Sequence[LabelAnswer | Refusal]) -> list[tuple[tuple[float, ...], ...]]:
    assert all(isinstance(one, LabelAnswer) for one in answers)
    return [one.log_likelihoods for one in answers if isinstance(one, LabelAnswer)]


@pytest.mark.parametrize("family", FAMILIES)
def test_label_scores_do_not_depend_on_batch_size(family: str) -> None:
    queries = some_queries()
    whole = all_scores(engine(family, 4096).score_labels(queries))
    for budget in (16, 128):
        for one, other in zip(whole, all_scores(engine(family, budget).score_labels(queries)), strict=True):
            for a, b in zip(one, other, strict=True):
                assert list(b) == pytest.approx(list(a), abs=TOLERANCE)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_and_texts_do_not_depend_on_the_order_of_the_queries_at_all(family: str) -> None:
    queries = some_queries()
    local = engine(family, 128)
    assert all_scores(local.score_labels(queries)) == all_scores(local.score_labels(queries[::-1]))[::-1]
    asked = [Query("", query.ids, ()) for query in queries]
    decoding = Decoding(12, ())
    assert local.generate(asked, decoding) == local.generate(asked[::-1], decoding)[::-1]


def shots_of(n_shots: int) -> list[Query]:
    """Queries behind the first demonstrations of one draw, each 90 tokens long."""
    generator = torch.Generator().manual_seed(5)
    demonstrations = torch.randint(2, 400, (4, 90), generator=generator).flatten().tolist()
    queries = torch.randint(2, 400, (6, 30), generator=generator).tolist()
    return [Query("", demonstrations[: 90 * n_shots] + query, ((5,), (7, 9))) for query in queries]


def test_what_was_asked_before_changes_no_bit_and_nested_demonstrations_are_read_once() -> None:
    """Two shots after four, after none, after another test set: the same numbers as in a fresh engine."""
    fresh = {n_shots: all_scores(engine("llama").score_labels(shots_of(n_shots))) for n_shots in (0, 2, 4)}
    warm = engine("llama")
    spent = {}
    for n_shots in (2, 4, 2, 0, 4):
        before = warm.n_forwarded
        assert all_scores(warm.score_labels(shots_of(n_shots))) == fresh[n_shots]
        warm.score_labels(some_queries()) if n_shots == 0 else None
        spent.setdefault(n_shots, warm.n_forwarded - before)
    alone = engine("llama")
    alone.score_labels(shots_of(4))
    assert spent[4] == alone.n_forwarded - BLOCK


def test_every_token_is_read_once() -> None:
    local = engine("llama")
    local.score_labels(shots_of(4))
    assert local.n_forwarded == 4 * 90 + 6 * (30 + 1)


def test_what_is_not_exact_falls_back_and_says_so() -> None:
    assert engine("llama").notes == ()
    assert engine("gemma3_text").notes == ()
    (note,) = engine("llama-dynamic").notes
    assert "rotary embedding depends on the longest row" in note


def greedy(model: Any, context: list[int], n_new: int) -> list[int]:
    ids = list(context)
    for _ in range(n_new):
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        if token == 1:
            break
        ids.append(token)
    return ids[len(context) :]


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("batch_tokens", [64, 4096])
def test_generation_is_greedy_decoding(family: str, batch_tokens: int) -> None:
    local = engine(family, batch_tokens)
    queries = some_queries()
    answers = local.generate(queries, Decoding(max_new_tokens=12, stop=()))
    for query, answer in zip(queries, answers, strict=True):
        expected = greedy(local.loaded.model, query.ids, 12)
        assert isinstance(answer, TextAnswer)
        assert answer == TextAnswer(spell(local, expected), len(expected))


def spell(local: LocalEngine, ids: list[int]) -> str:
    return str(local.loaded.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text"])
def test_more_queries_than_places_are_continued_as_if_each_were_alone(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows enter while others are under way, and leave at different times."""
    monkeypatch.setattr(generation, "MAX_SLOTS", 3)
    local = engine(family, 64)
    stop = Decoding(9, ("e", "t"))
    queries = [Query("", one.ids, ()) for shared in (20, 0) for one in some_queries(shared)]
    together = local.generate(queries, stop)
    assert together == [local.generate([query], stop)[0] for query in queries]
    assert len({one.n_tokens for one in together if isinstance(one, TextAnswer)}) > 1


def test_a_few_long_rows_do_not_take_the_places_of_the_others() -> None:
    rows = [Row([3] * length) for length in (596, 16, 20, 20, 20, 18, 300, 20)]
    batches = [[0, 6], [2, 3, 4], [7, 5], [1]]
    long, short = waves(rows, batches, n_new=4, cached_tokens=1200)
    assert (long.n_tokens, long.n_slots, long.batches) == (600, 2, [[0, 6]])
    assert (short.n_tokens, short.n_slots, short.batches) == (24, 6, batches[1:])
    assert len(waves(rows[1:6], [[1, 2, 3], [4, 0]], n_new=4, cached_tokens=60)) == 1


def test_long_and_short_queries_together_are_answered_as_if_alone() -> None:
    local = engine("llama", 32)
    generator = torch.Generator().manual_seed(7)
    queries = [
        Query("", torch.randint(2, 400, (length,), generator=generator).tolist(), ())
        for length in (4, 90, 6, 5, 4, 60, 6, 5)
    ]
    together = local.generate(queries, Decoding(6, ()))
    assert together == [local.generate([query], Decoding(6, ()))[0] for query in queries]


def test_the_publishers_generation_settings_are_set_aside() -> None:
    local = engine("llama-dynamic")
    local.loaded.model.generation_config.repetition_penalty = 1e6
    query = some_queries()[1]
    (answer,) = local.generate([query], Decoding(12, ()))
    assert isinstance(answer, TextAnswer)
    assert answer.text == spell(local, greedy(local.loaded.model, query.ids, 12))
    assert local.loaded.model.generation_config.repetition_penalty == 1e6


def test_generation_ends_at_a_stop_after_visible_text() -> None:
    local = engine("llama")
    tokenizer = local.loaded.tokenizer
    long = local.generate(some_queries()[:1], Decoding(40, ()))[0]
    assert isinstance(long, TextAnswer)
    stop = long.text.strip()[3:5]
    short = local.generate(some_queries()[:1], Decoding(40, (stop,)))[0]
    assert isinstance(short, TextAnswer)
    assert stop in short.text
    assert short.n_tokens <= long.n_tokens
    assert tokenizer.eos_token not in short.text


def test_a_query_longer_than_the_context_is_refused_and_the_others_are_answered() -> None:
    local = engine("llama")
    queries = [Query("", [3] * 3000, ((5,), (6,))), *some_queries(0)[:1]]
    refused, answered = local.score_labels(queries)
    assert isinstance(refused, Refusal)
    assert "3000 tokens do not fit" in refused.reason
    assert isinstance(answered, LabelAnswer)


def test_one_query_alone_is_answered() -> None:
    local = engine("llama")
    (answer,) = local.score_labels(some_queries()[:1])
    assert isinstance(answer, LabelAnswer)
    assert len(answer.log_likelihoods) == 3


@pytest.mark.parametrize("family", ["llama", "llama-dynamic"])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_row_whose_logits_hold_no_number_is_refused_and_the_others_are_written(
    family: str, temperature: float
) -> None:
    """Token 300 has an embedding of NaN: a row that holds it says nothing, packed or whole, drawn or not."""
    local = engine(family)
    queries = [*some_queries(0), Query("", [5, 300, 7], ())]
    expected = local.generate(queries[:-1], Decoding(6, (), temperature=temperature))
    weight = local.loaded.model.get_input_embeddings().weight
    with torch.no_grad():
        local.loaded.model.lm_head.weight = torch.nn.Parameter(weight.clone())
        weight[300] = float("nan")
    *written, refused = local.generate(queries, Decoding(6, (), temperature=temperature))
    assert written == expected
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith("the model gives no number here: the logit of output token 1 is nan")


@pytest.mark.parametrize(("value", "size"), [(float("nan"), 401), (float("inf"), 403)])
def test_weights_that_are_no_numbers_are_no_packing_problem(value: float, size: int) -> None:
    model = tiny_model("llama", vocab_size=size)  # an architecture that nobody asked about before
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[0, 0] = value
    with pytest.raises(UnitError, match="outputs hold NaN or infinity"):
        takes_packs(model)
    assert takes_packs(tiny_model("llama", vocab_size=size)) == (True, "")


def test_half_a_budget_is_a_whole_number_of_tokens_down_to_the_least() -> None:
    local = engine("llama", 4096)
    seen = []
    while local.halve():
        seen.append(local.batch_tokens)
    assert seen == [512, 256, 128]  # a processor takes 1,024 tokens at a time, whatever is allowed
    assert all(type(one) is int for one in seen)
    assert seen[-1] == LEAST_TOKENS
