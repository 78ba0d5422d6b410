"""`scale`: over three or more sizes of a model, where is a larger one not better? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

SCALE = Question(
    name="scale",
    reference="Yang et al. 2023, arXiv 2304.13712, section 4.5; U-shape: Wei et al. 2022, arXiv 2211.02011",
    description="over three or more sizes of a base, on which test sets and with which systems is more not better?",
    version=1,
    ask=asked_in("hanka.analysis.questions.scale.ask"),
)
