"""How text becomes tokens, as a policy, and what comes of it: training rows, queries, the questions of a test set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

Ids = list[int]


class Tokenizer(Protocol):
    """What is needed of a tokenizer; any transformers fast tokenizer fits."""

    bos_token_id: int | None
    eos_token_id: int | None
    bos_token: str | None

    def __call__(self, text: list[str], *, add_special_tokens: bool) -> Any:
        """Return a mapping with `input_ids`: one list of ids per text."""
        ...

    def apply_chat_template(self, conversation: list[Any], **options: Any) -> Any:
        """Render a conversation to text."""
        ...


THINKING_TOKENS = 1024
"Tokens of reasoning at most, where a study says `thinking: on`."
CHAT_VERSION = 2
"Raised by hand when the same chat template gives other prompts or ends than before."


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """How text becomes tokens; recorded with every variant and cell."""

    bos: Literal["model", "always", "never"] = "model"
    "As the tokenizer does by itself, always once, or never."
    eos: bool = True
    "Whether a training target ends in EOS."
    template: Literal["plain", "chat"] = "plain"
    "Plain prompts or the model's chat template."
    system: str | None = None
    "What a chat begins with, unless its data brings a system turn of its own."
    thinking: Literal["off", "on"] | int = "off"
    "Whether a chat model reasons before it answers: not at all, up to `THINKING_TOKENS`, or up to so many tokens."
    control: Literal["text", "keep"] = "text"
    "Control tokens inside data: read as the text they are, or as what they control."
    date: str = "2025-01-01"
    "What a chat template is told that today is."
    protocol: Literal["corrected", "paper"] = "corrected"
    "paper keeps the published quirks."
    ends: bool = True
    "Whether a label is scored with what ends an answer, as it is trained; needs eos, and never under `protocol: paper`."

    @property
    def reasons(self) -> bool:
        """Whether a chat model reasons before it answers."""
        return self.thinking != "off"

    @property
    def thinking_tokens(self) -> int:
        """Tokens of reasoning at most."""
        return THINKING_TOKENS if isinstance(self.thinking, str) else self.thinking

    @property
    def trained(self) -> TextPolicy:
        """The policy that training rows are written by: a finished turn, which holds no reasoning."""
        return replace(self, thinking="off")

    def content(self) -> dict[str, Any]:
        """Return what enters content ids beside the protocol: of what has no say, nothing."""
        found: dict[str, Any] = {"bos": self.bos, "eos": self.eos, "template": self.template}
        if self.template == "chat":
            chat = {"version": CHAT_VERSION, "system": self.system, "thinking": self.thinking, "date": self.date}
            found["chat"] = chat
        return found if self.control == "text" else found | {"control": self.control}

    @property
    def scores_ends(self) -> bool:
        """Whether labels are scored with their end."""
        return self.ends and self.eos and self.protocol == "corrected"


class SoftTargets(NamedTuple):
    """Distributions in place of a row's supervised tokens: the k largest entries of each, the rest in one."""

    ids: tuple[tuple[int, ...], ...]
    "Per supervised token, k token ids; k is the same everywhere."
    log_probs: tuple[tuple[float, ...], ...]
    "Their log-probabilities (nats)."
    tail: tuple[float, ...]
    "Probability of all other tokens together."


class Encoded(NamedTuple):
    """A training row."""

    ids: Ids
    "All token ids, BOS and EOS included."
    start: int
    "Index of the first supervised token; len(ids) when none is left."
    weights: tuple[float, ...] | None = None
    "A factor per supervised token; None: all are 1."
    soft: SoftTargets | None = None
    "Distributions in place of the supervised tokens, where an objective reads them."


class Query(NamedTuple):
    """A query with the continuations it is scored with."""

    text: str
    "Prefix and query as rendered, for engines that read text."
    ids: Ids
    "Token ids before the answer; never empty."
    labels: tuple[tuple[int, ...], ...]
    "Token ids of each label after `ids`; empty for generation; the text itself where texts are scored."
    ends: tuple[int, ...] = ()
    "Tokens any of which ends an answer, beside the model's own: each label is scored with one of them behind it, and writing stops\n    at one; empty: labels are scored alone."


class Asked(NamedTuple):
    """A test set's questions, rendered and encoded."""

    prefix: str
    "What stands before every query, demonstrations first; empty where nothing is shared."
    queries: list[str]
    "Each query with what stands before it alone, without the prefix."
    encoded: list[Query]
    "Token ids of prefix + query, and of what is scored after it."
    template_hash: str
    "Of how the task is asked."
    stop: str = ""
    "Text that ends a turn where no token does; written answers end before it."

    def part(self, start: int, stop: int) -> Asked:
        """Return some of the questions, in their order."""
        return self._replace(queries=self.queries[start:stop], encoded=self.encoded[start:stop])
