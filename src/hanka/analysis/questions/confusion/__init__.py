"""`confusion`: which labels are taken for which? The light half; `ask.py` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.analysis.questions.contract import Answer, Question

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence


def _ask(evidence: Evidence) -> Answer | None:
    from hanka.analysis.questions.confusion.ask import ask

    return ask(evidence)


CONFUSION = Question(
    name="confusion",
    reference="confusion matrix with recall per class; intervals: Wilson (1927)",
    description="which labels are taken for which: recall per class, and how often each label is answered",
    version=1,
    ask=_ask,
)
