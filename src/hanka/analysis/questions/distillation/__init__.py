"""`distillation`: is a document better distilled into a model, tuned on, or looked up? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

DISTILLATION = Question(
    name="distillation",
    reference="Kujanpää et al. (2024), arXiv 2412.14964; interval of shares: Fieller (1954)",
    description="a document distilled into a model, tuned on with the same answers, or looked up: which answers closed-book questions?",
    version=1,
    ask=asked_in("hanka.analysis.questions.distillation.ask"),
)
