"""`intruders`: does the count of intruder dimensions predict forgetting, and what does scaling them down buy? The light half."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

INTRUDERS = Question(
    name="intruders",
    reference="Shuttleworth et al. 2024, arXiv 2410.21228; the size of the change beside the count, and edits beside a control",
    description="do intruder dimensions predict what is forgotten, better than the size of the change, and what does scaling them down buy?",
    version=1,
    ask=asked_in("hanka.analysis.questions.intruders.ask"),
)
