"""`seven_claims`: which of the main paper's claims hold in a run? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

SEVEN_CLAIMS = Question(
    name="seven_claims",
    reference="Yang et al. 2024 (NAACL), arXiv 2403.09162, sections 4 and 5",
    description="what the main paper reports of fine-tuning with and without demonstrations: what of it holds here?",
    version=1,
    ask=asked_in("hanka.analysis.questions.seven_claims.ask"),
)
