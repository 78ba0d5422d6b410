"""`gap_closed`: how much of what tuning a model itself would gain does steering it gain? The light half; `ask.py` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.analysis.questions.contract import Answer, Question

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence


def _ask(evidence: Evidence) -> Answer | None:
    from hanka.analysis.questions.gap_closed.ask import ask

    return ask(evidence)


GAP_CLOSED = Question(
    name="gap_closed",
    reference="Liu et al. (2024), arXiv 2401.08565, section 4; interval: Fieller (1954)",
    description="how much of what tuning a model itself gains does steering it by a small one gain?",
    version=1,
    ask=_ask,
)
