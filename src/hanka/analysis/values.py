"""The value of a system over its seeds, prompts and test sets, with an interval: what `contrasts.py` does for differences.

Evidence → **values** → questions. A row's value is averaged over the cells that asked it, test sets count equally,
seeds add their own variance. A metric's rows are its jackknife pseudo-values; for scores of 0 or 1 two hits and two misses are added
to the spread, so that twenty right answers of twenty are no certainty.

Source: Efron & Tibshirani (1993), ch. 11; Agresti & Coull (1998), "Approximate is better than exact", for the added ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.answers import FloatArray
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Measured
from hanka.metrics import Metric
from hanka.stats import (
    Interval,
    StudentSpread,
    degrees_of_freedom,
    items_term,
    normal_quantile,
    replicates_term,
    standard_error,
)
from hanka.stats.shrinkage import HITS_AND_MISSES


@dataclass(frozen=True, slots=True, eq=False)
class CellValue:
    """What one cell has."""

    cell: CellEvidence
    "The cell."
    value: float
    "Of all of its rows."
    units: dict[Hashable, float]
    "Pseudo-value of each independent unit."
    n: int
    "Rows scored."


def pooled_value(
    evidence: Evidence,
    cells: Sequence[CellEvidence],
    metric: Metric,
    among: Collection[str] | None = None,
    level: float | None = None,
) -> Measured | None:
    """Average a metric over cells of one system; None where a cell has fewer than two independent units scored.

    among: ids of the only samples that count; None: all. level: of the interval; None: the study's.
    """
    found = [cell_value(evidence, cell, metric, among) for cell in cells]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    by_set: dict[str, list[CellValue]] = defaultdict(list)
    for one in known:
        by_set[str(one.cell.cell["test_dataset"])].append(one)
    value = balanced(known)
    rows: list[FloatArray] = [np.array(list(unit_means(members).values())) for members in by_set.values()]
    rows = [np.concatenate([one, HITS_AND_MISSES]) if metric.binary else one for one in rows]
    terms = [items_term(rows, [1.0 / len(rows)] * len(rows))]
    by_seed: dict[Hashable, list[CellValue]] = defaultdict(list)
    for one in known:
        by_seed[int(one.cell.variant["seed"])].append(one)
    seeds = replicates_term("seeds", [balanced(members) for members in by_seed.values()])
    terms += [seeds] if seeds else []
    error, n = standard_error(terms), sum(max(one.n for one in members) for members in by_set.values())
    if error == 0:
        return Measured(value, n=n)
    ends = StudentSpread(value, error, degrees_of_freedom(terms)).interval(normal_quantile(level or evidence.level))
    ends = Interval(max(ends.low, metric.low), min(ends.high, metric.high))
    return Measured(value, ends.low, ends.high, n)


def cell_value(
    evidence: Evidence, cell: CellEvidence, metric: Metric, among: Collection[str] | None = None
) -> CellValue | None:
    """Return a cell's value with what each unit has of it; None with fewer than two independent units scored.

    among: ids of the only samples that count; None: all.
    """
    rows = evidence.rows(cell, metric)
    rows = rows if among is None else rows.among(among)
    plan = evidence.resampling(cell, rows.places) if len(rows) else None
    if plan is None:
        return None
    whole = evidence.resampled(rows, np.arange(len(rows)), metric, plan).whole
    keys = rows.samples.units_at(rows.places)
    units: dict[Hashable, float] = dict(zip(dict.fromkeys(keys), whole.pseudo_values.tolist(), strict=True))
    return CellValue(cell, whole.value, units, len(rows))


def unit_means(members: Sequence[CellValue]) -> dict[Hashable, float]:
    """Average each unit of a test set over the cells that asked it."""
    by_unit: dict[Hashable, list[float]] = defaultdict(list)
    for one in members:
        for unit, value in one.units.items():
            by_unit[unit].append(value)
    return {unit: float(np.mean(values)) for unit, values in by_unit.items()}


def balanced(cells: Sequence[CellValue]) -> float:
    """Average over cells within test sets, then over test sets."""
    by_set: dict[str, list[float]] = defaultdict(list)
    for one in cells:
        by_set[str(one.cell.cell["test_dataset"])].append(one.value)
    return float(np.mean([np.mean(values) for values in by_set.values()]))
