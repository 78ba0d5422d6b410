"""Reasoning before an answer: written first, up to a budget, closed, and then the question is answered behind it.

predict, before labels are scored or text is written. What a model thinks is no part of its answer; its tokens are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from hanka.engines.contract import Decoding, Engine, Refusal, TextAnswer
from hanka.prompting import Prompter, Query
from hanka.prompting.chat import open_block
from hanka.work.answers import Asking, Reasoned


class Thought(NamedTuple):
    """What one model wrote before its answer."""

    behind: str
    "What now stands between the question and the answer; empty where it did not reason."
    n_tokens: int
    "Tokens it wrote."
    failure: str = ""
    "Why nothing came out."


def with_reasoning(asking: Asking, prompter: Prompter, engine: Engine) -> Asking:
    """Let a model reason about every question, and return the questions as they are asked behind that."""
    assert prompter.chat is not None
    task, asked = asking.task, asking.asked
    opened = prompter.reasoning_queries(asked)
    closed, between = prompter.chat.reasoning
    answers = engine.generate(opened, Decoding(prompter.policy.thinking_tokens, (closed,)))
    thoughts = [_thought(query, answer, closed, between) for query, answer in zip(opened, answers, strict=True)]
    encoded = prompter.behind(task, opened, [one.behind for one in thoughts])
    reasoned = tuple(
        Reasoned(one.n_tokens, one.n_tokens >= prompter.policy.thinking_tokens, one.failure) for one in thoughts
    )
    return replace(asking, asked=asked._replace(encoded=encoded), reasoned=reasoned)


def _thought(query: Query, answer: TextAnswer | Refusal, closed: str, between: str) -> Thought:
    if isinstance(answer, Refusal):
        return Thought("", 0, answer.reason)
    text = answer.text.split(closed)[0]
    if open_block(query.text) is None and open_block(text) is None:
        return Thought("", answer.n_tokens)  # it answered at once: that is asked again without
    return Thought(f"{text.rstrip()}\n{closed}{between}", answer.n_tokens)


def doubts(name: str, reasoned: Sequence[Reasoned]) -> list[str]:
    """Say how often reasoning was cut off, for a cell's record."""
    n_cut = sum(1 for one in reasoned if one.was_cut)
    return (
        [f"{name}: in {n_cut} of {len(reasoned)} rows reasoning used its whole budget, and was closed there"]
        if n_cut
        else []
    )
