"""Labels scored token by token: what a server says of the token it would write next, asked behind every beginning of a label.

For servers whose log-probabilities of a prompt are missing their place, or missing, and that list (nearly) all tokens they might write
next (`logprobs`), as llama.cpp's do. How a label falls into tokens is read from the question's last line with the label behind it, which many
questions share. Beginnings that labels share are asked once: a question takes one request per inner node of the tree of its labels.

Limits: tokens are told apart by their text, so a token that has none of its own (half a character, an end of text) cannot be read, and the
row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.engines.contract import Refusal
from hanka.engines.served.client import MalformedError
from hanka.engines.served.scores import Echo, cut_of, n_counted, one_choice

ALL_TOKENS = 1_000_000
"More than any vocabulary has: a server lists what there is."
LEAST_TAIL = 24
"Characters of a question's end, at least, by which the tokens of its labels are found."


@dataclass(frozen=True, slots=True)
class Path:
    """A label behind a question, as tokens."""

    overlap: int
    "Characters of the question that its first token takes in."
    tokens: tuple[str, ...]
    "Of the label, and of what ends it."
    n_own: int
    "Of these, the label's."


def tail_of(text: str) -> str:
    """Return the end of a question that decides how what follows falls into tokens: its last line, or more where that is short."""
    start = len(text)
    while start > 0 and len(text) - start < LEAST_TAIL:
        start = text.rfind("\n", 0, start)
        start = max(start, 0)
    return text[start:]


def paths_of(
    tail: str, labels: Sequence[str], ends: Sequence[str], read: Mapping[str, Echo]
) -> list[list[Path]] | Refusal:
    """Return, of every label, its tokens with each end.

    read: the tail with every label and every end behind it, as the server cuts it.
    """
    cut = cut_of([read[tail + label + end] for label in labels for end in ends], len(tail))
    found: list[list[Path]] = []
    for label in labels:
        mine: list[Path] = []
        for end in ends:
            echo = read[tail + label + end]
            stop = cut_of([echo], len(tail) + len(label)) if end else len(echo.tokens)
            tokens = echo.tokens[cut:stop] + (echo.tokens[stop : stop + 1] if end else ())
            if not all(tokens) or any("\ufffd" in token for token in tokens):
                return Refusal(
                    f"label {label!r} or its end {end!r} has a token without a text of its own on this server"
                )
            if end and (stop == cut or echo.starts[stop] < len(tail) + len(label)):
                continue  # the end joins the label's last token: what is scored there is no end
            mine.append(Path(len(tail) - echo.starts[cut], tokens, stop - cut))
        if not mine:
            return Refusal(f"label {label!r} has no end of its own in the server's tokens")
        found.append(mine)
    return found


def prompts_of(text: str, paths: Sequence[Sequence[Path]]) -> dict[str, set[str]]:
    """Return every prompt that is to be continued by one token, with the tokens that are wanted there."""
    wanted: dict[str, set[str]] = {}
    for path in (one for mine in paths for one in mine):
        root = text[: len(text) - path.overlap] if path.overlap else text
        for at, token in enumerate(path.tokens):
            wanted.setdefault(root + "".join(path.tokens[:at]), set()).add(token)
    return wanted


def read_next(wanted: Sequence[str]) -> Callable[[Any], dict[str, Any]]:
    """Return a reader of the log-probabilities of some tokens among all that may be written next."""

    def read(found: Any) -> dict[str, Any]:
        """Return the wanted tokens' log-probabilities as they are kept."""
        choice = one_choice(found)
        given = choice.get("logprobs")
        listed = given.get("top_logprobs") if isinstance(given, dict) else None
        first = listed[0] if isinstance(listed, list) and listed else None
        if first is not None and not isinstance(first, dict):
            raise MalformedError("the answer lists its tokens in another shape than the protocol's")
        known = first or {}
        return {
            "found": {token: float(known[token]) for token in wanted if token in known},
            "n_listed": len(known),
            "n_read": n_counted(found, "prompt_tokens"),
            "n_tokens": n_counted(found, "completion_tokens"),
        }

    return read


def scores_of(text: str, mine: Sequence[Path], read: Mapping[str, Mapping[str, Any]]) -> tuple[float, ...] | Refusal:
    """Return the log-probability of each token of a label, then those of its ends, one per end that is another token."""
    values: list[float] = []
    ends: dict[str, float] = {}
    for path in mine:
        root = text[: len(text) - path.overlap] if path.overlap else text
        own = []
        for at, token in enumerate(path.tokens):
            listed = read[root + "".join(path.tokens[:at])]
            if token not in listed["found"]:
                return Refusal(
                    f"the server lists {listed['n_listed']:,} tokens that may come next, and {token!r} is none of them"
                )
            own.append(float(listed["found"][token]))
        values = own[: path.n_own]
        ends |= dict(zip(path.tokens[path.n_own :], own[path.n_own :], strict=True))
    return (*values, *ends.values())
