"""Values of a known emergence law, with or without noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hanka.stats.emergence import Points, points

SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096)


class Known(NamedTuple):
    """E(D) = k · (log D)^a + C, and the line beyond it."""

    k: float = 0.05
    a: float = 1.0
    c: float = 1.75
    slope: float = 0.8
    base: float = 0.25

    def elbow(self, rows: float) -> float:
        """Where performance leaves the base."""
        return float(self.k * np.log(rows) ** self.a + self.c)

    def values(
        self, losses: Sequence[float], sizes: Sequence[int] = SIZES, noise: float = 0.0, seed: int = 0
    ) -> Points:
        """One value of every loss and size."""
        loss, rows = (one.ravel() for one in np.meshgrid(losses, sizes, indexing="ij"))
        elbows = np.array([self.elbow(one) for one in rows])
        drawn = noise * np.random.default_rng(seed).standard_normal(len(loss))
        return points(loss, self.slope * np.maximum(0, elbows - loss) + self.base + drawn, rows)


LOSSES = tuple(np.linspace(1.85, 2.5, 9).tolist())
