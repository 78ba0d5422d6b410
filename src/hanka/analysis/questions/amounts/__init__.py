"""`amounts`: what does each system take to make and to ask? The light half; `ask.py` does the work."""

from __future__ import annotations

from hanka.analysis.questions.contract import Question, asked_in

AMOUNTS = Question(
    name="amounts",
    reference="as the run stored it; energy from the machine's own meters (RAPL, NVML)",
    description="what each system takes: trained parameters, tokens, seconds, memory and energy, in its own domain",
    version=1,
    ask=asked_in("hanka.analysis.questions.amounts.ask"),
)
