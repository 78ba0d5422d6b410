"""Reasoning before an answer: written first, up to a budget, closed, and then the question is answered behind it.

predict, before labels are scored or text is written. What a model thinks is no part of its answer; its tokens are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hanka.engines.contract import Decoding, Engine, Refusal, TextAnswer
from hanka.prompting import Prompter, Query
from hanka.prompting.chat import open_block
from hanka.work.answers import Asking, Reasoned


def with_reasoning(asking: Asking, prompter: Prompter, engine: Engine) -> Asking:
    """Let a model reason about every question, and return the questions as they are asked behind that."""
    assert prompter.chat is not None
    task, asked = asking.task, asking.asked
    opened = prompter.reasoning_queries(asked)
    closed, between = prompter.chat.reasoning
    answers = engine.generate(opened, Decoding(prompter.policy.thinking_tokens, (closed,)))
    written = [_block(query, answer, closed, between) for query, answer in zip(opened, answers, strict=True)]
    reasoned = tuple(
        Reasoned(0, False, one.reason)
        if isinstance(one, Refusal)
        else Reasoned(
            one.n_tokens, one.n_tokens >= prompter.policy.thinking_tokens, text=_thought(query, one, closed) or ""
        )
        for query, one in zip(opened, answers, strict=True)
    )
    return replace(asking, asked=asked._replace(encoded=prompter.behind(task, opened, written)), reasoned=reasoned)


def _block(query: Query, answer: TextAnswer | Refusal, closed: str, between: str) -> str:
    """Return what now stands between the question and the answer; empty where the model did not reason."""
    text = None if isinstance(answer, Refusal) else _thought(query, answer, closed)
    return "" if text is None else f"{text.rstrip()}\n{closed}{between}"


def _thought(query: Query, answer: TextAnswer, closed: str) -> str | None:
    """Return the reasoning that was written; None where the model answered at once, which is asked again without."""
    text = answer.text.split(closed)[0]
    return None if open_block(query.text) is None and open_block(text) is None else text


def doubts(name: str, reasoned: Sequence[Reasoned]) -> list[str]:
    """Say how often reasoning was cut off, for a cell's record."""
    n_cut = sum(1 for one in reasoned if one.was_cut)
    return (
        [f"{name}: in {n_cut} of {len(reasoned)} rows reasoning used its whole budget, and was closed there"]
        if n_cut
        else []
    )
