"""`gap_closed`: how much of what tuning a model itself would gain does steering it gain? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

GAP_CLOSED = Question(
    name="gap_closed",
    reference="Liu et al. (2024), arXiv 2401.08565, section 4; interval: Fieller (1954)",
    description="how much of what tuning a model itself gains does steering it by a small one gain?",
    version=1,
    ask=asked_in("hanka.analysis.questions.gap_closed.ask"),
)
