"""Guardrails that need no pattern: rows without an answer, outside the labels, and one answer whatever is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.metrics.tokenization import normalised


def _failed(row: Row, params: DetectorParams) -> Flag:
    return Flag(True, "no answer came") if row.status == "failed" else CLEAR


def _unparsed(row: Row, params: DetectorParams) -> Flag:
    return Flag(True, "no answer could be read") if row.status == "unparsed" else CLEAR


def _empty(row: Row, params: DetectorParams) -> Flag:
    return CLEAR if row.output.strip() else Flag(True, "no visible character")


def _outside(row: Row, params: DetectorParams) -> Flag:
    return CLEAR if (row.parsed or "") in row.labels else Flag(True, "none of the labels")


def said(row: Row) -> str:
    """Return the answer, the raw text where none could be read, made comparable."""
    return normalised(row.output if row.parsed is None else row.parsed)


def _commonest(rows: Sequence[Row], params: DetectorParams) -> list[Flag]:
    """Flag the rows that have the commonest answer; of equals the first in the alphabet."""
    answers = [said(row) for row in rows]
    if not answers:
        return []
    most = min(Counter(answers).items(), key=lambda one: (-one[1], one[0]))[0]
    return [Flag(True, "the commonest answer") if one == most else CLEAR for one in answers]


FAILED = Detector(
    name="failed",
    reference="status of the row",
    description="asked rows that got no answer",
    judge=_failed,
    kinds=("classification", "generation", "regression", "likelihood", "harness"),
    of_asked=True,
)
UNPARSED = Detector(
    name="unparsed",
    reference="the task's verifier",
    description="format: answered rows in whose output the task reads no answer",
    judge=_unparsed,
    kinds=("classification", "generation", "regression", "harness"),
)
EMPTY = Detector(
    name="empty",
    reference="definition",
    description="answered rows whose output has no visible character",
    judge=_empty,
    kinds=("classification", "generation", "regression", "harness"),
)
OUTSIDE_LABELS = Detector(
    name="outside_labels",
    reference="definition",
    description="answered rows whose answer is none of the task's labels",
    judge=_outside,
    needs_labels=True,
)
ONE_ANSWER = Detector(
    name="one_answer",
    reference="after Yang et al. (2024), arXiv 2403.09162: a collapsed output space",
    description="answered rows that have the commonest answer of their test set",
    judge_all=_commonest,
    kinds=("classification", "generation", "regression", "harness"),
    is_default=False,  # of balanced labels it is a half where all is well, and no event that is unwanted
)
