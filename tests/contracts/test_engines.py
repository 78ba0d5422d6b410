"""Every engine of ENGINES declares itself and answers as the contract says."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from hanka.engines import ENGINE_OF, ENGINES, EngineEntry, Lent
from hanka.engines.contract import ASKS_FOR, Decoding, LabelAnswer, TextAnswer, TextScore
from hanka.models.catalogue import ModelRef
from hanka.prompting import Query

EVERY = pytest.mark.parametrize("entry", list(ENGINES), ids=ENGINES.names())
LABELLED = [Query(text, [3, len(text)], ((5,), (6, 7))) for text in ("a", "bc", "def")]


@EVERY
def test_an_entry_declares_itself(entry: EngineEntry) -> None:
    assert entry.reference
    assert entry.description
    assert entry.version >= 1
    assert entry.answers
    assert bool(entry.cannot) == (entry.answers != {"labels", "text", "likelihood"})


@EVERY
def test_what_it_cannot_give_is_said_in_one_line_before_any_work(entry: EngineEntry) -> None:
    for kind in ("classification", "generation", "likelihood", "regression"):
        line = entry.refusal(kind, "summary")
        assert bool(line) == (ASKS_FOR.get(kind, "text") not in entry.answers)
        assert "\n" not in line


def test_an_encoder_cannot_write() -> None:
    assert ENGINES.get("encoder").refusal("generation", "summary") == (
        "an encoder cannot write: task summary (generation) asks for written text; the engine encoder gives labels"
    )
    assert "the likelihood of a text" in ENGINES.get("encoder").refusal("likelihood", "prose")


def test_every_kind_of_base_has_an_engine() -> None:
    assert set(ENGINE_OF) == set(get_args(get_type_hints(ModelRef)["kind"]))
    assert set(ENGINE_OF.values()) <= set(ENGINES.names())


def test_fake_answers_depend_on_the_query_alone() -> None:
    engine = ENGINES.get("fake").open(Lent(None, 64))
    for ask in (engine.score_labels, engine.score_text, lambda asked: engine.generate(asked, Decoding(5, ()))):
        assert ask(LABELLED) == ask(LABELLED[::-1])[::-1]
        assert len(set(map(str, ask(LABELLED)))) == 3
    scored, read = engine.score_labels(LABELLED)[0], engine.score_text(LABELLED)[0]
    assert isinstance(scored, LabelAnswer)
    assert [len(label) for label in scored.log_likelihoods] == [1, 2]
    assert all(value < 0 for label in scored.log_likelihoods for value in label)
    assert read == TextScore(scored.log_likelihoods[0])
    (written,) = engine.generate(LABELLED[:1], Decoding(2, ()))
    assert isinstance(written, TextAnswer)
    assert written.n_tokens == len(written.text.split()) <= 2
    drawn = [engine.generate(LABELLED, Decoding(8, (), 1.0, seed=seed)) for seed in (0, 1)]
    assert drawn[0] != drawn[1]
