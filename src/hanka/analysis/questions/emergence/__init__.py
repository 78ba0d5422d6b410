"""`emergence`: at which pretraining loss will few-shot performance leave chance, by models fine-tuned on growing sizes? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

EMERGENCE = Question(
    name="emergence",
    reference="Snell et al. 2024, arXiv 2411.16035",
    description="at which pretraining loss does few-shot performance leave chance, predicted from weaker models fine-tuned on growing sizes?",
    version=3,
    ask=asked_in("hanka.analysis.questions.emergence.ask"),
)
