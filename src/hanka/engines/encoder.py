"""The engine of encoders: a classifier's log-probabilities as label scores.

It reads a query's text and the words its labels spell, so a test set with other labels than were trained gets `UNSEEN` for
those; where none of a query's labels was trained, nothing is said of it. A label has one score, whatever its tokens; no token of
a language model is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hanka.engines.classifier import UNSEEN, load_classifier
from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore
from hanka.errors import UnitError
from hanka.models.encoder import LoadedEncoder
from hanka.models.memory import LEAST_TOKENS
from hanka.prompting import Query

TEXTS_AT_ONCE = 1024
"Texts whose features are there at once."
CANNOT = "an encoder cannot write: it gives scores of labels and nothing else"


class EncoderEngine:
    """Answers with a classifier on an encoder."""

    def __init__(self, base: LoadedEncoder, folder: Path | None, batch_tokens: int) -> None:
        if folder is None:
            raise UnitError("an encoder says nothing before a classifier is trained on it")
        self.classifier = load_classifier(folder, base.ref.encoder)
        self.encoder = base.restored(folder)
        self.batch_tokens = batch_tokens
        self.notes: tuple[str, ...] = ()
        self.context_length = 1 << 20
        "Tokens that fit: any; the encoder cuts."

    def score_labels(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Return one log-probability per label of every query; see `Engine`."""
        answers: list[LabelAnswer | Refusal] = []
        for start in range(0, len(queries), TEXTS_AT_ONCE):
            part = queries[start : start + TEXTS_AT_ONCE]
            logs = self.classifier.log_probabilities(self.encoder.features([query.text for query in part])).tolist()
            answers += [self._answer(query, row) for query, row in zip(part, logs, strict=True)]
        return answers

    def _answer(self, query: Query, logs: Sequence[float]) -> LabelAnswer | Refusal:
        known = dict(zip(self.classifier.labels, logs, strict=True))
        words = [self.encoder.tokenizer.decode(label) for label in query.labels]
        if not any(word in known for word in words):
            return Refusal(f"none of the labels {', '.join(words)} occurred in training ({', '.join(known)})")
        return LabelAnswer(tuple((known.get(word, UNSEEN),) for word in words), n_read=0)

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Refuse; tasks that ask for text are refused before (`EngineEntry.refusal`)."""
        return [Refusal(CANNOT) for _ in queries]

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Refuse; tasks that ask for likelihoods are refused before (`EngineEntry.refusal`)."""
        return [Refusal(CANNOT) for _ in queries]

    def halve(self) -> bool:
        """Halve the token budget after running out of memory; tells whether there was anything to halve."""
        if self.batch_tokens // 2 < LEAST_TOKENS:
            return False
        self.batch_tokens //= 2
        return True

    def account(self) -> dict[str, Any]:
        """Say nothing: answering takes time alone."""
        return {}
