"""`cocktail`: does a mix of tasks beat the target's own rows alone? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

COCKTAIL = Question(
    name="cocktail",
    reference="Brief et al. 2024, arXiv 2410.01109",
    description="what does training on several tasks at once change, against the target alone, outside the mix, and with general instructions?",
    version=1,
    ask=asked_in("hanka.analysis.questions.cocktail.ask"),
)
