"""The next token as a server sees it: the most probable ones it lists behind token ids, as ids of the tokenizer that asks.

For a served model that small ones steer (`steered.py`). Before anything is read it is made sure that the server cuts text into the same
tokens: it counts those of known texts, names only tokens of this vocabulary, and says the same behind a text and behind its ids where it takes
ids. A server that takes text alone is sent text, and a row that it would read otherwise is refused.

Limits: a server names tokens by their text, and a token that shares its text with another (half a character) or has none is known by
its log-probability alone, unless the server names tokens by number (`token_id:`; vLLM's `--return-tokens-as-token-ids`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from hanka.engines.contract import Refusal
from hanka.engines.served.asking import COMPLETIONS, Asker
from hanka.engines.served.client import MalformedError
from hanka.engines.served.scores import PROBES, TOLERANCE, n_counted, one_choice, read_echo
from hanka.errors import UnitError

NUMBERED = re.compile(r"token_id:(\d+)")
CUT = (*PROBES, "Zürich, naïve — 東京で 3.14!", "    indented\n\n\ttabs  and   runs")
"Texts whose tokens are counted on both sides."
LISTS_NONE = (
    "it lists no log-probabilities of the tokens it might write next (completions, logprobs), so nothing can steer it"
)


class Listed(NamedTuple):
    """What may come next."""

    log_probs: dict[int, float]
    "By token id."
    least: float
    "The lowest that was listed."
    unnamed: float
    "The highest of those that are no single token by their text; minus infinity where all are."
    n_read: int | None
    "Tokens that the server says it read."


class NextTokens:
    """Asks one server what may come next; may be asked by one thread."""

    def __init__(self, asker: Asker, tokenizer: Any, top: int) -> None:
        self.asker, self.tokenizer, self.top = asker, tokenizer, top
        self._checked = False
        self._takes_ids = False
        self._adds = 0

    @cached_property
    def _names(self) -> dict[str, int | None]:
        """Return the id that a token's text stands for; None for a text of several."""
        found: dict[str, int | None] = {}
        for one in range(len(self.tokenizer)):
            text = self._text([one])
            found[text] = None if text in found else one
        return found

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _encoded(self, text: str) -> list[int]:
        return list(self.tokenizer([text], add_special_tokens=True)["input_ids"][0])

    def ask(self, prefixes: Sequence[Sequence[int]]) -> list[Listed | Refusal]:
        """Return what may come behind token ids. Raises UnitError for a server of other tokens, or one that lists none."""
        self.require_same_tokens()
        prompts = [self._prompt(ids) for ids in prefixes]
        sent = [one for one in prompts if not isinstance(one, Refusal)]
        answers = iter(self.asker.ask(COMPLETIONS, [self._body(one) for one in sent], read_listed))
        found: list[Listed | Refusal] = []
        for ids, prompt in zip(prefixes, prompts, strict=True):
            answer = prompt if isinstance(prompt, Refusal) else next(answers)
            found.append(answer if isinstance(answer, Refusal) else self._named(answer, len(ids)))
        return found

    def _body(self, prompt: str | list[int]) -> dict[str, Any]:
        return self.asker.body({"max_tokens": 1, "temperature": 0, "logprobs": self.top, "prompt": prompt})

    def _prompt(self, ids: Sequence[int]) -> str | list[int] | Refusal:
        """Return what is sent: ids, or the text that they spell without the BOS that the server puts before it."""
        if self._takes_ids:
            return list(ids)
        begins = self.tokenizer.bos_token_id is not None and list(ids[:1]) == [self.tokenizer.bos_token_id]
        text = self._text(ids[1:] if begins else ids)
        if text.endswith("\ufffd"):
            return Refusal("the text ends inside a character, and this server takes text alone, not token ids")
        return text

    def _named(self, answer: dict[str, Any], n_asked: int) -> Listed | Refusal:
        """Return an answer by token ids; one to other tokens than were asked is refused."""
        n_read, n_sent = answer["n_read"], n_asked + (0 if self._takes_ids else self._adds)
        if n_read is not None and n_read != n_sent:
            return Refusal(f"the server reads {n_read} tokens where the models that steer it read {n_sent}")
        named: dict[int, float] = {}
        unnamed = -math.inf
        for text, value in answer["listed"].items():
            number = NUMBERED.fullmatch(text)
            one = int(number[1]) if number else self._names.get(text)
            if one is None:
                unnamed = max(unnamed, value)
            else:
                named[one] = value
        if not named:
            return Refusal("the server lists no token that is known by its text: it may have ended the text")
        return Listed(named, min(answer["listed"].values()), unnamed, n_read)

    # ---- the same tokens

    def require_same_tokens(self) -> None:
        """Make sure once that the server lists tokens, and the same ones. Raises UnitError in one line."""
        if self._checked:
            return
        read = self.asker.ask(COMPLETIONS, [self._body(text) for text in CUT], read_listed)
        answers = [one for one in read if not isinstance(one, Refusal)]
        if not answers:
            why = next(one.reason for one in read if isinstance(one, Refusal))
            raise UnitError(f"{self.asker.served.url}: {why}")
        self._require_known_names(answers)
        counts = self._counts(read)
        pairs = [(n, len(self._encoded(text))) for text, n in zip(CUT, counts, strict=True) if n is not None]
        if not pairs:
            raise UnitError(self._differs("it does not say how it cuts a text into tokens (usage, echo)"))
        apart = {n - own for n, own in pairs}
        if len(apart) > 1:
            text = next(text for text, n in zip(CUT, counts, strict=True) if n != len(self._encoded(text)))
            n, own = counts[CUT.index(text)], len(self._encoded(text))
            raise UnitError(self._differs(f"it cuts {text!r} into {n} tokens, and theirs is {own}"))
        bos = len(self._encoded("a")) - len(self.tokenizer(["a"], add_special_tokens=False)["input_ids"][0])
        self._adds = apart.pop() + bos
        self._takes_ids = self._reads_ids(answers[0])
        self._checked = True

    def _counts(self, read: Sequence[Any]) -> list[int | None]:
        """Return how many tokens the server reads in each known text: as it counts, or else as it echoes them."""
        counted = [None if isinstance(one, Refusal) else one["n_read"] for one in read]
        if any(one is not None for one in counted):
            return counted
        body = {"max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        try:
            echoed = self.asker.ask(
                COMPLETIONS,
                [self.asker.body(body | {"prompt": text}) for text in CUT],
                [read_echo(text) for text in CUT],
            )
        except UnitError:
            return counted
        return [None if isinstance(one, Refusal) or one["starts"] is None else len(one["tokens"]) for one in echoed]

    def _require_known_names(self, answers: Sequence[dict[str, Any]]) -> None:
        for text in (text for one in answers for text in one["listed"]):
            is_named = text and "\ufffd" not in text and not text.startswith("bytes:") and not NUMBERED.fullmatch(text)
            if is_named and text not in self._names:
                raise UnitError(self._differs(f"it lists {text!r}, which is no token of theirs"))

    def _reads_ids(self, of_text: dict[str, Any]) -> bool:
        """Tell whether the server takes token ids. Raises UnitError where it reads them as another text."""
        (of_ids,) = self.asker.ask(COMPLETIONS, [self._body(self._encoded(CUT[0]))], read_listed)
        if isinstance(of_ids, Refusal):
            return False
        left, right = of_text["listed"], of_ids["listed"]
        shared = left.keys() & right.keys()
        if 2 * len(shared) < min(len(left), len(right)) or any(
            abs(left[one] - right[one]) > TOLERANCE for one in shared
        ):
            raise UnitError(self._differs("it reads their token ids as another text"))
        return True

    def _differs(self, how: str) -> str:
        return (
            f"{self.asker.served.url}: the server's tokenizer is not that of the models that steer it: {how}; choose small models of "
            f"the same family"
        )


def read_listed(found: Any) -> dict[str, Any]:
    """Read which tokens may come next, with their log-probabilities. Raises UnitError where the server lists none."""
    choice = one_choice(found)
    given = choice.get("logprobs")
    listed = given.get("top_logprobs") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise UnitError(LISTS_NONE)
    first = listed[0] if listed else {}
    if not isinstance(first, dict):
        raise MalformedError("the answer lists its tokens in another shape than the protocol's")
    values = {str(text): float(value) for text, value in first.items() if value is not None and math.isfinite(value)}
    return {
        "listed": values,
        "n_read": n_counted(found, "prompt_tokens"),
        "n_tokens": n_counted(found, "completion_tokens"),
    }
