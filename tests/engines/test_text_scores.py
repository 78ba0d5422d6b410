from __future__ import annotations

from typing import Any

import pytest
import torch
from test_local_engine import FAMILIES, TOLERANCE, engine

from hanka.engines import voices
from hanka.engines.contract import Refusal, TextScore
from hanka.prompting import Prompter, Query, TextPolicy
from tiny_models import tiny_tokenizer


def some_texts(before: int = 1) -> list[Query]:
    generator = torch.Generator().manual_seed(11)
    shared = torch.randint(2, 400, (before,), generator=generator).tolist()
    return [
        Query("", shared, (tuple(torch.randint(2, 400, (length,), generator=generator).tolist()),))
        for length in (40, 1, 300, 7, 7, 150)
    ]


def plain(model: Any, query: Query) -> list[float]:
    """The whole row at once, all logits, no cache."""
    ids = torch.tensor([[*query.ids, *query.labels[0]]])
    with torch.inference_mode():
        found = model(input_ids=ids).logits.float().log_softmax(-1)[0]
    start = len(query.ids)
    return [float(found[start - 1 + step, token]) for step, token in enumerate(query.labels[0])]


@pytest.mark.parametrize("family", [*FAMILIES, "gemma2"])
@pytest.mark.parametrize("before", [1, 30])
@pytest.mark.parametrize("budget", [64, 4096])
def test_every_token_is_scored_as_the_plain_model_does(
    family: str, before: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gemma2 caps its logits, so its head is no plain matrix."""
    monkeypatch.setattr(voices, "PASS_PLACES", 90)
    monkeypatch.setitem(FAMILIES, "gemma2", {"final_logit_softcapping": 3.0})
    local = engine(family, budget)
    queries = some_texts(before)
    for query, answer in zip(queries, local.score_text(queries), strict=True):
        assert isinstance(answer, TextScore)
        assert list(answer.log_likelihoods) == pytest.approx(plain(local.loaded.model, query), abs=TOLERANCE)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_is_greedy_where_the_model_would_have_written_it(family: str) -> None:
    local = engine(family, 64)
    queries = []
    for query in some_texts(9):
        ids = list(query.ids)
        for _ in range(4):
            with torch.inference_mode():
                ids.append(int(local.loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        written = ids[len(query.ids) :]
        queries += [
            query._replace(labels=(tuple(written),)),
            query._replace(labels=((*written[:-1], written[-1] ^ 1),)),
        ]
    answers = local.score_text(queries)
    assert [one.is_greedy for one in answers if isinstance(one, TextScore)] == [True, False] * (len(queries) // 2)


def test_logits_of_a_pass_are_never_all_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    picked = voices.alone

    def watched(parts: Any) -> Any:
        seen.append(len(parts[0]))
        return picked(parts)

    local = engine("llama", 4096)
    object.__setattr__(local.voices, "join", watched)
    local.score_text(some_texts())
    assert max(seen) <= voices.HEAD_PLACES
    assert sum(seen) == sum(len(query.labels[0]) for query in some_texts())


def test_a_text_of_labels_is_scored_as_a_label_is() -> None:
    local = engine("qwen3")
    queries = some_texts(5)
    for text, label in zip(local.score_text(queries), local.score_labels(queries), strict=True):
        assert not isinstance(text, Refusal)
        assert not isinstance(label, Refusal)
        assert text.log_likelihoods == pytest.approx(label.log_likelihoods[0], abs=TOLERANCE)


def test_what_cannot_be_scored_is_refused_and_the_others_are_scored() -> None:
    local = engine("llama")
    empty, alone, good = local.score_text([Query("", [], ((),)), Query("a", [3], ((),)), some_texts()[0]])
    assert isinstance(empty, Refusal)
    assert isinstance(alone, Refusal)
    assert "nothing can be scored" in alone.reason
    assert isinstance(good, TextScore)


def test_the_longest_text_that_fits_is_scored() -> None:
    local = engine("llama")
    (fits,) = local.score_text([Query("", [3], ((4,) * 2048,))])
    assert isinstance(fits, TextScore)
    (too_long,) = local.score_text([Query("", [3], ((4,) * 2049,))])
    assert too_long == Refusal("2049 tokens do not fit the model's context of 2048")


@pytest.mark.parametrize("bos", ["never", "always", "model"])
def test_likelihood_queries_score_what_stands_behind_bos_and_prefix(bos: str) -> None:
    tokenizer = tiny_tokenizer()
    prompter = Prompter(tokenizer, TextPolicy(bos=bos))  # type: ignore[arg-type]
    texts = ["A short text about a dog.", "e", ""]
    alone = prompter.likelihood_queries(texts)
    for text, query in zip(texts, alone, strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert query.text == text
        before = tokenizer.bos_token_id if bos == "always" else tokenizer.eos_token_id
        assert (query.ids, query.labels) == ([before], (tuple(ids),))
    (behind,) = prompter.likelihood_queries(texts[:1], "What is it? ")
    assert tokenizer.decode(behind.ids[bos == "always" :]) + tokenizer.decode(behind.labels[0]) == behind.text
    assert tokenizer.decode(behind.labels[0]).lstrip() == texts[0]
