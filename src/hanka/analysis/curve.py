"""The course of a training as few points: the log of every step, thinned for figures; looks at validation rows all stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

POINTS = 60
"Points of a curve at most, beside those where validation rows were looked at."


def curve_of(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the points of a curve from the lines of train_log.jsonl.

    `loss` is the mean over the steps since the point before (nats per supervised token); `validation_loss` and
    `validation_accuracy` are of the step itself, None where nothing was looked at.
    """
    size = max(1, -(-len(log) // POINTS))
    points: list[dict[str, Any]] = []
    since: list[float] = []
    for place, line in enumerate(log, start=1):
        since.append(float(line["loss"]))
        if place % size and place != len(log) and "validation_loss" not in line:
            continue
        points.append(
            {
                "step": int(line.get("step", place)),
                "loss": fmean(since),
                "validation_loss": line.get("validation_loss"),
                "validation_accuracy": line.get("validation_accuracy"),
            }
        )
        since = []
    return points
