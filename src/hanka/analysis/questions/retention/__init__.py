"""`retention`: how much ability is kept for what is gained, and which systems are beaten? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

RETENTION = Question(
    name="retention",
    reference="Pareto dominance judged by simultaneous intervals: Westfall & Young (1993), ch. 2",
    description="ability kept per gain: which systems are shown to be beaten on both scales, which not to be, and which neither?",
    version=1,
    ask=asked_in("hanka.analysis.questions.retention.ask"),
)
