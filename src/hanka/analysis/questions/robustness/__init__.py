"""`robustness`: what do changed rows cost each system, and is it more than they cost base? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

ROBUSTNESS = Question(
    name="robustness",
    reference="Yang et al. (2023), arXiv 2304.13712, remark 8b (shortcut learning)",
    description="what does each change of the test rows cost, is it more than it costs base, and what is answered without the premise?",
    version=1,
    ask=asked_in("hanka.analysis.questions.robustness.ask"),
)
