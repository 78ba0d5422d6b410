"""The Engine contract: how answers come out of an adapted model.

An engine knows token ids, not tasks. Answers come back in the order of the queries, whatever order and
batches they were computed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hanka.prompting import Query

MAX_SLOTS = 128
"Rows continued at once at most."


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is generated; greedy."""

    max_new_tokens: int
    "Generation cap, tokens."
    stop: tuple[str, ...]
    "Generation may end once one of these stands in the output after its first visible character."


class LabelAnswer(NamedTuple):
    """What an engine says of one classification query."""

    log_likelihoods: tuple[tuple[float, ...], ...]
    "Per label, per token: log-probability (nats) given the context and the label's earlier tokens."


class TextAnswer(NamedTuple):
    """What an engine says of one generation query."""

    text: str
    "Decoded output, special tokens removed."
    n_tokens: int
    "Generated tokens without EOS."


class Refusal(NamedTuple):
    """A query that could not be answered; it becomes a failed row."""

    reason: str
    "Why."


class Engine(Protocol):
    """What `run.py` needs of an engine."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its numbers must know (fallbacks taken)."""
        ...

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return the log-likelihood of every label of every query."""
        ...

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query greedily."""
        ...
