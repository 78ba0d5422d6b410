"""An engine without a model: its answers are hashes of what it is asked. For tests of what surrounds engines.

Equal queries get equal answers, whatever is beside them, on any machine; drawing adds the seed. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore
from hanka.identity import stream, stream_seed
from hanka.prompting import Query

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


class FakeEngine:
    """Answers with hashes."""

    context_length = 1 << 20
    "Tokens that fit: any."
    notes: tuple[str, ...] = ("answers are hashes, not a model's",)

    def __init__(self, batch_tokens: int) -> None:
        self.batch_tokens = batch_tokens

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return made-up log-probabilities of label tokens."""
        return [
            LabelAnswer(tuple(_scores(query, (*label, *query.ends[:1])) for label in query.labels)) for query in queries
        ]

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Return made-up words, at most as many as tokens are allowed."""
        answers: list[TextAnswer | Refusal] = []
        for query in queries:
            purpose = (query.text, *query.ids, *((decoding.seed,) if decoding.temperature else ()))
            count = 1 + stream_seed("fake length", *purpose) % min(decoding.max_new_tokens, len(WORDS))
            words = [WORDS[index] for index in stream("fake words", *purpose).integers(len(WORDS), size=count)]
            answers.append(TextAnswer(" ".join(words), count))
        return answers

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Return made-up log-probabilities of a text's tokens."""
        return [TextScore(_scores(query, query.labels[0])) for query in queries]

    def halve(self) -> bool:
        """Nothing is ever too large."""
        return False

    def account(self) -> dict[str, Any]:
        """Say nothing: answering takes time alone."""
        return {}


def _scores(query: Query, label: Sequence[int]) -> tuple[float, ...]:
    drawn = stream("fake scores", query.text, *query.ids, -1, *label).exponential(size=len(label))
    return tuple(-float(value) for value in drawn)
