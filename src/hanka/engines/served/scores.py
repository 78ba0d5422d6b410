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
    """Return a reader of an echoed text: its tokens, where each begins, what stands beside it, and the tokens read."""

    def read(found: Any) -> dict[str, Any]:
        choice = one_choice(found)
        said = str(choice.get("text") or "")
        given = choice.get("logprobs")
        if not isinstance(given, dict) or not given.get("tokens") or given.get("token_logprobs") is None:
            return {"missing": True}
        if not _bare(said, eos).startswith(_bare(text, eos)):
            raise MalformedError("the answer is to another text than was asked")
        tokens = [str(token) for token in given["tokens"]]
        log_probs = list(given["token_logprobs"])
        if len(log_probs) != len(tokens):
            raise MalformedError(f"the answer has {len(tokens)} tokens and {len(log_probs)} log-probabilities")
        starts = _starts(text, tokens, given.get("text_offset"))
        n_own = _n_own(text, said, tokens, choice.get("finish_reason"), n_counted(found, "prompt_tokens"))
        return {
            "tokens": tokens[:n_own],
            "starts": starts[:n_own],
            "log_probs": [None if one is None else float(one) for one in log_probs[:n_own]],
            "n_read": n_counted(found, "prompt_tokens"),
            "n_tokens": n_counted(found, "completion_tokens"),
        }

    return read


def _n_own(text: str, said: str, tokens: Sequence[str], finish: Any, n_prompt: int | None) -> int:
    """Return how many of the tokens are the text's: all, or all but the one that was written behind it (none where it ends there)."""
    if n_prompt in (len(tokens), len(tokens) - 1):
        return int(n_prompt or 0)
    return len(tokens) - (finish == "length" or len(said) > len(text))


def _bare(text: str, eos: str) -> str:
    """Return a text without what a server may swallow when it echoes: its end of text, white space at the edges."""
    return (text.replace(eos, "") if eos else text).strip()


def _starts(text: str, tokens: Sequence[str], offsets: Any) -> list[int]:
    """Return the characters of a text before each token.

    Offsets as given, where they rise; some count what stands before the text (BOS), and some servers give none.
    """
    if not (isinstance(offsets, list) and len(offsets) == len(tokens) and all(isinstance(one, int) for one in offsets)):
        offsets, at = [], 0
        for token in tokens:
            offsets.append(at)
            at += len(token)
    lead = offsets[0]
    if len(tokens) > 1 and tokens[0] and not text.startswith(tokens[0]):  # BOS as text, and counted
        lead = offsets[1]
    starts = [max(0, one - lead) for one in offsets]
    if any(after < before for before, after in pairwise(starts)):
        raise MalformedError("the places of its tokens do not rise")
    return starts


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
    return next((at for at, end in enumerate(ends) if end > n_context), len(echo.tokens))


def answer_scores(echo: Echo, cut: int) -> tuple[float, ...]:
    """Return the log-probabilities of the tokens from `cut` on. Raises UnitError where the server leaves one out."""
    given = echo.log_probs[cut:]
    if not given or any(one is None for one in given):
        raise UnitError(GIVES_NONE)
    return tuple(float(one) for one in given if one is not None)


def next_token(found: Any) -> dict[str, Any]:
    """Read which token a server writes next, and the log-probability it gives it."""
    choice = one_choice(found)
    given = choice.get("logprobs")
    token = str(choice.get("text") or "")
    values = given.get("token_logprobs") if isinstance(given, dict) else None
    if not token or not isinstance(values, list) or len(values) != 1 or values[0] is None:
        return {"token": token, "log_prob": None}
    return {"token": token, "log_prob": float(values[0])}


def in_place(seen: Sequence[tuple[float, Echo]]) -> bool:
    """Tell whether a server's log-probabilities of a prompt are those it gives when it writes the same tokens.

    seen: of each probe, the log-probability of a token as it was written, and the probe with this token as it was read.
    """
    told = [(expected, echo.log_probs[-1]) for expected, echo in seen]
    return bool(told) and all(
        one is not None and math.isclose(one, expected, abs_tol=TOLERANCE) for expected, one in told
    )
