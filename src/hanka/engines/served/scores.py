"""Log-probabilities of a prompt, as a server gives them: which tokens spell the answer, and whether theirs stand where they belong.

Some servers give beside a token what it would be worth behind itself. So before any is read, the server continues known texts, and
what it says of the token it writes is looked for in what it says of the whole text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from hanka.engines.served.client import MalformedError
from hanka.errors import UnitError

PROBES = ("The capital of France is", "1, 2, 3, 4, 5, 6,", "A B C D E F G A B C D E F", "Monday, Tuesday, Wednesday,")
"Texts that a model continues with some certainty; each is continued by one token."
TOLERANCE = 0.1
"Nats by which a server's two statements about one token may differ: it computes in half precision, and in batches."
GIVES_NONE = "it gives no log-probabilities of a prompt (echo, logprobs); say `server: {labels: parsed}`, or one of choice, grammar, schema"


class Echo(NamedTuple):
    """A text as a server read it."""

    tokens: tuple[str, ...]
    "As it spells them; bytes that are no character alone may be missing."
    starts: tuple[int, ...]
    "Characters of the text before each token."
    log_probs: tuple[float | None, ...]
    "Beside each token, as given."


def one_choice(found: Any) -> Any:
    """Return the only choice of an answer. Raises MalformedError where there is not exactly one."""
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = found.get("error") if isinstance(found, dict) else None
        raise MalformedError(f"the answer has no choices{f' ({str(said)[:120]})' if said else ''}")
    if len(choices) > 1:
        raise MalformedError(f"the answer has {len(choices)} choices where one was asked for")
    return choices[0]


def n_counted(found: Any, what: Literal["prompt_tokens", "completion_tokens"]) -> int | None:
    """Return the tokens that a server says it read or wrote."""
    usage = found.get("usage") or {}
    count = usage.get(what) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def read_echo(text: str, eos: str = "") -> Callable[[Any], dict[str, Any]]:
    """Return a reader of an echoed text: its tokens, where each begins, what stands beside it, and the tokens read.

    The reader raises UnitError where the server gives no log-probabilities of a prompt.
    """

    def read(found: Any) -> dict[str, Any]:
        """Return the echo as it is kept."""
        choice = one_choice(found)
        said = str(choice.get("text") or "")
        given = choice.get("logprobs")
        if not isinstance(given, dict) or not given.get("tokens") or given.get("token_logprobs") is None:
            raise UnitError(GIVES_NONE)
        if not _bare(said, eos).startswith(_bare(text, eos)):
            raise MalformedError("the answer is to another text than was asked")
        tokens = [str(token) for token in given["tokens"]]
        log_probs = list(given["token_logprobs"])
        if len(log_probs) != len(tokens):
            raise MalformedError(f"the answer has {len(tokens)} tokens and {len(log_probs)} log-probabilities")
        starts = starts_of(text, tokens, given.get("text_offset"), eos, choice.get("finish_reason") == "length")
        n_own = 0 if starts is None else len(starts)
        return {
            "tokens": tokens[:n_own],
            "starts": starts,
            "log_probs": [None if one is None else float(one) for one in log_probs[:n_own]],
            "n_read": n_counted(found, "prompt_tokens"),
            "n_tokens": n_counted(found, "completion_tokens"),
        }

    return read


def _bare(text: str, eos: str) -> str:
    """Return a text without what a server may swallow when it echoes: its end of text, white space at the edges."""
    return (text.replace(eos, "") if eos else text).strip()


def starts_of(text: str, tokens: Sequence[str], offsets: Any, eos: str, is_continued: bool) -> list[int] | None:
    """Return the characters of a text before each of its tokens, without what was written behind it; None where they do not spell it.

    The text is walked with the tokens: some servers give no places, count what stands before the text, or count a token of half a
    character as one. A token without a text of its own (part of a character, an end of text) begins where the walk stands; where the
    server's places agree with the walk everywhere else, at the place it gives.

    is_continued: whether a token was written behind the text.
    """
    starts: list[int] = []
    known: list[bool] = []
    at = n_unknown = 0
    for index, token in enumerate(tokens):
        has_text = bool(token) and "\ufffd" not in token and not token.startswith("bytes:")
        place, width = at, len(token)
        if not has_text and eos and text.startswith(eos, at):
            has_text, width = True, len(eos)
        elif not has_text:
            if at == len(text) and not n_unknown:
                break  # written behind the text
            starts.append(at)
            known.append(False)
            n_unknown += 1
            continue
        elif not text.startswith(token, at):
            beyond = text.find(token, at, at + n_unknown + len(token)) if n_unknown else -1
            if beyond >= 0:
                place = beyond
            elif text.startswith(" " + token, at):  # a leading space that the token does not show
                width += 1
            elif index == 0:  # BOS
                place, width = 0, 0
            elif index == len(tokens) - 1 and (n_unknown or at == len(text)):
                break  # written behind the text
            else:
                return None
        starts.append(place)
        known.append(True)
        at, n_unknown = place + width, 0
    if at < len(text) and not n_unknown:
        return None
    if at < len(text) and n_unknown > 1 and len(starts) == len(tokens) and is_continued:
        starts.pop()  # the last token without a text was written behind the text
        known.pop()
    has_marks = any("\ufffd" in token for token in tokens)  # counted as characters by who gives places beside them
    return starts if has_marks else _refined(starts, known, offsets)


def _refined(starts: list[int], known: Sequence[bool], offsets: Any) -> list[int]:
    """Return places as the server gives them for tokens without a text, where it agrees on all others."""
    if not isinstance(offsets, list) or not all(isinstance(one, int) for one in offsets) or not any(known):
        return starts
    given = offsets[: len(starts)]
    first = known.index(True)
    lead = given[first] - starts[first]
    agrees = all(one - lead == start for one, start, is_known in zip(given, starts, known, strict=True) if is_known)
    rises = all(after >= before for before, after in pairwise(given))
    return [max(0, one - lead) for one in given] if agrees and rises else starts


def cut_of(echoes: Sequence[Echo], n_context: int) -> int:
    """Return the first token that belongs to an answer, the same for all answers to one context.

    A token that begins in the context and ends in the answer belongs to it; where answers change how the context's end is
    read, the answer begins where the first of them leaves the others.
    """
    cut = min(_first_beyond(echo, n_context) for echo in echoes)
    first = echoes[0].tokens
    for echo in echoes[1:]:
        alike = next((at for at, (one, two) in enumerate(zip(first, echo.tokens, strict=False)) if one != two), cut)
        cut = min(cut, alike)
    return cut


def _first_beyond(echo: Echo, n_context: int) -> int:
    ends = [*echo.starts[1:], 1 << 60]
    return next(
        (
            at
            for at, (start, end) in enumerate(zip(echo.starts, ends, strict=True))
            if (start >= n_context and at) or end > n_context
        ),
        len(echo.tokens),
    )


def answer_scores(echo: Echo, cut: int) -> tuple[float, ...]:
    """Return the log-probabilities of the tokens from `cut` on. Raises UnitError where the server leaves one out."""
    given = echo.log_probs[cut:]
    if not given or any(one is None for one in given):
        raise UnitError(GIVES_NONE)
    return tuple(float(one) for one in given if one is not None)


def next_token(found: Any) -> dict[str, Any]:
    """Read which token a server writes next, and the log-probability it gives it. Raises UnitError where it gives none."""
    choice = one_choice(found)
    given = choice.get("logprobs")
    token = str(choice.get("text") or "")
    values = given.get("token_logprobs") if isinstance(given, dict) else None
    if token and not isinstance(values, list):
        raise UnitError(GIVES_NONE)
    if token and (not values or values[0] is None):
        raise MalformedError("the answer has a token without its log-probability")
    return {"token": token, "log_prob": float(values[0]) if token and values else None}


def in_place(seen: Sequence[tuple[float, Echo]]) -> bool:
    """Tell whether a server's log-probabilities of a prompt are those it gives when it writes the same tokens.

    seen: of each probe, the log-probability of a token as it was written, and the probe with this token as it was read.
    """
    told = [(expected, echo.log_probs[-1]) for expected, echo in seen]
    return bool(told) and all(
        one is not None and math.isclose(one, expected, abs_tol=TOLERANCE) for expected, one in told
    )
