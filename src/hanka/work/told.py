"""What a cell's record says of its answers: failures by reason, what is hardly an answer, what answering took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.records import Prediction
from hanka.work.answers import Asking, n_empty, n_tied

MOST_REASONS = 5
"Reasons of failed rows that a record counts."


def together(taken: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Add up what answering took with what it took for the rows that were asked before."""
    return {name: value + before.get(name, 0) if name.startswith("n_") else value for name, value in taken.items()}


def doubts(name: str, asking: Asking, predictions: Sequence[Prediction]) -> list[str]:
    """Say what answers hold that is hardly an answer; counts stand in the cell's record."""
    said = []
    if n_tied(asking, predictions):
        said.append(f"{name}: in some rows labels share the best score; the first of them is the answer (n_tied)")
    if predictions and n_empty(asking, predictions) == len(predictions):
        said.append(f"{name}: every output of a cell is empty (n_empty)")
    return said


def failures_of(predictions: Sequence[Prediction]) -> dict[str, int]:
    """Count the rows that failed by reason, the commonest first; numbers in a reason are those of its first row."""
    counts: dict[str, list[str]] = {}
    for one in predictions:
        if one.status == "failed":
            counts.setdefault(re.sub(r"[\d,]+", "0", one.reason), []).append(one.reason)
    ordered = sorted(counts.values(), key=len, reverse=True)
    return {reasons[0]: len(reasons) for reasons in ordered[:MOST_REASONS]}
