"""What is stored of a cell beside its answers: failures by reason, what is hardly an answer, what answering took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanka.records import Prediction
from hanka.store.folder import LATENCY_FILE, read_json_or_none, write_json
from hanka.work.answers import Asking, n_empty, n_tied

MOST_REASONS = 5
"Reasons of failed rows that a record counts."
DIGITS = 6
"Of a time in seconds."


class Times(NamedTuple):
    """How long single requests took."""

    unit: str
    "row: one row alone on the machine; request: one request to a server."
    at_once: int
    "Requests under way at once."
    seconds: tuple[float, ...]
    "Of each."


def keep_times(folder: Path, times: Times, goes_on: bool = False) -> None:
    """Store the times of a cell. goes_on: behind those of the rows that were asked before."""
    path = folder / LATENCY_FILE
    known = read_json_or_none(path) if goes_on else None
    earlier = known["seconds"] if isinstance(known, dict) and known.get("unit") == times.unit else []
    seconds = [*earlier, *(round(one, DIGITS) for one in times.seconds)]
    write_json(path, {"unit": times.unit, "at_once": times.at_once, "seconds": seconds})


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
