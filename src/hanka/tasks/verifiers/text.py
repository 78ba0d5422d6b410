"""Answers that are text, and answers that are one of a task's labels.

The answer is the output before the first stop. A label must be the whole answer, letter for letter: "Positive!" and
"positive, because" are no labels, for guessing which label was meant would reward some wordings over others.
The reward of free text says only whether it is the reference; how near it comes is for metrics such as ROUGE.
"""

from __future__ import annotations

from hanka.records import Judgement
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams, before_stop


def verify_text(output: Output, params: VerifierParams) -> Judgement:
    """Read the text before the first stop; every output is an answer, the empty one, too."""
    answer = output.answer
    if answer == before_stop(output.target, output.stop):
        return Judgement(answer, 1.0, "equal to the reference")
    return Judgement(answer, 0.0, "differs from the reference")


def verify_label(output: Output, params: VerifierParams) -> Judgement:
    """Read the label that the answer is; no answer where it is none."""
    whole = output.text.strip()
    answer = whole if whole in output.labels else output.answer
    if answer not in output.labels:
        shown = answer if len(answer) <= 30 else answer[:29] + "…"
        return Judgement(None, 0.0, f"{shown!r} is no label")
    return Judgement(answer, float(answer == output.target), f"read {answer!r}")


TEXT = Verifier(
    name="text",
    reference="the output before the first stop",
    description="any text; right where it is the reference",
    verify=verify_text,
)
LABEL = Verifier(
    name="label",
    reference="the output before the first stop, where it is a label letter for letter",
    description="one of the task's labels",
    verify=verify_label,
)
