"""A served model answers as the local engine does where its server gives log-probabilities, and is read strictly where not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore, WrittenLabel
from hanka.engines.local import LocalEngine
from hanka.engines.served.engine import ServedEngine
from hanka.engines.served.written import read_label
from hanka.errors import UnitError
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.models.served import Served, ServedModel
from hanka.models.spelling import ServedTokenizer
from hanka.prompting import Prompter, Query, TextPolicy
from hanka.records import Example
from hanka.tasks.base import Task
from model_server import ModelServer, serving, status
from tiny_models import tiny_model, tiny_tokenizer

TOLERANCE = 1e-4
SEED = 5
"Of a model that continues the known texts with whole characters."
MODEL, TOKENIZER = tiny_model(seed=SEED, initializer_range=0.4), tiny_tokenizer()
TASK = Task(
    name="which", version=1, kind="classification", prompts={"p1": "Q: {input}\nA:"}, labels=(" card", " card lost", " 猫"),
    metrics=("accuracy",),
)  # fmt: skip
ROWS = [
    Example(str(at), {"input": text}, " card") for at, text in enumerate(("dog", "a 猫 sat", "no", "yes and no", "ß"))
]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(ModelServer(MODEL, TOKENIZER)) as found:
        yield found


def local() -> LocalEngine:
    return LocalEngine(
        LoadedModel(MODEL, TOKENIZER, ModelRef("tiny", "folder", None, folder=Path()), "tiny", "", "float32"), 512
    )


def served(server: ModelServer, folder: Path | None = None, **said: Any) -> ServedEngine:
    return ServedEngine(ServedModel(Served(server.url, "tiny", **({"patience": 5.0} | said)), folder), 512)


def asked(
    tokenizer: Any, shots: int = 1, task: Task = TASK, rows: Sequence[Example] = ROWS, **policy: Any
) -> list[Query]:
    return Prompter(tokenizer, TextPolicy(**policy)).ask(task, "p1", rows[:shots], rows[shots:]).encoded


def scores(answers: Sequence[Any]) -> list[list[list[float]]]:
    assert all(isinstance(one, LabelAnswer) for one in answers), answers
    return [[list(label) for label in one.log_likelihoods] for one in answers]


def by_hand(query: Query, label: str, ends: Sequence[str]) -> list[float]:
    """Whole texts through the plain model: the tokens of a label, and any of its ends."""
    import torch

    def logs(text: str) -> tuple[list[int], Any]:
        ids = TOKENIZER([text], add_special_tokens=False)["input_ids"][0]
        with torch.inference_mode():
            return ids, MODEL(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)

    before = TOKENIZER([query.text], add_special_tokens=False)["input_ids"][0]
    ids, found = logs(query.text + label)
    values = [float(found[at - 1, ids[at]]) for at in range(len(before), len(ids))]
    if ends:
        first = {
            TOKENIZER([query.text + label + end], add_special_tokens=False)["input_ids"][0][len(ids)] for end in ends
        }
        values.append(float(found[len(ids) - 1, sorted(first)].logsumexp(-1)))
    return values


@pytest.mark.parametrize("adds_bos", [False, True])
def test_labels_are_scored_as_in_memory(server: ModelServer, adds_bos: bool) -> None:
    server.adds_bos = adds_bos
    found = scores(served(server, eos="</s>").score_labels(asked(ServedTokenizer())))
    ours = scores(local().score_labels(asked(TOKENIZER, bos="always" if adds_bos else "never")))
    for one, other in zip(found, ours, strict=True):
        for label, same in zip(one, other, strict=True):
            assert label == pytest.approx(same, abs=TOLERANCE)


@pytest.mark.parametrize("code", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_a_server_that_is_busy_is_asked_again_and_no_row_is_given_up(server: ModelServer, code: int) -> None:
    rows = asked(ServedTokenizer())[:1]
    known = scores(served(server).score_labels(rows))
    # More often than a refused batch is split.
    server.faults[:] = [status(code, f"later {at}", Retry_After="0") for at in range(6)]
    engine = served(server)
    assert scores(engine.score_labels(rows)) == known
    assert not server.faults


SPELT = replace(TASK, labels=(" card", " card lost", " no"))
"Labels whose tokens all have a text of their own."


@pytest.mark.parametrize("ends", [False, True])
def test_log_probabilities_in_the_wrong_place_are_not_read_but_asked_for_token_by_token(
    server: ModelServer, ends: bool
) -> None:
    server.misplaced = True
    engine = served(server)
    queries = asked(ServedTokenizer(), task=SPELT, eos=ends)
    for query, answer in zip(queries, scores(engine.score_labels(queries)), strict=True):
        for label, values in zip(SPELT.labels, answer, strict=True):
            assert values == pytest.approx(by_hand(query, label, ["\n", "\n\n"] if ends else []), abs=TOLERANCE)
    assert any("token it would write next" in note for note in engine.notes)


def test_beginnings_that_labels_share_are_asked_once(server: ModelServer) -> None:
    server.misplaced = True
    queries = asked(ServedTokenizer(), task=SPELT, eos=False)
    served(server).score_labels(queries)
    tokens = [TOKENIZER([label], add_special_tokens=False)["input_ids"][0] for label in SPELT.labels]
    beginnings = {tuple(one[:at]) for one in tokens for at in range(len(one))}
    assert sum(1 for body in server.asked if body.get("logprobs", 0) > 1) == len(queries) * len(beginnings)


def test_a_token_that_is_not_listed_or_has_no_text_is_a_refused_row(server: ModelServer) -> None:
    server.misplaced = True
    found = served(server).score_labels(asked(ServedTokenizer()))
    assert all(isinstance(one, Refusal) and "without a text of its own" in one.reason for one in found)
    server.n_listed = 5
    found = served(server).score_labels(asked(ServedTokenizer(), task=SPELT))
    assert all(isinstance(one, Refusal) and re.search(r"the server lists \d tokens", one.reason) for one in found)


def test_texts_are_not_scored_by_log_probabilities_in_the_wrong_place(server: ModelServer) -> None:
    server.misplaced = True
    task = Task(name="prose", version=1, kind="likelihood", prompts={}, labels=(), metrics=("bits_per_byte",))
    rows = [Example("a", {}, "A dog.")]
    found = served(server, eos="</s>").score_text(
        Prompter(ServedTokenizer(), TextPolicy()).ask(task, "p1", (), rows).encoded
    )
    assert all(isinstance(one, Refusal) for one in found)


def test_without_an_end_of_text_labels_end_at_the_end_of_a_line(server: ModelServer) -> None:
    engine = served(server)
    queries = asked(ServedTokenizer())
    for query, answer in zip(queries, scores(engine.score_labels(queries)), strict=True):
        for label, values in zip(TASK.labels, answer, strict=True):
            assert values == pytest.approx(by_hand(query, label, ["\n", "\n\n"]), abs=TOLERANCE)
    assert any("server.eos" in note for note in engine.notes)


def test_labels_alone_are_scored_where_ends_are_not_asked(server: ModelServer) -> None:
    queries = asked(ServedTokenizer(), eos=False)
    assert all(not query.ends for query in queries)
    n_before = len(server.asked)
    for query, answer in zip(queries, scores(served(server).score_labels(queries)), strict=True):
        for label, values in zip(TASK.labels, answer, strict=True):
            assert values == pytest.approx(by_hand(query, label, []), abs=TOLERANCE)
    n_alignment = 8
    assert len(server.asked) - n_before == len(queries) * len(TASK.labels) + n_alignment


def test_tokens_read_are_the_servers_own_count(server: ModelServer) -> None:
    query = asked(ServedTokenizer(), eos=False)[:1]
    (answer,) = served(server).score_labels(query)
    assert isinstance(answer, LabelAnswer)
    lengths = [
        len(TOKENIZER([query[0].text + label], add_special_tokens=False)["input_ids"][0]) for label in TASK.labels
    ]
    assert answer.n_read == sum(lengths)


def test_a_server_without_log_probabilities_of_a_prompt_is_one_line(server: ModelServer) -> None:
    server.echoes = False
    with pytest.raises(UnitError, match=r"gives no log-probabilities of a prompt.*labels: parsed"):
        served(server).score_labels(asked(ServedTokenizer()))


def test_an_end_of_text_that_is_read_as_text_is_refused(server: ModelServer) -> None:
    with pytest.raises(UnitError, match="reads '<end>' as text"):
        served(server, eos="<end>").score_labels(asked(ServedTokenizer()))


def test_texts_are_scored_as_in_memory(server: ModelServer) -> None:
    task = Task(name="prose", version=1, kind="likelihood", prompts={}, labels=(), metrics=("bits_per_byte",))
    rows = [Example(str(at), {}, text) for at, text in enumerate(("A dog.", "Der Hund, 猫", "x"))]
    found = served(server, eos="</s>").score_text(
        Prompter(ServedTokenizer(), TextPolicy()).ask(task, "p1", (), rows).encoded
    )
    ours = local().score_text(Prompter(TOKENIZER, TextPolicy(bos="never")).ask(task, "p1", (), rows).encoded)
    for one, other in zip(found, ours, strict=True):
        assert isinstance(one, TextScore)
        assert isinstance(other, TextScore)
        assert list(one.log_likelihoods) == pytest.approx(list(other.log_likelihoods), abs=TOLERANCE)
    refused = served(server).score_text(Prompter(ServedTokenizer(), TextPolicy()).ask(task, "p1", (), rows).encoded)
    assert all(isinstance(one, Refusal) and "server" in one.reason for one in refused)


def test_writing_equals_the_local_engine(server: ModelServer) -> None:
    task = replace(TASK, kind="generation", labels=(), metrics=("rouge_l",), prompts={"p1": "Q: {input}\nA:"})
    decoding = Decoding(12, ("zzz",))
    found = served(server).generate(asked(ServedTokenizer(), task=task), decoding)
    ours = local().generate(asked(TOKENIZER, task=task, bos="never"), decoding)
    assert [(one.text, one.n_tokens) for one in found] == [(one.text, one.n_tokens) for one in ours]  # type: ignore[union-attr]


def test_an_answer_that_begins_with_a_stop_goes_on(server: ModelServer) -> None:
    task = replace(TASK, kind="generation", labels=(), metrics=("rouge_l",))
    queries = asked(ServedTokenizer(), task=task)[:2]
    whole = served(server).generate(queries, Decoding(6, ()))
    first = whole[0]
    assert isinstance(first, TextAnswer)
    begins = first.text[:3]
    again = served(server).generate(queries, Decoding(6, (begins,)))
    assert isinstance(again[0], TextAnswer)
    assert again[0].text == first.text


def test_drawing_gives_equal_questions_other_answers_and_the_same_ones_again(
    server: ModelServer, tmp_path: Path
) -> None:
    query = asked(ServedTokenizer(), task=replace(TASK, kind="generation", labels=(), metrics=("rouge_l",)))[0]
    decoding = Decoding(8, (), 1.0, seed=3)
    engine = served(server, tmp_path)
    found = engine.generate([query] * 3, decoding)
    assert len({one.text for one in found if isinstance(one, TextAnswer)}) > 1
    n_asked = len(server.asked)
    assert served(server, tmp_path).generate([query] * 3, decoding) == found
    assert len(server.asked) == n_asked


def turns_said(turns: list[dict[str, str]]) -> str:
    return " Card lost." if "dog" in turns[1]["content"] else "It may be card."


def test_chat_labels_are_written_and_read_strictly(server: ModelServer) -> None:
    server.says = turns_said
    engine = served(server, api="chat", labels="parsed")
    queries = asked(ServedTokenizer(), shots=1, template="chat", system="Be brief.")
    found = engine.score_labels(queries)
    assert [one.label for one in found if isinstance(one, WrittenLabel)] == [" card lost"] * len(queries)
    body = server.asked[-1]
    assert [turn["role"] for turn in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][1] == {"role": "user", "content": "Q: dog\nA:"}
    assert body["messages"][-1]["content"].endswith(
        "Answer with one of these and with nothing else: card, card lost, 猫"
    )
    server.says = lambda turns: "It may be card."
    unread = engine.score_labels(asked(ServedTokenizer(), shots=0, template="chat"))
    assert {(one.label, one.text) for one in unread if isinstance(one, WrittenLabel)} == {(None, "It may be card.")}
    assert "parsed" not in engine.notes[0] or "unparsed" in engine.notes[0]


@pytest.mark.parametrize(
    ("how", "key"), [("choice", "structured_outputs"), ("grammar", "grammar"), ("schema", "response_format")]
)
def test_a_constraint_is_sent_in_the_servers_dialect(server: ModelServer, how: Any, key: str) -> None:
    server.says = lambda turns: '{"label": "card"}' if how == "schema" else "card"
    (found, *_) = served(server, api="chat", labels=how, hint="").score_labels(
        asked(ServedTokenizer(), template="chat")
    )
    assert isinstance(found, WrittenLabel)
    assert found.label == " card"
    assert "card lost" in str(server.asked[-1][key])
    assert "Answer with" not in server.asked[-1]["messages"][-1]["content"]


def test_reasoning_is_no_part_of_an_answer(server: ModelServer) -> None:
    server.says = lambda turns: "<think>card? no.</think>\n\ncard lost"
    engine = served(server, api="chat", labels="parsed", thinking=100)
    (found, *_) = engine.score_labels(asked(ServedTokenizer(), template="chat"))
    assert isinstance(found, WrittenLabel)
    assert (found.label, found.reasoning) == (" card lost", "card? no.")
    assert server.asked[-1]["max_tokens"] > 100
    server.says = lambda turns: "<think>card? no, it"
    (cut, *_) = served(server, api="chat", labels="parsed").score_labels(asked(ServedTokenizer(), template="chat"))
    assert isinstance(cut, Refusal)
    assert "server: {thinking" in cut.reason
    assert cut.reasoning == "card? no, it"


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_that_a_server_gives_apart_is_kept_beside_the_answer(server: ModelServer, key: str) -> None:
    def thinks(handler: Any, body: dict[str, Any]) -> bool:
        message = {"role": "assistant", "content": "card", key: "A card, I think."}
        handler.reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        return True

    server.faults[:] = [thinks] * len(ROWS)
    found = served(server, api="chat", labels="parsed", concurrency=1).score_labels(
        asked(ServedTokenizer(), shots=0, template="chat")
    )
    assert {(one.label, one.reasoning) for one in found if isinstance(one, WrittenLabel)} == {
        (" card", "A card, I think.")
    }


def test_stops_are_not_sent_to_a_model_that_reasons(server: ModelServer) -> None:
    server.says = lambda turns: "<think>one\n\ntwo</think>the answer\n\nand more"
    task = replace(TASK, kind="generation", labels=(), metrics=("rouge_l",))
    engine = served(server, api="chat", labels="parsed", thinking=50)
    (found, *_) = engine.generate(asked(ServedTokenizer(), task=task, template="chat"), Decoding(8, ("\n\n",)))
    assert isinstance(found, TextAnswer)
    assert found.text == "the answer"
    assert "stop" not in server.asked[-1]


def test_an_answer_that_the_server_withholds_is_a_refused_row(server: ModelServer) -> None:
    def withheld(handler: Any, body: dict[str, Any]) -> bool:
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
        handler.reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        return True

    server.says = lambda turns: "card"
    server.faults[:] = [withheld]
    found = served(server, api="chat", labels="parsed", concurrency=1).score_labels(
        asked(ServedTokenizer(), template="chat")
    )
    assert isinstance(found[0], Refusal)
    assert "I cannot help with that" in found[0].reason
    assert all(isinstance(one, WrittenLabel) and one.label == " card" for one in found[1:])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("yes", "yes"), (" Yes.\n", "yes"), ('"no"', "no"), ("「はい」", "はい"), ("yes and no", None), ("", None),
        ("yes, because", None), ('{"label": "no"}', "no"), ("**No**", "no"), ("nope", None),
    ],
)  # fmt: skip
def test_labels_are_read_whole(text: str, label: str | None) -> None:
    assert read_label(text, ("yes", "no", "はい")) == label


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    assert read_label("May", ("may", "May")) == "May"
    assert read_label("MAY", ("may", "May")) is None


def test_no_more_requests_at_once_than_allowed(server: ModelServer) -> None:
    server.says = lambda turns: "card"
    rows = [Example(str(at), {"input": f"row {at}"}, " card") for at in range(24)]
    served(server, api="chat", labels="parsed", concurrency=2).score_labels(
        asked(ServedTokenizer(), rows=rows, template="chat")
    )
    assert 1 <= server.most_at_once <= 2
