from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer
from hanka.engines.local import LocalEngine
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.prompting import EncodedQuery
from tiny_models import tiny_model, tiny_tokenizer

FAMILIES = {
    "llama": {},
    "mistral": {"sliding_window": None},
    "mistral-sliding": {"sliding_window": 8},
    "qwen3": {},
    "gpt2": {},
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
}
TOLERANCE = 1e-4
"Nats; float32 sums in another order differ by about 1e-6 here."


def engine(family: str, batch_tokens: int = 512) -> LocalEngine:
    model = tiny_model(family.split("-")[0], **FAMILIES[family])
    tokenizer = tiny_tokenizer()
    ref = ModelRef("tiny", "folder", None, folder=Path())
    return LocalEngine(LoadedModel(model, tokenizer, ref, "tiny", "", "float32"), batch_tokens)


def some_queries(shared: int = 20) -> list[EncodedQuery]:
    generator = torch.Generator().manual_seed(3)
    prefix = torch.randint(2, 400, (shared,), generator=generator).tolist()
    labels = ((5,), (7, 9), (7, 11, 13))
    return [
        EncodedQuery(prefix + torch.randint(2, 400, (length,), generator=generator).tolist(), labels)
        for length in (3, 17, 1, 9, 30, 9)
    ]


def plain_scores(model: Any, query: EncodedQuery) -> list[list[float]]:
    """One row at a time, no cache, no padding: the model's own numbers."""
    scores = []
    for label in query.labels:
        ids = torch.tensor([[*query.context, *label]])
        with torch.inference_mode():
            logprobs = model(input_ids=ids).logits.float().log_softmax(-1)[0]
        start = len(query.context) - 1
        scores.append([float(logprobs[start + step, token]) for step, token in enumerate(label)])
    return scores


@pytest.mark.parametrize("family", FAMILIES)
def test_label_scores_equal_the_plain_forward_pass(family: str) -> None:
    local = engine(family)
    queries = some_queries()
    for query, answer in zip(queries, local.score_labels(queries), strict=True):
        assert isinstance(answer, LabelAnswer)
        for ours, plain in zip(answer.log_likelihoods, plain_scores(local.loaded.model, query), strict=True):
            assert list(ours) == pytest.approx(plain, abs=TOLERANCE)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_label_scores_do_not_depend_on_batch_size_or_order(family: str) -> None:
    queries = some_queries()
    whole = engine(family, 4096).score_labels(queries)
    single = engine(family, 16).score_labels(queries)
    backwards = engine(family, 128).score_labels(queries[::-1])[::-1]
    for one, other, third in zip(whole, single, backwards, strict=True):
        assert isinstance(one, LabelAnswer)
        assert isinstance(other, LabelAnswer)
        assert isinstance(third, LabelAnswer)
        for a, b, c in zip(one.log_likelihoods, other.log_likelihoods, third.log_likelihoods, strict=True):
            assert list(b) == pytest.approx(list(a), abs=TOLERANCE)
            assert list(c) == pytest.approx(list(a), abs=TOLERANCE)


def test_sliding_windows_fall_back_and_say_so() -> None:
    assert engine("llama").notes == ()
    (note,) = engine("gemma3_text").notes
    assert "sliding windows" in note


def greedy(model: Any, context: list[int], n_new: int) -> list[int]:
    ids = list(context)
    for _ in range(n_new):
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        if token == 1:
            break
        ids.append(token)
    return ids[len(context) :]


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen3", "gemma3_text", "mistral-sliding"])
@pytest.mark.parametrize("batch_tokens", [64, 4096])
def test_generation_is_greedy_decoding(family: str, batch_tokens: int) -> None:
    local = engine(family, batch_tokens)
    queries = some_queries()
    answers = local.generate(queries, Decoding(max_new_tokens=12, stop=()))
    for query, answer in zip(queries, answers, strict=True):
        expected = greedy(local.loaded.model, query.context, 12)
        assert isinstance(answer, TextAnswer)
        assert answer == TextAnswer(local._decode(expected), len(expected))


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
    queries = [EncodedQuery([3] * 3000, ((5,), (6,))), *some_queries(0)[:1]]
    refused, answered = local.score_labels(queries)
    assert isinstance(refused, Refusal)
    assert "3000 tokens do not fit" in refused.reason
    assert isinstance(answered, LabelAnswer)


def test_one_query_alone_is_answered() -> None:
    local = engine("llama")
    (answer,) = local.score_labels(some_queries()[:1])
    assert isinstance(answer, LabelAnswer)
    assert len(answer.log_likelihoods) == 3
