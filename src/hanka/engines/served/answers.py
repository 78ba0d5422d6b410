"""What several requests said of one question, put together; and what one request wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.engines.contract import LabelAnswer, Refusal, TextAnswer
from hanka.engines.served.client import MalformedError
from hanka.engines.served.scores import Echo, answer_scores, cut_of, n_counted, one_choice
from hanka.engines.served.steps import Path, scores_of
from hanka.engines.served.written import without_reasoning
from hanka.errors import UnitError
from hanka.models.spelling import spelt
from hanka.prompting import Query


def label_answer(
    query: Query, asked: Sequence[tuple[int, str, Echo | Refusal, int | None]], eos: str
) -> LabelAnswer | Refusal:
    """Put together what was said of one question: of every label its tokens, and last, where ends were asked, any of them."""
    refused = next((echo for _, _, echo, _ in asked if isinstance(echo, Refusal)), None)
    if refused is not None:
        return refused
    read = [(label, end, echo) for label, end, echo, _ in asked if isinstance(echo, Echo)]
    cut = cut_of([echo for _, _, echo in read], len(query.text))
    scores: list[tuple[float, ...]] = []
    n_ended = 0
    for label, ids in enumerate(query.labels):
        mine = [(end, echo) for one, end, echo in read if one == label]
        n_answer = len(query.text) + len(spelt(ids))
        behind: dict[str, float] = {}
        own: tuple[float, ...] = ()
        for end, echo in mine:
            stop = cut_of([echo], n_answer) if end else len(echo.tokens)
            if end and (stop == cut or echo.starts[stop] < n_answer):
                continue  # the end joins the label's last token: what is scored there is no end
            if end and end == eos and len(echo.tokens) - stop != 1:
                raise UnitError(f"server.eos: the server reads {eos!r} as text, not as its end of text; take it out")
            values = answer_scores(echo, cut)
            own = values[: stop - cut]
            if end:
                behind[echo.tokens[stop] or end] = values[stop - cut]
        if not own:
            return Refusal(f"label {spelt(ids)!r} cannot be told from what stands before it in the server's tokens")
        scores.append((*own, _any_of(list(behind.values()))) if behind else own)
        n_ended += bool(behind)
    if n_ended not in (0, len(scores)):
        return Refusal("not every label has an end of its own in the server's tokens")
    counts = [count for _, _, _, count in asked if count is not None]
    return LabelAnswer(tuple(scores), sum(counts) if counts else None)


def stepped_answer(query: Query, paths: list[list[Path]] | Refusal, read: Mapping[str, Any]) -> LabelAnswer | Refusal:
    """Put together what was said of one question, token by token."""
    if isinstance(paths, Refusal):
        return paths
    refused = next((one for one in read.values() if isinstance(one, Refusal)), None)
    if refused is not None:
        return refused
    scores: list[tuple[float, ...]] = []
    for mine in paths:
        values = scores_of(query.text, mine, read)
        if isinstance(values, Refusal):
            return values
        own, ends = values[: mine[0].n_own], values[mine[0].n_own :]
        scores.append((*own, _any_of(ends)) if ends else own)
    counts = [one["n_read"] for one in read.values() if one["n_read"] is not None]
    return LabelAnswer(tuple(scores), sum(counts) if counts else None)


def cut_text(text: str, stops: Sequence[str]) -> str:
    """Return a text before the first of some stops that follows something visible."""
    start = len(text) - len(text.lstrip()) + 1
    ends = [at for stop in stops if (at := text.find(stop, start)) >= 0]
    return text[: min(ends)] if ends else text


def _any_of(values: Sequence[float]) -> float:
    """Return the log of the sum of probabilities."""
    most = max(values)
    return most + math.log(sum(math.exp(one - most) for one in values))


def read_text(found: Any) -> dict[str, Any]:
    """Read what was written, what a model reasoned apart from it, and the tokens of both sides."""
    choice = one_choice(found)
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    apart = (message.get("reasoning_content") or message.get("reasoning")) if isinstance(message, dict) else None
    thought = "" if not apart else apart if isinstance(apart, str) else json.dumps(apart, ensure_ascii=False)
    refused = str(message.get("refusal") or "") if isinstance(message, dict) else ""
    if text is None and not thought and not refused and not choice.get("finish_reason"):
        raise MalformedError("the answer holds no text")
    return {
        "text": str(text or ""),
        "reasoning": thought,
        "refused": " ".join(refused.split())[:200],
        "n_tokens": n_counted(found, "completion_tokens"),
        "n_read": n_counted(found, "prompt_tokens"),
    }


def behind_reasoning(one: Any) -> TextAnswer | Refusal:
    """Return what was written without the reasoning before it, which stands beside it."""
    if isinstance(one, Refusal):
        return one
    text, inside, is_open = without_reasoning(one["text"])
    thought = one["reasoning"] or inside
    if one["refused"]:
        return Refusal(f"the server does not answer: {one['refused']}", thought)
    if is_open or (not text.strip() and thought):
        why = "reasoning used every token that may be written; raise `server: {thinking: TOKENS}`"
        return Refusal(why, thought)
    return TextAnswer(text, one["n_tokens"] or 0, one["n_read"], thought)
