"""`slices`: is it as good on every kind of row? The light half; `ask.py` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.analysis.questions.contract import Answer, Question

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence


def _ask(evidence: Evidence) -> Answer | None:
    from hanka.analysis.questions.slices.ask import ask

    return ask(evidence)


SLICES = Question(
    name="slices",
    reference="the primary metric on parts of a test set; intervals as in the summary",
    description="is a variant as good on every language, length and kind of row that the data tells apart?",
    version=1,
    ask=_ask,
)
