"""`tradeoff`: what does a gain in domain cost elsewhere? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

TRADEOFF = Question(
    name="tradeoff",
    reference="Pareto front of paired differences; Spearman (1904) for probes",
    description="gain in domain against change elsewhere: which systems are beaten by none, and how sure is that?",
    version=1,
    ask=asked_in("hanka.analysis.questions.tradeoff.ask"),
)
