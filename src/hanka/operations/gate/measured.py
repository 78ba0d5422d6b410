"""What a rule is judged on: a number with ends at any level, or the reason why there is none; and the values of metrics.

Between places and checks. Values of right-or-wrong metrics have exact ends (Clopper & Pearson; Korn & Graubard for rows in groups),
because Wilson's miss a share near 0 or 1 too often for a promise; other metrics the bootstrap's. In a study that grows, values are
bounded at an equal share of alpha per look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from hanka.analysis.answers import Scored
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.errors import StoreError
from hanka.metrics import METRICS, Metric
from hanka.operations.gate.places import Place
from hanka.stats import (
    LEAST_UNITS,
    Interval,
    NoSpread,
    estimate_resampled,
    exact_clustered_interval,
    exact_interval,
    normal_quantile,
)
from hanka.stats.resampling import cluster_units

Named: TypeAlias = Mapping[str, str | int | float]


class Reason(NamedTuple):
    """Why there is no evidence, or what has to be known of it: a sentence of the word files with its names."""

    key: str
    "Key of the sentence, without its prefix."
    names: Named
    "What is set into it."


class LackingError(Exception):
    """There is no evidence; never a pass. Becomes the reason of an inconclusive check."""

    def __init__(self, key: str, **names: str | int | float) -> None:
        super().__init__(key)
        self.reason = Reason(key, names)


class Ends(Protocol):
    """Gives both one-sided bounds at a level."""

    def __call__(self, alpha: float, is_shared: bool) -> Interval:
        """Return low and high, each wrong in at most alpha; is_shared: alpha is a share of a family's."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A number that can be bounded."""

    estimate: float
    "What is bounded: a value, or a difference counted upwards (more is better)."
    n: int
    "Rows behind it."
    n_units: int
    "Independent rows or groups of the smallest test set."
    ends: Ends
    "Its one-sided bounds."
    own: float | None = None
    "The candidate's value behind a difference."
    other: float | None = None
    "The other side's."
    notes: tuple[Reason, ...] = ()
    "What has to be known of it."
    rows_for: Callable[[float, float], int | None] = field(default=lambda distance, alpha: None)
    "Rows per test set that would show a distance from the limit as large as was seen, one-sided at alpha; None: not known."


def require_rows(n: int, n_units: int, least: int) -> None:
    """Raise LackingError below the rows that a policy asks for, or below the units that statistics need."""
    if n < least:
        raise LackingError("few_rows", n=n, least=least)
    if n_units < LEAST_UNITS:
        raise LackingError("few_units", n=n_units, least=LEAST_UNITS)


def metric_at(evidence: Evidence, cell: CellEvidence, name: str) -> Metric:
    """Return a metric of a cell's task, the primary one without a name. Raises LackingError where it has no value there."""
    task = str(cell.cell["test_task"])
    wanted = name or evidence.primary(task)
    if wanted not in evidence.task(task)["metrics"] or METRICS.get(wanted).missing(evidence.context(cell)):
        raise LackingError("not_measured", metric=wanted)
    return METRICS.get(wanted)


def require_done(cell: CellEvidence | None, title: str) -> CellEvidence:
    """Return a cell with answers. Raises LackingError where it was not asked, or has none."""
    if cell is None:
        raise LackingError("no_cell", system=title)
    if not cell.is_done:
        why = str(cell.record.get("reason") or "")
        raise LackingError("cell_failed" if why else "not_done", system=title, **({"why": why} if why else {}))
    return cell


def scored(
    evidence: Evidence, cell: CellEvidence, metric: Metric, kept: Collection[str] | None, most_missing: float
) -> Scored:
    """Return a metric's rows of a cell, of a slice where one is given. Raises LackingError where they are no evidence."""
    try:
        rows = evidence.rows(cell, metric)
    except StoreError as error:
        raise LackingError("unreadable", why=str(error)) from None
    asked = len(rows.samples.ids) if kept is None else sum(one in kept for one in rows.samples.ids)
    found = rows if kept is None else rows.among(kept)
    if not len(found):
        raise LackingError("no_rows")
    if not np.isfinite(found.statistics).all():
        raise LackingError("no_number", metric=metric.name)
    require_answers(asked - len(found), asked, most_missing)
    return found


def require_answers(n_missing: int, n_asked: int, most: float) -> None:
    """Raise LackingError where too many rows have no answer: those that are there may be the easy ones."""
    if n_missing > most * n_asked:
        raise LackingError("missing_answers", n=n_missing, asked=n_asked, most=f"{most:.0%}")


def value_of(evidence: Evidence, place: Place, metric_name: str, title: str, most_missing: float) -> Measured:
    """Return the candidate's value at a place. Raises LackingError."""
    cell = require_done(place.cell, title)
    metric = metric_at(evidence, cell, metric_name)
    rows = scored(evidence, cell, metric, place.rows, most_missing)
    looks = n_looks(evidence, cell)
    if metric.binary:
        return share([bool(one) for one in rows.statistics[:, 0]], rows.samples.groups_at(rows.places), looks)
    plan = evidence.resampling(cell, rows.places)
    if plan is None:
        raise LackingError("few_units", n=1, least=LEAST_UNITS)
    sample = evidence.resampled(rows, np.arange(len(rows)), metric, plan)
    if not metric.is_supported(sample.rows):
        raise LackingError("unsupported", metric=metric.name)
    value = float(sample.whole.value)
    if not math.isfinite(value):
        raise LackingError("no_number", metric=metric.name)
    hidden = None
    if float(np.ptp(sample.replicates)) == 0:
        span = metric.span(sample.rows)
        if not span:
            raise LackingError("unsupported", metric=metric.name)
        hidden = NoSpread(span, plan.n_units)

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by the bootstrap; where no row varies, by what so many could have hidden."""
        del is_shared
        level = 1 - 2 * alpha / looks
        if hidden is not None:
            half = hidden.interval(normal_quantile(level)).high
            return Interval(max(metric.low, value - half), min(metric.high, value + half))
        found = estimate_resampled(sample, False, level)
        assert found.low is not None
        assert found.high is not None
        return Interval(found.low, found.high)

    return Measured(value, plan.n, plan.n_units, ends, own=value)


def n_looks(evidence: Evidence, cell: CellEvidence) -> int:
    """Return how often a cell may be looked at while it grows; 1 where all rows are asked at once."""
    return 1 if evidence.block is None else max(1, math.ceil(cell.n_most / evidence.block))


def share(flags: Sequence[bool], groups: Sequence[str] = (), looks: int = 1) -> Measured:
    """Return a share of rows with exact bounds; rows of a group are no independent trials. Raises LackingError without rows."""
    if not flags:
        raise LackingError("no_rows")
    n, hits = len(flags), np.asarray(flags, dtype=np.float64)
    units = cluster_units(groups if any(groups) else [""] * n, n)
    right, sizes = np.bincount(units, weights=hits), np.bincount(units).astype(np.float64)
    if len(sizes) < n and len(sizes) < LEAST_UNITS:
        raise LackingError("few_units", n=len(sizes), least=LEAST_UNITS)

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it exactly."""
        del is_shared
        level = 1 - 2 * alpha / looks
        if len(sizes) < n:
            return exact_clustered_interval(right, sizes, level)
        return exact_interval(float(right.sum()), n, level)

    value = float(hits.mean())
    return Measured(value, n, len(sizes), ends, own=value)
