"""`levels`: facts of which level of knowledge, and how many, to train on, and what putting weights back does. The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

LEVELS = Question(
    name="levels",
    reference="Ye et al., arXiv 2409.15825",
    description="accuracy by level of the facts trained on and of those tested: which level and how many facts are best, what do weights put back cost?",
    version=1,
    ask=asked_in("hanka.analysis.questions.levels.ask"),
)
