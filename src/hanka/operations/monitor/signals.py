"""What is watched: ten signals, one more where it is named, and which of the two kinds each is.

    share   a share of rows that are bad; it alarms where more are bad than the reference and a tolerance allow
    drift   how far a distribution, or the texts themselves, lie from the reference; it alarms beyond a tolerance

Light: read by settings, windows, detectors and pages alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is watched."""

    name: str
    kind: Literal["share", "drift"]
    weight: float
    "Share of the false-alarm rate that it may use up; all that are watched by default together 1."
    tolerance: float
    "What is tolerated by default: of a share beyond the reference's upper bound, of a drift the index or the AUC itself."
    needs: str
    "Field of the log, or part of the run, without which there is nothing to watch."
    is_default: bool = True
    "Whether it is watched without being named; every signal more makes the others slower."


SIGNALS: Mapping[str, Signal] = {
    one.name: one
    for one in (
        Signal("wrong", "share", 0.40, 0.01, "label"),
        Signal("errors", "share", 0.10, 0.02, "output"),
        Signal("unparsed", "share", 0.10, 0.02, "output"),
        Signal("refusals", "share", 0.10, 0.02, "output", is_default=False),
        Signal("unsure", "share", 0.05, 0.05, "confidence"),
        Signal("slow", "share", 0.05, 0.05, "latency"),
        Signal("answers", "drift", 0.06, 0.10, "output"),
        Signal("labels", "drift", 0.06, 0.10, "label"),
        Signal("length", "drift", 0.06, 0.10, "prompt"),
        Signal("script", "drift", 0.06, 0.10, "prompt"),
        Signal("domain", "drift", 0.06, 0.65, "prompt"),
    )
}
"""Name → signal. wrong: labelled rows whose answer is not the label. errors: rows without any output. unparsed: outputs in which
the task reads no answer. refusals: outputs that the guardrail of this name flags. unsure: confidence below the reference's tenth percentile. slow: latency above the baseline's 95th. answers, labels:
shares of answers and of true labels. length, script: of the input. domain: AUC of a classifier of input texts."""

DEFAULT_SIGNALS = tuple(name for name, one in SIGNALS.items() if one.is_default)
SHARES = tuple(name for name, one in SIGNALS.items() if one.kind == "share")
DRIFTS = tuple(name for name, one in SIGNALS.items() if one.kind == "drift")
COUNTED = tuple(name for name in DRIFTS if name != "domain")
"Drifts of which a window counts categories."
