"""`confusion`: which labels are taken for which? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

CONFUSION = Question(
    name="confusion",
    reference="confusion matrix with recall per class; intervals: Wilson (1927)",
    description="which labels are taken for which: recall per class, and how often each label is answered",
    version=1,
    ask=asked_in("hanka.analysis.questions.confusion.ask"),
)
