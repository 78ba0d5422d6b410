"""Differences of many systems from one reference under the same resamples, so that they can be averaged and ranked.

Between evidence and the questions that compare systems. `summary.py` compares each cell with its base alone; here
all cells of a test set are resampled together: replicate r holds the same samples (or clusters) for every system,
so a front or a mean over test sets keeps the dependence between them. A sample that one side lacks counts
for neither side of that pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hanka.analysis.answers import FloatArray, Places, Samples, Scored
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import Metric
from hanka.stats import Interval, Resampled, ResamplingPlan, expanded_interval


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A difference from the reference, with what it would have been on other samples."""

    value: float
    "Positive is better, in score units."
    replicates: FloatArray
    "(resamples,) the same under every resample; NaN where a resample holds no shared sample."
    n: int
    "Samples behind it, over all test sets."
    n_units: int
    "Independent units of the smallest test set: what the width of its interval rests on."

    def interval(self, level: float) -> Interval:
        """Return the interval of this difference alone, expanded percentile."""
        return expanded_interval(self.replicates[np.isfinite(self.replicates)], self.n_units, level)


def mean_difference(parts: Sequence[Difference]) -> Difference:
    """Average over test sets, each counting equally. Raises ValueError when there are none."""
    if not parts:
        raise ValueError("no differences to average")
    return Difference(
        value=sum(part.value for part in parts) / len(parts),
        replicates=np.mean([part.replicates for part in parts], axis=0),
        n=sum(part.n for part in parts),
        n_units=min(part.n_units for part in parts),
    )


@dataclass(frozen=True, eq=False)
class Together:
    """All cells of one test set under one set of resamples."""

    evidence: Evidence
    "Where statistics come from and are kept."
    test_dataset: str
    "The test set."
    metric: Metric
    "Its primary metric; it has a better end."
    samples: Samples
    "Every sample that any of the cells asked."

    @cached_property
    def plan(self) -> ResamplingPlan | None:
        """The resamples; None below two independent units."""
        return self.evidence.resampling_of(self.test_dataset, self.samples, np.arange(len(self.samples.ids)))

    def difference(self, cell: CellEvidence, reference: CellEvidence) -> Difference | None:
        """Return cell minus reference on the samples that both have; None below two independent units."""
        ours, theirs = self.evidence.rows(cell, self.metric), self.evidence.rows(reference, self.metric)
        shared = ours.paired(theirs)
        places = self._places(ours, shared.places)
        plan = self.plan
        if plan is None or len(np.unique(plan.units[places])) < 2:
            return None
        if len(places) < plan.n:
            plan = self._counting(places)
        a, b = self._under(ours, shared.first, places, plan), self._under(theirs, shared.second, places, plan)
        sign = 1.0 if self.metric.higher_is_better else -1.0
        values = [
            self.metric.value(rows.statistics[index]) for rows, index in zip((ours, theirs), shared[1:], strict=True)
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            replicates = sign * (a.replicates - b.replicates)
        value = 0.0 if np.array_equal(a.rows, b.rows) else sign * (values[0] - values[1])
        return Difference(value, replicates.astype(np.float32), len(places), int(np.count_nonzero(plan.sizes)))

    def _places(self, rows: Scored, own: Places) -> Places:
        """Turn places among a cell's samples into places among all."""
        if rows.samples is self.samples:
            return own
        here = (self.samples.places[rows.samples.ids[place]] for place in own)
        return np.fromiter(here, dtype=np.int64, count=len(own))

    def _counting(self, places: Places) -> ResamplingPlan:
        assert self.plan is not None
        is_kept = np.zeros(self.plan.n, dtype=bool)
        is_kept[places] = True
        return self.plan.counting(is_kept)

    def _under(self, rows: Scored, index: Places, places: Places, plan: ResamplingPlan) -> Resampled:
        """Put a cell's statistics under a plan; those of a complete cell are kept for the next pair."""
        if np.array_equal(places, np.arange(plan.n)):
            return self.evidence.resampled(rows, index, self.metric, plan)
        statistics = np.zeros((plan.n, rows.statistics.shape[1]))
        statistics[places] = rows.statistics[index]
        return Resampled(statistics, self.metric.aggregate, plan)


def all_samples(evidence: Evidence, cells: Iterable[CellEvidence], metric: Metric) -> Samples:
    """Return the samples that any of the cells asked, in the order in which they first occur."""
    known = [evidence.rows(cell, metric).samples for cell in cells]
    distinct = list(dict.fromkeys(known))
    if len(distinct) == 1:
        return distinct[0]
    groups: dict[str, str] = {}
    for samples in distinct:
        for sample, group in zip(samples.ids, samples.groups, strict=True):
            groups.setdefault(sample, group)
    return Samples(tuple(groups), tuple(groups.values()))
