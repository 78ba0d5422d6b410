"""Labels where they do not belong: several in one answer, those of another task, or the list that the prompt gave.

What a model was tuned on shows in what it writes elsewhere (Yang et al. 2024, arXiv 2403.09162, on classification tuning that turns every
answer into a label). Limits: a label that is an everyday word (good, yes) is no sign in written text unless it is all that was written, so there only
whole answers and lists count.
"""

from __future__ import annotations

from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.guardrails.found import words_in
from hanka.metrics.tokenization import normalised

CLOSING = ".!?。！？\"'”」』 "
"What may stand behind a label that is a whole answer."
JOINTS = ("または", "もしくは", "か", "と", " or ", " and ")
"What joins a list of labels."


def _judge(row: Row, params: DetectorParams) -> Flag:
    own = {normalised(label) for label in row.labels}
    others = {normalised(label) for label in row.other_labels} - own
    answer = normalised(row.output).strip(CLOSING)
    if answer in own:  # labels may hold each other: "not good" is one answer
        return CLEAR
    if answer in others:
        return Flag(True, f"the label of another task: {answer}")
    if row.labels:
        return _in_labels(row, others)
    listed = words_in(row.output, row.other_labels)
    if len(listed) > 1 and _only(answer, listed):
        return Flag(True, f"a list of labels: {', '.join(listed)}")
    return CLEAR


def _in_labels(row: Row, others: set[str]) -> Flag:
    """Judge an answer that should be one label of its task and is not."""
    several = words_in(row.output, row.labels)
    if len(several) > 1:
        return Flag(True, f"several labels: {', '.join(several)}")
    foreign = words_in(row.output, tuple(others))
    return Flag(True, f"the label of another task: {foreign[0]}") if foreign else CLEAR


def _bare(text: str) -> str:
    """Take away the marks and white space that a text begins with."""
    return text[next((at for at, letter in enumerate(text) if letter.isalnum()), len(text)) :]


def _only(answer: str, words: list[str]) -> bool:
    """Tell whether a text is nothing but some words with marks, and "or" or "and", between them."""
    rest = answer
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    for joint in JOINTS:
        rest = rest.replace(joint, " ")
    return not any(map(str.isalnum, rest))


LABEL_LEAKAGE = Detector(
    name="label_leakage",
    reference="after Yang et al. (2024), arXiv 2403.09162",
    description="answers that hold several labels, a label of another task, or the list of labels",
    judge=_judge,
)
