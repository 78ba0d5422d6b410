"""`slices`: is it as good on every kind of row? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

SLICES = Question(
    name="slices",
    reference="the primary metric on parts of a test set; intervals as in the summary",
    description="is a variant as good on every language, length and kind of row that the data tells apart?",
    version=1,
    ask=asked_in("hanka.analysis.questions.slices.ask"),
)
