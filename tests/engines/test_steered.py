"""A served model that small ones steer answers as three models in memory do, over what its server lists; what is not listed is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.engines import ENGINES
from hanka.engines.combined import Cast, CombinedEngine
from hanka.engines.contract import Decoding, LabelAnswer, Lent, Refusal, Steering, TextAnswer
from hanka.engines.served.steered import SteeredEngine
from hanka.errors import ModelError, UnitError
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.models.served import Served, ServedModel
from hanka.prompting import Prompter, Query, TextPolicy
from hanka.records import Example
from hanka.tasks.base import Task
from model_server import ModelServer, serving
from tiny_models import CORPUS, tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
ALL = 416
"More than the vocabulary has."
TASK = Task(
    "which", "classification", {"p1": "Q: {input}\nA:"}, ("accuracy",), (" card", " card lost", " 猫"), version=1
)
ROWS = [Example(str(at), {"input": text}, " card") for at, text in enumerate(("dog", "a 猫 sat", "no", "yes and no"))]
WRITING = replace(TASK, kind="generation", labels=(), metrics=("rouge_l",))
GREEDY, DRAWN = Decoding(8, ("zzz",)), Decoding(8, (), 1.0, seed=3)


def loaded(seed: int, **changes: Any) -> LoadedModel:
    model = tiny_model(seed=seed, initializer_range=0.4, **changes)
    return LoadedModel(model, TOKENIZER, ModelRef(f"tiny-{seed}", "folder", None, folder=Path()), "", "", "float32")


BASE, EXPERT, ANTI = loaded(5), loaded(6, hidden_size=16), loaded(7)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(ModelServer(BASE.model, TOKENIZER, numbers=True)) as found:
        yield found


def steered(
    server: ModelServer, alpha: float = 1.0, top: int = ALL, folder: Path | None = None, **said: Any
) -> SteeredEngine:
    lent = ServedModel(Served(server.url, "tiny", patience=5.0, **said), folder)
    return SteeredEngine(lent, EXPERT, ANTI, Steering(alpha, top), 512)


def in_memory(alpha: float = 1.0) -> CombinedEngine:
    return CombinedEngine(Cast(BASE, EXPERT, ANTI, alpha), 512)


def asked(task: Task = TASK, rows: Sequence[Example] = ROWS, **policy: Any) -> list[Query]:
    return Prompter(TOKENIZER, TextPolicy(bos="never", **policy)).ask(task, "p1", (), rows).encoded


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("eos", [True, False])
@pytest.mark.parametrize("alpha", [1.0, -0.5])
def test_labels_are_those_of_three_models_in_memory_where_every_token_is_listed(
    server: ModelServer, alpha: float, eos: bool, packs: bool
) -> None:
    engine, queries = steered(server, alpha), asked(eos=eos)
    engine.packs = packs
    for one, other in zip(engine.score_labels(queries), in_memory(alpha).score_labels(queries), strict=True):
        assert isinstance(one, LabelAnswer), one
        assert isinstance(other, LabelAnswer)
        for label, same in zip(one.log_likelihoods, other.log_likelihoods, strict=True):
            assert label == pytest.approx(same, abs=1e-4)


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("decoding", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_texts_are_those_of_three_models_in_memory_where_every_token_is_listed(
    server: ModelServer, decoding: Decoding, packs: bool
) -> None:
    engine, queries = steered(server), asked(WRITING)
    engine.packs = packs
    found = engine.generate(queries, decoding)
    assert [one._replace(n_read=None) for one in found if isinstance(one, TextAnswer)] == in_memory().generate(
        queries, decoding
    )
    taken = engine.account()
    assert taken["n_steps"] >= len(queries)
    assert taken["n_beyond"] == 0


def test_a_text_that_is_sent_as_text_gives_the_same(server: ModelServer) -> None:
    server.takes_ids = False
    rows = [row for row in ROWS if row.fields["input"].isascii()]
    found, wanted = (one.score_labels(asked(SPELT, rows)) for one in (steered(server), in_memory()))
    for one, other in zip(found, wanted, strict=True):
        assert isinstance(one, LabelAnswer), one
        assert isinstance(other, LabelAnswer)
        assert [sum(label) for label in one.log_likelihoods] == pytest.approx(
            [sum(label) for label in other.log_likelihoods], abs=1e-4
        )
    assert all(isinstance(body["prompt"], str) for body in server.asked)
    refused = steered(server).score_labels(asked(replace(TASK, labels=(" no", " 猫")), rows))
    assert all(isinstance(one, Refusal) and "ends inside a character" in one.reason for one in refused)


SPELT = replace(TASK, labels=(" yes", " no"))


def test_equal_beginnings_are_asked_once_and_nothing_twice(server: ModelServer, tmp_path: Path) -> None:
    queries = asked()
    steered(server, folder=tmp_path).score_labels(queries)
    asked_for = [str(body["prompt"]) for body in server.asked]
    assert len(asked_for) == len(set(asked_for))
    steered(server, folder=tmp_path).score_labels(queries)
    assert len(server.asked) == len(asked_for)


def by_hand(ids: Sequence[int], alpha: float, top: int) -> torch.Tensor:
    """The base's most probable tokens, steered and normalised over these."""
    with torch.inference_mode():
        base, expert, anti = (
            one.model(input_ids=torch.tensor([list(ids)])).logits[0, -1].double() for one in (BASE, EXPERT, ANTI)
        )
    kept = base.topk(top).indices
    whole = torch.full_like(base, float("-inf"))
    whole[kept] = (base + alpha * (expert - anti))[kept]
    return whole.log_softmax(-1)


def test_what_is_not_listed_is_impossible_and_a_label_with_such_a_token_is_refused(server: ModelServer) -> None:
    query = asked(SPELT, ROWS[:1], eos=False)[0]
    first = [label[0] for label in query.labels]
    for top in (50, 150, 250, 350):
        logs = by_hand(query.ids, 1.0, top)
        (found,) = steered(server, top=top).score_labels([query._replace(labels=tuple((one,) for one in first))])
        if torch.isfinite(logs[first]).all():
            assert isinstance(found, LabelAnswer)
            assert [one for (one,) in found.log_likelihoods] == pytest.approx(logs[first].tolist(), abs=1e-4)
        else:
            assert isinstance(found, Refusal)
            assert f"not among the {top} the server lists" in found.reason


def test_steps_in_which_a_token_beyond_the_list_may_have_won_are_counted(server: ModelServer) -> None:
    alpha, top, n_new = 1.0, 12, 6
    queries = asked(WRITING)
    engine = steered(server, alpha, top)
    texts = engine.generate(queries, Decoding(n_new, ()))
    n_steps = n_beyond = n_changed = 0
    for query, text in zip(queries, texts, strict=True):
        ids = list(query.ids)
        assert isinstance(text, TextAnswer)
        for _ in range(n_new):
            cut, whole = by_hand(ids, alpha, top), by_hand(ids, alpha, 400)
            n_steps, n_changed = n_steps + 1, n_changed + int(cut.argmax() != whole.argmax())
            ids.append(int(cut.argmax()))
            if ids[-1] == TOKENIZER.eos_token_id:
                break
        assert text.text == TOKENIZER.decode(ids[len(query.ids) :], skip_special_tokens=True)
    taken = engine.account()
    n_beyond = taken["n_beyond"]
    assert taken["n_steps"] == n_steps
    assert 0 < n_changed <= n_beyond <= n_steps
    assert steered(server, alpha, 399).generate(queries, Decoding(n_new, ()))


class Foreign:
    """The tokenizer with another way to cut a text."""

    def __init__(self, **changes: Any) -> None:
        other = tiny_tokenizer()
        other.backend_tokenizer.train_from_iterator(CORPUS[:1] * 9, _trainer())
        self.other = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self.other, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.other(*args, **kwargs)


def _trainer() -> Any:
    from tokenizers import pre_tokenizers, trainers

    return trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def test_a_server_of_another_tokenizer_is_one_line(server: ModelServer) -> None:
    server.tokenizer = Foreign()
    with pytest.raises(
        UnitError, match=r"tokenizer is not that of the models that steer it: it cuts '.*' into \d+ tokens"
    ) as caught:
        steered(server).score_labels(asked())
    assert "\n" not in str(caught.value)


def test_a_server_that_lists_nothing_is_one_line(server: ModelServer) -> None:
    server.lists = False
    with pytest.raises(UnitError, match="lists no log-probabilities of the tokens it might write next"):
        steered(server).score_labels(asked())


def test_a_row_that_the_server_refuses_is_a_refused_row(server: ModelServer) -> None:
    def refuses(handler: Any, body: dict[str, Any]) -> bool:
        if len(server.asked) >= 7 and isinstance(body["prompt"], list) and len(body["prompt"]) == longest:
            handler.reply({"error": {"message": "maximum context length is 8 tokens"}}, 400)
            return True
        return False

    queries = asked(WRITING)
    longest = max(len(query.ids) for query in queries)
    server.faults[:] = [refuses] * 100
    found = steered(server).generate(queries, Decoding(1, ()))
    refused = [one for one in found if isinstance(one, Refusal)]
    assert len(refused) == sum(len(query.ids) == longest for query in queries) < len(queries)
    assert all("maximum context length" in one.reason for one in refused)


def test_the_entry_opens_what_is_lent_and_says_what_is_missing(server: ModelServer) -> None:
    entry = ENGINES.get("steered")
    lent = ServedModel(Served(server.url, "tiny"), None)
    engine = entry.open(Lent(lent, 512, others={"expert": EXPERT, "anti": ANTI}, params=Steering(0.5, ALL)))
    assert engine.score_labels(asked()) == steered(server, 0.5).score_labels(asked())
    assert "over the 416 tokens that the server lists" in engine.notes[0]
    with pytest.raises(ModelError, match="needs the model 'anti'; lent: expert"):
        entry.open(Lent(lent, 512, others={"expert": EXPERT}))
    with pytest.raises(ModelError, match="asks a server, and none was lent"):
        entry.open(Lent(BASE, 512))
    assert "asks for the likelihood of a text" in entry.refusal("likelihood", "prose")
