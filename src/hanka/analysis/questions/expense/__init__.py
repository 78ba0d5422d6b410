"""`expense`: what do a served model and a tuned one take to answer? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

EXPENSE = Question(
    name="expense",
    reference="seconds, tokens and prices as measured and stated in the run itself",
    description="what answering takes where a served model takes part: seconds, tokens and money by row",
    version=1,
    ask=asked_in("hanka.analysis.questions.expense.ask"),
)
