"""`amounts`: what does each system take to make and to ask? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

AMOUNTS = Question(
    name="amounts",
    reference="tokens as the run counted them",
    description="what each system takes: trained parameters, labelled rows, tokens of training and of a prompt",
    version=2,
    ask=asked_in("hanka.analysis.questions.amounts.ask"),
)
