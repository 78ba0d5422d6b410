"""Conversations of files: both layouts read alike, and what cannot be read says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hanka.tasks.messages import answered, conversation, read_messages

OPENAI = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi."},
    {"role": "assistant", "content": "Hello! "},
    {"role": "user", "content": [{"type": "text", "text": "And "}, {"type": "text", "text": "now?"}]},
    {"role": "assistant", "content": "Now this."},
]
SHARE = [
    {"from": "system", "value": "Be kind."},
    {"from": "human", "value": "Hi."},
    {"from": "gpt", "value": "Hello! "},
    {"from": "human", "value": "And now?"},
    {"from": "gpt", "value": "Now this."},
]


def test_both_layouts_say_the_same() -> None:
    turns = conversation(OPENAI)
    assert turns == conversation(SHARE) == conversation(json.dumps(SHARE))
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "assistant"]
    assert turns[2]["content"] == "Hello!"
    assert turns[3]["content"] == "And now?"


def test_the_last_answer_or_every_one_with_what_stands_before_it() -> None:
    turns = conversation(SHARE)
    ((before, answer),) = answered(turns, every=False)
    assert (read_messages(before), answer) == (turns[:4], "Now this.")
    found = answered(turns, every=True)
    assert [(len(read_messages(before)), answer) for before, answer in found] == [(2, "Hello!"), (4, "Now this.")]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("plainly text", "is text, not a list of messages"),
        ([], "is empty"),
        (None, "is empty"),
        ({"role": "user"}, "is no list of messages"),
        (["Hi."], r"has a turn \(1\) that is no message"),
        ([{"role": "user", "content": "Hi."}], "ends with a turn of the user, so nothing answers it"),
        ([{"role": "assistant", "content": "Hi."}], "has no turn of a user"),
        ([OPENAI[2], *OPENAI[1:3]], "begins with an answer"),
        (
            [OPENAI[1], {"role": "tool", "content": "3"}, OPENAI[2]],
            r"has a turn \(2\) of role 'tool', which is not read",
        ),
        ([OPENAI[1], {"role": "assistant", "content": "x", "tool_calls": [1]}], r"has a turn \(2\) that calls tools"),
        ([OPENAI[1], {"role": "assistant", "content": "  "}], r"has a turn \(2, assistant\) without text"),
        ([{"role": "user", "content": [{"type": "image"}]}, OPENAI[2]], r"a part of type 'image', which is not read"),
    ],
)
def test_what_cannot_be_read_says_why(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        conversation(value)
