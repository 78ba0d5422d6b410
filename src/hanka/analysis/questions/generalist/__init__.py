"""`generalist`: does broad instruction data help a specialist? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

GENERALIST = Question(
    name="generalist",
    reference="Shi et al. 2023, arXiv 2310.15326",
    description="does instruction data before or beside the rows of one task help that task, by coverage, by amount, and at what cost in facts?",
    version=1,
    ask=asked_in("hanka.analysis.questions.generalist.ask"),
)
