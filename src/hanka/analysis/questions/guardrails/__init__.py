"""`guardrails`: what came out that must not? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

GUARDRAILS = Question(
    name="guardrails",
    reference="exact upper bounds: Clopper & Pearson (1934), Korn & Graubard (1998); differences: Tango (1998); Bonferroni",
    description="what came out that must not: rates with upper bounds, and how they differ from the base model's",
    version=1,
    ask=asked_in("hanka.analysis.questions.guardrails.ask"),
)
