"""`shots_or_rows`: are k labelled rows worth more before the query or in the weights? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

SHOTS_OR_ROWS = Question(
    name="shots_or_rows",
    reference="Mosbach et al. 2023, arXiv 2305.16938; Liu et al. 2022, arXiv 2205.05638",
    description="the same k labelled rows shown before the query, trained on, or both: where do the curves cross, at what cost?",
    version=1,
    ask=asked_in("hanka.analysis.questions.shots_or_rows.ask"),
)
