"""`how_much`: what would more labelled rows bring, and from how many on are they not worth it? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

HOW_MUCH = Question(
    name="how_much",
    reference="power law: Hestness et al. 2017, arXiv 1712.00409; power of the logarithm: Snell et al. 2024, arXiv 2411.16035",
    description="what would two and four times the training rows bring, how many reach the margin, when is it enough?",
    version=1,
    ask=asked_in("hanka.analysis.questions.how_much.ask"),
)
