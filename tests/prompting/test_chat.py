"""Chat templates of many families: what is trained and scored is what the template itself writes, byte for byte."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from template_matrix import OWN, shipped, tokenizer_for

from hanka.errors import DataError
from hanka.prompting import Prompter, TextPolicy
from hanka.prompting.chat import BLOCKS, open_block
from hanka.prompting.control import as_text, control_tokens, plain
from hanka.records import Example
from hanka.tasks import TASKS
from hanka.tasks.base import Task
from hanka.tasks.messages import MESSAGES, written_messages

SENTIMENT = TASKS.get("sentiment")
SUMMARY = TASKS.get("summary")
CHAT = Task("talk", "generation", {"p1": f"{{{MESSAGES}}}"}, ("rouge_l",), stop=())
SHIPPED = shipped()
MATRIX = SHIPPED | OWN
REFUSING = {"gemma", "gemma_training", "refuses_system", "drops_system"}
"Templates that take no system turn."
DAY = datetime.date(2025, 1, 1)
EVERY = pytest.mark.parametrize("name", sorted(MATRIX))


def example(text: str, target: str = "positive") -> Example:
    return Example(text, {"input": text}, target)


def prompter(name: str, **policy: Any) -> Prompter:
    return Prompter(tokenizer_for(MATRIX[name]), TextPolicy(template="chat", **policy))


def by_hand(asked: Prompter, turns: list[dict[str, str]], ask: bool, **options: Any) -> str:
    """Render as transformers does, with the day that the policy fixes; content as parts where the template wants that."""
    template = re.sub(
        r"strftime_now\((['\"])(.*?)\1\)", lambda match: repr(DAY.strftime(match[2])), asked.tokenizer.chat_template
    )  # type: ignore[attr-defined]
    for parts in (False, True):
        given = [
            {**turn, "content": [{"type": "text", "text": turn["content"]}] if parts else turn["content"]}
            for turn in turns
        ]
        try:
            text = asked.tokenizer.apply_chat_template(
                given, chat_template=template, tokenize=False, add_generation_prompt=ask, **options
            )
        except Exception:
            if parts:
                raise
            continue
        if turns[-1]["content"].strip() in text:
            return str(text)
    raise AssertionError("a turn is left out")


def in_every_way(asked: Prompter, turns: list[dict[str, str]], ask: bool) -> set[str]:
    """Render with reasoning switched off in the ways that templates know, and as they do by themselves."""
    found = set()
    for options in ({}, {"enable_thinking": False}, {"thinking": False}):
        try:
            found.add(by_hand(asked, turns, ask, **options))
        except Exception:  # a template may refuse a switch
            continue
    return found


def test_the_matrix_is_large() -> None:
    if not SHIPPED:
        pytest.skip("trl is not installed, so of the matrix only hanka's own templates are tried (pip install trl)")
    assert len(MATRIX) >= 60


@EVERY
@pytest.mark.parametrize("shots", [0, 2])
def test_trained_and_scored_renderings_are_the_templates_own(name: str, shots: int) -> None:
    asked = prompter(name)
    shown = [example("A demo, first.", "neutral"), example("A demo, second.", "negative")][:shots]
    rows = [example("Quite good?"), example("Quite bad!", "negative")]
    found = asked.ask(SENTIMENT, "p1", shown, rows)
    rendered = asked.render(SENTIMENT, "p1", shown, rows)
    trained = asked.training_rows([rendered[0]] * 2, rendered[1], [row.target for row in rows])
    turns = [
        turn
        for one in shown
        for turn in (
            {"role": "user", "content": SENTIMENT.render(one, "p1")},
            {"role": "assistant", "content": one.target},
        )
    ]
    for row, query, encoded, taught in zip(rows, found.queries, found.encoded, trained, strict=True):
        question = [*turns, {"role": "user", "content": SENTIMENT.render(row, "p1")}]
        prompt = found.prefix + query
        finished = in_every_way(asked, [*question, {"role": "assistant", "content": row.target}], False)
        prompts = in_every_way(asked, question, True)
        assert open_block(prompt) is None
        assert prompt in prompts or any(one.startswith(prompt + row.target) for one in finished)
        if not any(open_block(one) for one in prompts):  # then the template's prompt is kept, or goes on
            assert any(prompt.startswith(one) for one in prompts)
        assert asked.chat is not None
        written = asked.tokenizer.decode(taught.ids, skip_special_tokens=False)  # type: ignore[attr-defined]
        bos = asked.tokenizer.bos_token
        assert written.removeprefix(bos if not prompt.startswith(bos) else "") in (
            prompt + row.target + asked.chat.turn_end,
            prompt + row.target + "</s>",
        )
        if any(one.startswith(prompt + row.target) for one in finished):  # what ends it is the template's own, too
            assert any(one.startswith(prompt + row.target + asked.chat.turn_end) for one in finished)
        label = SENTIMENT.labels.index(row.target)
        assert taught.ids[: len(encoded.ids) + len(encoded.labels[label])] == [*encoded.ids, *encoded.labels[label]]
        assert taught.ids[len(encoded.ids) + len(encoded.labels[label])] in encoded.ends


@EVERY
def test_a_system_turn_is_there_or_refused_in_one_line(name: str) -> None:
    if name in REFUSING:
        with pytest.raises(DataError, match=r"^tokens.system: this model's chat template takes no system turn;[^\n]*$"):
            prompter(name, system="Answer in one word.")
        return
    asked = prompter(name, system="Answer in one word.")
    prefix, (query,) = asked.render(SENTIMENT, "p1", [example("a")], [example("b")])
    assert (prefix + query).count("Answer in one word.") == 1


@EVERY
def test_reasoning_is_asked_for_as_the_template_does_or_refused_in_one_line(name: str) -> None:
    if not any(mark in MATRIX[name] for block in BLOCKS for mark in block):
        with pytest.raises(
            DataError, match=r"^tokens.thinking: this model's chat template has no block of reasoning[^\n]*$"
        ):
            prompter(name, thinking=32)
        return
    asked = prompter(name, thinking=32)
    _, (query,) = asked.render(SENTIMENT, "p1", [], [example("b")])
    turns = [{"role": "user", "content": SENTIMENT.render(example("b"), "p1")}]
    ways = [by_hand(asked, turns, True)]
    for switch in ("enable_thinking", "thinking"):
        try:
            ways.append(by_hand(asked, turns, True, **{switch: True}))
        except Exception:
            continue
    assert query in ways


def test_a_date_is_fixed_and_changes_what_is_asked() -> None:
    texts = {
        prompter("dated", date=day).render(SENTIMENT, "p1", [], [example("b")])[1][0]
        for day in ("2025-01-01", "2026-11-27")
    }
    assert {text.splitlines()[0] for text in texts} == {"Today: 01 Jan 2025 (Wednesday)", "Today: 27 Nov 2026 (Friday)"}
    hashes = {prompter("dated", date=day).template_hash(SENTIMENT, "p1") for day in ("2025-01-01", "2026-11-27")}
    assert len(hashes) == 2


def test_a_time_that_cannot_be_fixed_is_refused() -> None:
    template = "{% set f = '%d' %}{{ strftime_now(f) }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(DataError, match="asks for the time in a way that cannot be fixed"):
        Prompter(tokenizer_for(template), TextPolicy(template="chat"))


@pytest.mark.parametrize(
    ("name", "end", "joins"),
    [
        ("no_space_brackets", "</s>", "as asked"),
        ("brackets", " </s>", "behind the prompt"),
        ("no_end", "", "as asked"),
        ("text_end", " ##END", "as asked"),
        ("channel", "<|return|>", "behind the prompt"),
        ("always_thinks", "<|end|>", "as finished"),
        ("dated", "<|end|>", "as asked"),
    ],
)
def test_where_an_answer_begins_and_ends_by_hand(name: str, end: str, joins: str) -> None:
    chat = prompter(name).chat
    assert chat is not None
    assert (chat.turn_end, chat.joins) == (end, joins)


def test_training_teaches_the_end_of_the_turn_and_writing_stops_at_it() -> None:
    asked = prompter("dated")
    end = asked.tokenizer.convert_tokens_to_ids("<|end|>")  # type: ignore[attr-defined]
    _, queries = asked.render(SUMMARY, "p1", [], [example("b")])
    (row,) = asked.training_rows([""], queries, ["A dog."])
    assert row.ids[-1] == end
    found = asked.ask(SUMMARY, "p1", [], [example("b")])
    assert found.encoded[0].ends == (end,)
    assert found.stop == ""
    (without,) = prompter("dated", eos=False).training_rows([""], queries, ["A dog."])
    assert without.ids == row.ids[:-1]


def test_a_turn_that_ends_in_text_stops_there_and_one_without_an_end_in_eos() -> None:
    assert prompter("text_end").ask(SUMMARY, "p1", [], [example("b")]).stop == "##END"
    asked = prompter("no_end")
    (row,) = asked.training_rows([""], ["### user\nx### assistant\n"], ["A dog."])
    assert row.ids[-1] == asked.tokenizer.eos_token_id


def test_templates_that_change_earlier_turns_are_known() -> None:
    changed = {name for name in MATRIX if (chat := prompter(name).chat) is not None and chat.changes_earlier_turns}
    assert "channel" in changed
    assert not {"dated", "no_space_brackets", "words"} & changed
    if SHIPPED:
        assert {"qwen3", "gptoss"} <= changed
        assert not {"llama3", "gemma", "qwen2_5"} & changed


# ---- conversations


TALK = Example(
    "t/1",
    {MESSAGES: written_messages([
        {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Bye."}
    ])},
    "See you.",
)  # fmt: skip


@EVERY
def test_conversations_are_rendered_whole(name: str) -> None:
    asked = prompter(name)
    prefix, (query,) = asked.render(CHAT, "p1", [], [TALK])
    turns = [
        {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Bye."}
    ]  # fmt: skip
    finished = in_every_way(asked, [*turns, {"role": "assistant", "content": "See you."}], False)
    assert prefix + query in in_every_way(asked, turns, True) or any(
        one.startswith(query + "See you.") for one in finished
    )


def test_a_row_s_own_system_turn_stands_in_place_of_the_study_s() -> None:
    own = written_messages([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}])
    asked = prompter("words", system="Be long.")
    _, (query,) = asked.render(CHAT, "p1", [], [Example("a", {MESSAGES: own}, "Hello!")])
    assert query == "Be brief.\nUSER: Hi.\nASSISTANT: "
    with pytest.raises(DataError, match="row a brings a system turn: this model's chat template takes no system turn"):
        prompter("drops_system").render(CHAT, "p1", [], [Example("a", {MESSAGES: own}, "Hello!")])


def test_roles_that_a_template_refuses_are_one_line() -> None:
    twice = written_messages([{"role": "user", "content": "Hi."}] * 2)
    with pytest.raises(DataError, match="cannot render user → user → assistant: roles must alternate"):
        prompter("brackets").render(CHAT, "p1", [], [Example("a", {MESSAGES: twice}, "Hello!")])


# ---- control tokens inside data


@pytest.mark.parametrize("template", ["plain", "chat"])
def test_control_tokens_in_data_are_text_and_can_be_kept(template: str) -> None:
    said = "What does <|end|> mean, and <s>?"
    tokenizer = tokenizer_for(OWN["dated"])
    ends = tokenizer.convert_tokens_to_ids(["<|end|>", "<s>"])
    for control, counts in (("text", 0), ("keep", 1)):
        asked = Prompter(tokenizer, TextPolicy(template=template, control=control))  # type: ignore[arg-type]
        found = asked.ask(SUMMARY, "p1", [], [example(said)])
        (query,) = found.encoded
        plain_ids = asked.ask(SUMMARY, "p1", [], [example("What?")]).encoded[0].ids
        for end in ends:
            assert query.ids.count(end) - plain_ids.count(end) == counts
        assert said in found.queries[0]
        assert said in tokenizer.decode(query.ids, skip_special_tokens=False)
        rendered = asked.render(SUMMARY, "p1", [], [example(said)])
        (row,) = asked.training_rows([rendered[0]], rendered[1], ["It is <|end|>."])
        assert "It is <|end|>." in tokenizer.decode(row.ids, skip_special_tokens=False)
        assert row.ids[row.start : -1].count(ends[0]) == counts
        assert tokenizer.decode(row.ids[row.start :], skip_special_tokens=True).strip() == (
            "It is <|end|>." if not counts else "It is ."
        )


def test_marks_leave_no_trace() -> None:
    control = control_tokens(tokenizer_for(OWN["dated"]))
    assert "<|end|>" in control
    assert plain(as_text("a <|end|> b </s>", control)) == "a <|end|> b </s>"
    assert as_text(as_text("<|end|>", control), control) == as_text("<|end|>", control)
    assert as_text("nothing", control) == "nothing"
