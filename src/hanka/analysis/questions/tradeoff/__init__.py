"""`tradeoff`: what does a gain in domain cost elsewhere? The light half; `ask.py` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.analysis.questions.contract import Answer, Question

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence


def _ask(evidence: Evidence) -> Answer | None:
    from hanka.analysis.questions.tradeoff.ask import ask

    return ask(evidence)


TRADEOFF = Question(
    name="tradeoff",
    reference="Pareto front of paired differences; Spearman (1904) for probes",
    description="gain in domain against change elsewhere: which systems are beaten by none, and how sure is that?",
    version=1,
    ask=_ask,
)
