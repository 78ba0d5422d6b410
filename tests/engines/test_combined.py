from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_local_engine import some_queries

from hanka.engines import ENGINES, Lent
from hanka.engines.combined import Cast, CombinedEngine
from hanka.engines.contract import Decoding, LabelAnswer, Refusal, Steering, TextAnswer, TextScore
from hanka.engines.local import LocalEngine, VoicesEngine
from hanka.errors import ModelError, UnitError
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.models.memory import require_room
from hanka.models.vocabulary import common_vocabulary
from hanka.prompting import Query
from tiny_models import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
DYNAMIC = {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}}
GREEDY, DRAWN = Decoding(10, ()), Decoding(10, (), temperature=1.0, seed=3)


def loaded(seed: int, family: str = "llama", **changes: Any) -> LoadedModel:
    model = tiny_model(family, seed, **changes)
    return LoadedModel(model, TOKENIZER, ModelRef(f"tiny-{seed}", "folder", None, folder=Path()), "", "", "float32")


BASE, EXPERT, ANTI = loaded(0), loaded(1, hidden_size=16, vocab_size=416), loaded(2, "gpt2")
TEXTS = [Query("", one.ids, (tuple(one.ids[::-1]),)) for one in some_queries()]


def combined(base: LoadedModel, expert: LoadedModel, anti: LoadedModel, alpha: float = 1.0) -> CombinedEngine:
    return CombinedEngine(Cast(base, expert, anti, alpha), 512)


def said(engine: VoicesEngine) -> tuple[list[Any], ...]:
    """Everything an engine says."""
    return (
        engine.score_labels(some_queries()),
        engine.generate(some_queries(), GREEDY),
        engine.generate(some_queries(), DRAWN),
        engine.score_text(TEXTS),
    )


def plain(ids: list[int], alpha: float) -> torch.Tensor:
    """log-softmax of the combined logits after each token, by whole rows."""
    with torch.inference_mode():
        base, expert, anti = (
            one.model(input_ids=torch.tensor([ids])).logits[0, :, :400].double() for one in (BASE, EXPERT, ANTI)
        )
    return (base + alpha * (expert - anti)).log_softmax(-1)


@pytest.mark.parametrize("alpha", [0.5, 1.0, -2.0])
def test_labels_texts_and_continuations_follow_the_equation(alpha: float) -> None:
    engine = combined(BASE, EXPERT, ANTI, alpha)
    assert engine.notes == ()
    for query, answer in zip(some_queries(), engine.score_labels(some_queries()), strict=True):
        assert isinstance(answer, LabelAnswer)
        for label, found in zip(query.labels, answer.log_likelihoods, strict=True):
            logs = plain([*query.ids, *label], alpha)
            at = len(query.ids) - 1
            wanted = [float(logs[at + step, token]) for step, token in enumerate(label)]
            assert found == pytest.approx(wanted, abs=1e-5)
    for query, text in zip(TEXTS, engine.score_text(TEXTS), strict=True):
        assert isinstance(text, TextScore)
        logs = plain([*query.ids, *query.labels[0]], alpha)[len(query.ids) - 1 : -1]
        wanted = logs.gather(1, torch.tensor(query.labels[0])[:, None])[:, 0].tolist()
        assert text.log_likelihoods == pytest.approx(wanted, abs=1e-5)
    for query, answer in zip(some_queries(), engine.generate(some_queries(), GREEDY), strict=True):
        ids = list(query.ids)
        for _ in range(10):
            token = int(plain(ids, alpha)[-1].argmax())
            if token in (1, 50256):
                break
            ids.append(token)
        spelt = TOKENIZER.decode(ids[len(query.ids) :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert answer == TextAnswer(spelt, len(ids) - len(query.ids))


def test_nothing_is_added_at_alpha_zero_and_the_others_are_not_even_run() -> None:
    engine = combined(BASE, EXPERT, ANTI, 0.0)
    assert said(engine) == said(LocalEngine(BASE, 512))
    assert [voice.model for voice in engine.voices.members] == [BASE.model]


def test_an_expert_that_is_the_anti_expert_leaves_the_base() -> None:
    engine = combined(BASE, EXPERT, EXPERT, 1.7)
    assert said(engine) == said(LocalEngine(BASE, 512))
    assert len(engine.voices.members) == 1


def test_a_base_that_is_the_anti_expert_becomes_the_expert() -> None:
    engine = combined(BASE, EXPERT, BASE)
    assert said(engine) == said(LocalEngine(EXPERT, 512))
    assert [voice.model for voice in engine.voices.members] == [EXPERT.model]


def twin(one: LoadedModel) -> LoadedModel:
    """The same weights, loaded again: nothing tells the engine that they are equal."""
    return replace(one, model=copy.deepcopy(one.model))


@pytest.mark.parametrize(
    ("cast", "alone"), [((BASE, EXPERT, twin(EXPERT)), BASE), ((BASE, EXPERT, twin(BASE)), EXPERT)]
)
def test_equal_models_loaded_twice_give_the_same_choices_and_log_probabilities_to_rounding(
    cast: tuple[LoadedModel, LoadedModel, LoadedModel], alone: LoadedModel
) -> None:
    """The sum is exact; what remains is the log-softmax, here in float64, there in float32, and the columns cut off."""
    ours, theirs = said(combined(*cast)), said(LocalEngine(twin_cut(alone), 512))
    assert ours[1:3] == theirs[1:3]
    for one, other in zip(ours[0], theirs[0], strict=True):
        for left, right in zip(one.log_likelihoods, other.log_likelihoods, strict=True):
            assert left == pytest.approx(right, abs=1e-6)
    for one, other in zip(ours[3], theirs[3], strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=2e-6)


def twin_cut(one: LoadedModel) -> LoadedModel:
    """The model with its vocabulary cut to the common 400 columns."""
    found = twin(one)
    found.model.resize_token_embeddings(400)
    return found


def test_two_parts_may_be_played_by_one_model_which_runs_once() -> None:
    engine = combined(BASE, EXPERT, BASE, 0.5)
    assert [voice.model for voice in engine.voices.members] == [BASE.model, EXPERT.model]
    apart = combined(BASE, EXPERT, twin(BASE), 0.5)
    assert said(engine) == said(apart)
    assert apart.n_forwarded * 2 == engine.n_forwarded * 3


@pytest.mark.parametrize("decoding", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_where_one_model_takes_no_packs_all_rows_are_whole_and_the_answers_the_same(decoding: Decoding) -> None:
    packed, plain = combined(BASE, EXPERT, ANTI), combined(BASE, EXPERT, ANTI)
    plain.packs = False
    assert packed.generate(some_queries(), decoding) == plain.generate(some_queries(), decoding)
    for one, other in zip(said(packed)[0], said(plain)[0], strict=True):
        for left, right in zip(one.log_likelihoods, other.log_likelihoods, strict=True):
            assert left == pytest.approx(right, abs=1e-5)
    (note,) = combined(BASE, loaded(3, **DYNAMIC), ANTI).notes
    assert "rotary embedding depends on the longest row" in note


def test_an_output_ends_where_any_of_the_models_ends_one() -> None:
    expert = twin(EXPERT)
    expert.model.generation_config.eos_token_id = [int(plain(some_queries()[0].ids, 1.0)[-1].argmax())]
    (ended,) = combined(BASE, expert, ANTI).generate(some_queries()[:1], GREEDY)
    assert ended == TextAnswer("", 0)


def test_a_token_that_one_model_does_not_have_is_refused() -> None:
    wide = loaded(0, vocab_size=416)
    refused, answered = CombinedEngine(Cast(wide, BASE, ANTI), 512).score_labels(
        [Query("", [3, 400], ((5,),)), Query("", [3, 4], ((5,),))]
    )
    assert refused == Refusal("token 400 is not in the vocabulary of all models (400 tokens)")
    assert isinstance(answered, LabelAnswer)


def test_what_one_of_the_models_cannot_hold_is_refused() -> None:
    short = loaded(1, max_position_embeddings=20)
    (refused,) = combined(BASE, short, ANTI).score_labels([Query("", [3] * 21, ((5,),))])
    assert refused == Refusal("21 tokens do not fit the model's context of 20")


class Words:
    """A tokenizer of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def get_vocab(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}


def test_vocabularies_may_differ_in_length_and_nothing_else() -> None:
    assert common_vocabulary(Words("a", "b"), Words("a", "b", "c"), ("one", "two")) == 2
    with pytest.raises(ModelError, match=r"'one' and 'two' differ in vocabulary: token 1 is 'b' in one and 'x' in the"):
        common_vocabulary(Words("a", "b"), Words("a", "x", "b"), ("one", "two"))


def test_models_of_two_vocabularies_are_refused_by_name() -> None:
    with pytest.raises(ModelError, match="'tiny-0' and 'tiny-1' differ in vocabulary"):
        combined(BASE, replace(EXPERT, tokenizer=Words("a", "b")), ANTI)


def test_models_that_do_not_fit_together_are_refused_with_the_arithmetic() -> None:
    require_room({"big": 6_000_000, "small": 4_000_000}, 10_000_000)
    with pytest.raises(UnitError, match=r"big 6 \+ small 4 = 10 MB, and 9 MB are free; choose smaller models"):
        require_room({"big": 6_000_000, "small": 4_000_000}, 9_000_000)


def test_alpha_is_finite() -> None:
    with pytest.raises(UnitError, match="alpha is nan"):
        combined(BASE, EXPERT, ANTI, float("nan"))


def test_the_entry_opens_what_is_lent_and_says_what_is_missing() -> None:
    entry = ENGINES.get("combined")
    engine = entry.open(Lent(BASE, 512, others={"expert": EXPERT, "anti": ANTI}, params=Steering(0.5)))
    assert engine.score_labels(some_queries()) == combined(BASE, EXPERT, ANTI, 0.5).score_labels(some_queries())
    with pytest.raises(ModelError, match="needs the model 'anti'; lent: expert"):
        entry.open(Lent(BASE, 512, others={"expert": EXPERT}))
    with pytest.raises(ModelError, match="is told a Steering, not dict"):
        entry.open(Lent(BASE, 512, others={"expert": EXPERT, "anti": ANTI}, params={"alpha": 1}))
    with pytest.raises(ModelError, match="none was lent"):
        entry.open(Lent(None, 512))
