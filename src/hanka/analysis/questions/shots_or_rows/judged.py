"""Shots and rows with verdicts: the values of a comparison, its differences as one family judges them, the crossing, the bill.

`ways.py` → **judged** → `ask.py` and `sentences.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hanka.analysis.contrasts import Contrast
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.shots_or_rows.bill import Bill, bill_of
from hanka.analysis.questions.shots_or_rows.crossing import Crossing, crossing_of
from hanka.analysis.questions.shots_or_rows.ways import Comparison, Ways
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.metrics import Metric
from hanka.stats import Family, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A difference with what the family says of it."""

    difference: Measured
    "With its simultaneous interval."
    verdict: Verdict
    "better: the way named first is."


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPoint:
    """A number of rows with everything that is said of it."""

    ways: Ways
    "Its cells."
    base: Measured | None
    "Value of the base without rows."
    shots: Measured | None
    "Value with the rows shown."
    rows: Measured | None
    "Value of what was trained on them."
    both: Measured | None
    "Value of that behind its rows."
    rows_shots: Judged
    "Rows less shots."
    both_shots: Judged | None
    "Both less shots."
    bill: Bill
    "What each way takes."


@dataclass(frozen=True, slots=True, eq=False)
class JudgedCurves:
    """A comparison with its points judged."""

    comparison: Comparison
    "What is compared."
    points: tuple[JudgedPoint, ...]
    "By number of rows, fewest first."
    crossing: Crossing
    "Where the curves are shown to cross."


def family_of(found: Sequence[Comparison]) -> list[Contrast]:
    """Return every difference that is judged, in one family."""
    points = [point for one in found for point in one.points]
    return [one.rows_shots for one in points] + [one.both_shots for one in points if one.both_shots is not None]


def judged_curves(evidence: Evidence, one: Comparison, together: Family) -> JudgedCurves:
    """Judge the points of a comparison and find where its curves cross."""
    points = tuple(_point(evidence, ways, one.metric, together) for ways in one.points)
    verdicts = {point.ways.size: point.rows_shots.verdict for point in points}
    return JudgedCurves(one, points, crossing_of(verdicts))


def _point(evidence: Evidence, ways: Ways, metric: Metric, together: Family) -> JudgedPoint:
    def value(cells: Sequence[CellEvidence]) -> Measured | None:
        return pooled_value(evidence, cells, metric) if cells else None

    def judged(contrast: Contrast) -> Judged:
        found = judgement(evidence, contrast, metric, together)
        return Judged(
            Measured(contrast.delta, found["sim_low"], found["sim_high"], contrast.n), found["verdict"] or "undecided"
        )

    return JudgedPoint(
        ways,
        value(ways.base),
        value(ways.shots),
        value(ways.rows),
        value(ways.both),
        judged(ways.rows_shots),
        judged(ways.both_shots) if ways.both_shots is not None else None,
        bill_of(evidence, ways),
    )
