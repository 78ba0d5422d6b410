"""The candidate's difference from the other side, paired by row, with ends at any level.

Between places and checks, beside `measured.py`. Differences are those of `analysis.contrasts`; with another run on the rows that agree. Of
right-or-wrong rows in groups they have score bounds at the number of rows that their groups are worth (`stats.score`), because a t
interval of groups misses a margin too often where few of them differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hanka.analysis.across import Sides as Runs
from hanka.analysis.across import agreeing_rows
from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.metrics import Metric
from hanka.operations.gate.measured import (
    Ends,
    LackingError,
    Measured,
    Reason,
    metric_at,
    require_done,
    scored,
)
from hanka.operations.gate.places import Place
from hanka.operations.gate.systems import Sides
from hanka.stats import Interval, normal_quantile


class Paired(NamedTuple):
    """One test set's difference."""

    pair: PairResult
    n_left_out: int
    "Rows that do not agree between two runs."


@dataclass(slots=True)
class Differences:
    """Differences of the candidate from the other side; units of a test set are numbered once for all of them."""

    sides: Sides
    most_missing: float
    "Share of rows without an answer from which on nothing is judged."
    _contrasts: Contrasts = field(init=False)

    def __post_init__(self) -> None:
        """Build contrasts in the candidate's run."""
        self._contrasts = Contrasts(self.sides.candidate.evidence)

    def measure(self, places: Sequence[Place], metric_name: str) -> Measured:
        """Return the difference at a place, or the mean over several, test sets counting equally. Raises LackingError."""
        evidence = self.sides.candidate.evidence
        metrics = {metric.name: metric for metric in (metric_at(evidence, one.cell, metric_name) for one in places)}
        if len(metrics) > 1:
            raise LackingError("several_metrics", metrics=", ".join(sorted(metrics)))
        (metric,) = metrics.values()
        if metric.higher_is_better is None:
            raise LackingError("no_better_end", metric=metric.name)
        found = [self._paired(place, metric) for place in places]
        notes = tuple(
            Reason("left_out", {"n": one.n_left_out, "test": place.test})
            for place, one in zip(places, found, strict=True)
            if one.n_left_out
        )
        measured = difference(self._contrasts.pooled([one.pair for one in found], metric), metric, notes)
        pairs = [one.pair for one in found]
        return replace(measured, ends=ends_of_groups(pairs, metric)) if _any_in_groups(pairs, metric) else measured

    def _paired(self, place: Place, metric: Metric) -> Paired:
        candidate, against = self.sides.candidate, self.sides.against
        cell = require_done(place.cell, candidate.title)
        other = require_done(against.cells.get(place.test), against.title)
        if not self.sides.is_one_run:
            metric_at(against.evidence, other, metric.name)
        ours = scored(candidate.evidence, cell, metric, place.rows, self.most_missing)
        theirs = scored(against.evidence, other, metric, place.rows, self.most_missing)
        n_left_out = 0
        if not self.sides.is_one_run:
            found, n_left_out = agreeing_rows(Runs(candidate.evidence, against.evidence), cell, other, metric)
            if found is None:
                raise LackingError("none_agree", n=n_left_out)
            ours, theirs = (one if place.rows is None else one.among(place.rows) for one in found)
        pair = self._contrasts.compared(cell, other, metric, (ours, theirs))
        if pair is None:
            raise LackingError("no_rows")
        return Paired(pair, n_left_out)


def _any_in_groups(pairs: Sequence[PairResult], metric: Metric) -> bool:
    return metric.binary and any(one.comparison.n_units < one.comparison.n for one in pairs)


def ends_of_groups(pairs: Sequence[PairResult], metric: Metric) -> Ends:
    """Bound the mean over test sets of differences of right-or-wrong rows in groups, each by its own score interval.

    The distances of the single ends from their estimates add as standard errors do: MOVER, Zou & Donner (2008), "Construction of
    confidence limits about effect measures: a general approach". Test sets have no rows in common.
    """
    deltas = [one.comparison.delta for one in pairs]
    sign = -1.0 if metric.higher_is_better is False else 1.0

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by the ends of the single test sets."""
        del is_shared
        z = normal_quantile(1 - 2 * alpha)
        single = []
        for one in pairs:
            interval = one.comparison.interval(z)
            assert interval is not None  # right-or-wrong rows always have one
            single.append(interval)
        mean = sum(deltas) / len(deltas)
        low, high = (
            math.sqrt(sum((delta - end) ** 2 for delta, end in zip(deltas, side, strict=True))) / len(deltas)
            for side in zip(*single, strict=True)
        )
        return Interval(mean - low, mean + high) if sign > 0 else Interval(-mean - high, -mean + low)

    return ends


def difference(contrast: Contrast, metric: Metric, notes: tuple[Reason, ...] = ()) -> Measured:
    """Return a contrast as what is bounded, counted upwards. Raises LackingError where the rows support no interval."""
    spread, sign = contrast.spread, -1.0 if metric.higher_is_better is False else 1.0
    if spread is None:
        raise LackingError("unsupported", metric=metric.name)
    if not math.isfinite(contrast.delta):
        raise LackingError("no_number", metric=metric.name)

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by its own interval, or by that of a family with equal shares."""
        z = normal_quantile(1 - 2 * alpha)
        found = spread.together(z) if is_shared else spread.interval(z)
        return found if sign > 0 else Interval(-found.high, -found.low)

    return Measured(
        sign * contrast.delta, contrast.n, contrast.n_units, ends, contrast.value_a, contrast.value_b, notes
    )
