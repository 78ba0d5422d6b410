"""What the emergence law is fitted to, from wherever it comes: a run's cells or a table of published points, one record for each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from hanka.stats.emergence import LEVEL, Points, Settings, Trained, points
from hanka.stats.emergence.refits import RESAMPLES

Unit: TypeAlias = Literal["nats", "bits"]
"Of a loss: nats per token, or bits per byte where models have several tokenizers."


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one model."""

    model: str
    "Model or checkpoint; values of one model stay together where models are drawn anew."
    loss: float
    "Its pretraining loss."
    performance: float
    "From 0 to 1."
    rows: int
    "Rows it was fine-tuned on; 0: not at all, asked with demonstrations."
    n: int = 0
    "Test rows; 0: not known."
    flops: float | None = None
    "Of its pretraining; None: not known."
    is_held_out: bool = False
    "Whether it is kept from the law, to hold the prediction against."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of measurements."""

    low_data: int = 5
    "D0, rows of the low-data limit."
    chance: float | None = None
    "B where it is given; None: it is fitted."
    unit: Unit = "nats"
    "Of losses."
    seed: int = 0
    "Of all that is drawn."
    level: float = LEVEL
    "Of intervals."
    resamples: int = RESAMPLES
    "Of the bootstrap."

    @property
    def settings(self) -> Settings:
        """Return what a fit is told."""
        return Settings(self.low_data, self.chance, self.seed, self.level, self.resamples)


def points_of(measured: Sequence[Measurement]) -> Points:
    """Return measurements as points of a law. Raises ValueError for none, or for what no law can be fitted to."""
    if not measured:
        raise ValueError("nothing was measured")
    return points(
        np.array([one.loss for one in measured]),
        np.array([one.performance for one in measured]),
        np.array([one.rows for one in measured], dtype=np.int64),
        np.array([one.model for one in measured]),
        np.array([one.n for one in measured]),
    )


def trained(measured: Sequence[Measurement]) -> list[Trained]:
    """Return the models whose compute is known, each once."""
    return sorted({Trained(one.flops, one.loss) for one in measured if one.flops is not None})
