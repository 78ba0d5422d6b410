"""`transfer_gain`: how much of what tuning on a target itself gains does tuning on another data set gain? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

TRANSFER_GAIN = Question(
    name="transfer_gain",
    reference="Steiner, Peeters & Bizer (2024), arXiv 2409.08185",
    description="what tuning on one data set gains on others of its task, as a share of what tuning on those gains; prompts, throughput",
    version=1,
    ask=asked_in("hanka.analysis.questions.transfer_gain.ask"),
)
