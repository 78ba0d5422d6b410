"""How long and how fast a course trains, as three numbers that belong together. Light."""

from __future__ import annotations

from typing import NamedTuple


class Pace(NamedTuple):
    """How long and how fast a course trains."""

    epochs: int
    "Passes over the training rows."
    learning_rate: float
    "Peak learning rate."
    warmup_ratio: float
    "Share of steps that warm up."


USUAL = Pace(epochs=1, learning_rate=2e-4, warmup_ratio=0.0)
"Of a course that nobody planned and that says nothing itself."
