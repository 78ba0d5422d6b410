"""Rows before and after a change, system by system: what is compared when one asks how brittle a system is.

Evidence → **pairs** → `judged.py`. A changed row has the id of the row it came from, so the cell of a changed test set is paired row by row with
the cell of its source that was asked the same. Three differences are built of that: the loss (before less after), the loss beyond that of base
(four cells, one row at a time), and, where no right answer is left, what is scored above the best constant answer.
Limits: of a constant answer the best label is taken on the very rows, so that it is never too low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from hanka.analysis.answers import FloatArray, Scored
from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, asked_of, system_of
from hanka.analysis.stored_rows import read_rows
from hanka.metrics import METRICS, Metric, Outputs

FAILED = "failed"


class Who(NamedTuple):
    """A system as it was asked, whatever its seeds."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    dataset: str
    "What it was trained on; empty for a base as it is."
    size: int
    "Training rows."
    asked: Asked
    "What stood before a query."


class Sides(NamedTuple):
    """A cell of a test set and that of its changed copy, asked the same."""

    before: CellEvidence
    after: CellEvidence


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One system on one change."""

    change: str
    "Name of the changed test set."
    declared: Mapping[str, Any]
    "What the plan says of it."
    who: Who
    "The system."
    is_base: bool
    "Whether nothing was adapted."
    metric: Metric
    "The primary one of the task."
    sides: tuple[Sides, ...]
    "Its cells: one for each seed, prompt and draw."
    shared: frozenset[str]
    "Ids of the rows scored on both sides."
    loss: Contrast
    "Before less after."
    excess: Contrast | None
    "Its loss less that of base; None for a base, and where base was not asked the same."
    above: Contrast | None
    "After less the best constant answer, where no right answer is left; else None."


def compared(evidence: Evidence, contrasts: Contrasts) -> tuple[list[Compared], list[str]]:
    """Return every system on every change, in the order of the plan, and the names of changes that nobody could be compared on."""
    found: list[Compared] = []
    nothing: list[str] = []
    cells = {_key(cell): cell for cell in evidence.done()}
    for name, declared in (evidence.plan.get("perturbed") or {}).items():
        own = [
            one
            for who, sides in _by_system(evidence, cells, name, declared).items()
            if (one := _compared(contrasts, cells, (name, declared, who), sides)) is not None
        ]
        found += own
        nothing += [] if own else [name]
    return found, nothing


Key = tuple[str, str, tuple[Any, ...]]
"Variant, test set and asking."


def _key(cell: CellEvidence, test: str = "") -> Key:
    return str(cell.variant["id"]), test or str(cell.cell["test_dataset"]), cell.asking


def _by_system(
    evidence: Evidence, cells: Mapping[Key, CellEvidence], name: str, declared: Mapping[str, Any]
) -> dict[Who, list[Sides]]:
    """Gather the cell pairs of each system at the asking nearest to how it was trained; of bases at every asking."""
    every: dict[Who, list[Sides]] = defaultdict(list)
    for cell in evidence.done():
        before = cells.get(_key(cell, str(declared["of"])))
        if cell.cell["test_dataset"] == name and before is not None:
            every[_who(cell)].append(Sides(before, cell))
    meant: dict[tuple[Any, ...], Who] = {}
    for who, sides in every.items():
        known = meant.setdefault(tuple(who[:-1]), who)
        if _distance(evidence, sides[0].after) < _distance(evidence, every[known][0].after):
            meant[tuple(who[:-1])] = who
    return {who: sides for who, sides in every.items() if sides[0].after.is_unadapted or meant[tuple(who[:-1])] == who}


def _who(cell: CellEvidence) -> Who:
    system = system_of(cell.variant)
    return Who(system.base, system.label, system.dataset, system.size, asked_of(cell))


def _distance(evidence: Evidence, cell: CellEvidence) -> tuple[Any, ...]:
    """Return how far an asking is from how a variant was trained; of equals the first."""
    wanted = int(cell.variant["meant_shots"])
    return (abs(int(cell.cell["shots"]) - wanted), *evidence.order(cell.asking))


def _compared(
    contrasts: Contrasts,
    cells: Mapping[Key, CellEvidence],
    what: tuple[str, Mapping[str, Any], Who],
    sides: list[Sides],
) -> Compared | None:
    evidence, (name, declared, who) = contrasts.evidence, what
    metric = METRICS.get(evidence.primary(str(sides[0].after.cell["test_task"])))
    if metric.higher_is_better is None:
        return None
    pairs = _found(contrasts.pair(one.before, one.after, metric) for one in sides)
    if len(pairs) < len(sides):
        return None
    is_base = sides[0].after.is_unadapted
    ids = {
        rows.samples.ids[place]
        for one in sides
        for rows in [evidence.rows(one.before, metric)]
        for place in rows.paired(evidence.rows(one.after, metric)).places
    }
    return Compared(
        name, declared, who, is_base, metric, tuple(sides), frozenset(ids), contrasts.pooled(pairs, metric),
        None if is_base else _excess(contrasts, cells, sides, metric),
        _above(contrasts, sides, metric) if declared["expects"] == "none" else None,
    )  # fmt: skip


def _found(pairs: Iterator[PairResult | None]) -> list[PairResult]:
    return [one for one in pairs if one is not None]


# ---- the loss beyond that of base


def loss_metric(metric: Metric) -> Metric:
    """Return a metric of rows before and after side by side whose value is the loss: before less after."""
    first, span = metric.aggregate, metric.high - metric.low

    def aggregate(sums: FloatArray, n: FloatArray) -> FloatArray:
        half = sums.shape[-1] // 2
        return first(sums[..., :half], n) - first(sums[..., half:], n)

    def support(sums: FloatArray) -> float:
        assert metric.support is not None
        half = len(sums) // 2
        return min(metric.support(sums[:half]), metric.support(sums[half:]))

    return replace(
        metric, name=f"{metric.name}_loss", aggregate=aggregate, binary=False, low=-span, high=span,
        support=None if metric.support is None else support,
    )  # fmt: skip


def side_by_side(evidence: Evidence, sides: Sides, metric: Metric) -> Scored:
    """Return the statistics of the rows scored on both sides, before and after beside each other."""
    before, after = evidence.rows(sides.before, metric), evidence.rows(sides.after, metric)
    shared = before.paired(after)
    joined = np.hstack([before.statistics[shared.first], after.statistics[shared.second]])
    return Scored(before.samples, shared.places, joined)


def _excess(
    contrasts: Contrasts, cells: Mapping[Key, CellEvidence], sides: Sequence[Sides], metric: Metric
) -> Contrast | None:
    """Compare losses row by row with those of the base asked the same; None where it was not."""
    evidence, loss = contrasts.evidence, loss_metric(metric)
    known: dict[tuple[str, str], Scored] = {}

    def rows(one: Sides) -> Scored:
        key = str(one.before.cell["id"]), str(one.after.cell["id"])
        if key not in known:
            known[key] = side_by_side(evidence, one, metric)
        return known[key]

    pairs = []
    for one in sides:
        before, after = evidence.base_of(one.before), evidence.base_of(one.after)
        if before is None or after is None or not (before.is_done and after.is_done):
            return None
        base = Sides(before, after)
        pairs.append(contrasts.compared(one.before, before, loss, (rows(one), rows(base))))
    found = _found(iter(pairs))
    return contrasts.pooled(found, loss) if len(found) == len(sides) else None


# ---- what is scored without the text that decides


def _above(contrasts: Contrasts, sides: Sequence[Sides], metric: Metric) -> Contrast | None:
    """Compare answers with the best constant one; None where labels do not say what is constant."""
    evidence = contrasts.evidence
    labels = tuple(evidence.task(str(sides[0].after.cell["test_task"]))["labels"])
    if not labels or not set(metric.reads) <= {"targets", "answers"}:
        return None
    pairs = []
    for one in sides:
        constant = best_constant(evidence, one.after, metric, labels)
        if constant is None:
            return None
        pairs.append(contrasts.compared(one.after, one.after, metric, (evidence.rows(one.after, metric), constant)))
    found = _found(iter(pairs))
    return contrasts.pooled(found, metric) if len(found) == len(sides) else None


def best_constant(evidence: Evidence, cell: CellEvidence, metric: Metric, labels: Sequence[str]) -> Scored | None:
    """Score every label given to all rows that did not fail, and return the best one; None without such a row."""
    rows = evidence.rows(cell, metric)
    targets = [row.target for row in read_rows(evidence, cell).rows if row.status != FAILED]
    if not targets or len(targets) != len(rows):
        return None
    context = evidence.context(cell)
    scored = [metric.statistics(Outputs(targets=targets, answers=[label] * len(targets)), context) for label in labels]
    values = [metric.value(one) for one in scored]
    best = int(np.argmax(values) if metric.higher_is_better else np.argmin(values))
    return Scored(rows.samples, rows.places, scored[best])
