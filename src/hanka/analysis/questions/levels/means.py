"""The mean over levels: accuracy of each level of test facts, all levels counting equally, however many facts each has.

    mean = (1 / L) sum over levels of (right answers of the level / facts of the level)

as a metric of sums, so that differences are paired, resampled and judged like any other. The mean over facts would be decided by the level
with most facts (Ye et al., arXiv 2409.15825, take the mean over levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hanka.analysis.answers import FloatArray, Scored
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import Metric


def over_levels(metric: Metric) -> Metric:
    """Return a metric of statistics as `by_level` lays them out: the mean over levels of a metric of right and wrong."""

    def aggregate(sums: FloatArray, n: FloatArray) -> FloatArray:
        right, facts = np.split(sums[..., 1:], 2, axis=-1)
        shares = np.divide(right, facts, out=np.zeros_like(right), where=facts > 0)
        return np.asarray(shares.sum(axis=-1) / np.maximum((facts > 0).sum(axis=-1), 1))

    def support(sums: FloatArray) -> float:
        return float(np.split(sums[1:], 2)[1].min())

    return replace(metric, name=f"{metric.name}_over_levels", aggregate=aggregate, binary=False, support=support)


def by_level(scored: Scored, bins: Mapping[str, int], levels: Sequence[int]) -> Scored:
    """Return the scored facts of some levels: value; then, by level, the value where it is of that level, and whether it is."""
    known = np.array([bins.get(scored.samples.ids[place], -1) for place in scored.places], dtype=np.int64)
    kept = np.isin(known, np.array(levels, dtype=np.int64))
    value = scored.statistics[kept, :1]
    of_level = (known[kept, None] == np.array(levels, dtype=np.int64)[None]).astype(np.float64)
    return Scored(scored.samples, scored.places[kept], np.hstack([value, value * of_level, of_level]))


class LevelRows:
    """Statistics by level of the cells of a run, each made once: whoever compares them knows them by identity."""

    def __init__(self, evidence: Evidence, bins: Mapping[tuple[str, str], Mapping[str, int]]) -> None:
        self._evidence, self._bins = evidence, bins
        self._made: dict[tuple[str, tuple[int, ...]], Scored] = {}

    def of(self, cell: CellEvidence, metric: Metric, levels: Sequence[int]) -> Scored:
        """Return a cell's statistics over some levels. metric: of right and wrong."""
        key = (str(cell.cell["id"]), tuple(levels))
        if key not in self._made:
            bins = self._bins[str(cell.variant["base"]), str(cell.cell["test_dataset"])]
            self._made[key] = by_level(self._evidence.rows(cell, metric), bins, levels)
        return self._made[key]
