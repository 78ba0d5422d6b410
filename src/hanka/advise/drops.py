"""How much is lost from in domain to out of domain, by a system alone and beside the base that is prompted.

focus → **drops** → two inputs. In and out of domain are other rows, so the two means are independent and their variances add; within each
the means of units (rows, or groups of rows) are taken, seeds and test sets as everywhere (`stats/components.py`). Of scores that are 0 or
1, a unit of either kind is added to each set before its variance is taken: with all rows right nothing would seem to vary; differences of which
few are any are treated as everywhere (`variance_of_mean`).

Source: Agresti & Caffo (2000), "Simple and effective confidence intervals for proportions and differences of proportions". Limits: the
centre stays the observed difference; a metric without an upper end has no points to lose.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, measured
from hanka.analysis.answers import FloatArray
from hanka.analysis.evidence import CellEvidence
from hanka.stats import (
    LEAST_UNITS,
    Interval,
    Looks,
    NoSpread,
    Spread,
    StudentSpread,
    degrees_of_freedom,
    items_term,
    looked,
    normal_quantile,
    planned_looks,
    replicates_term,
    standard_error,
)


class Units(NamedTuple):
    """What the units of a test set contribute to a mean: their own values of it, whatever cells asked them."""

    test: str
    "Test set."
    seed: Hashable
    "Training seeds behind it."
    value: float
    "The mean."
    keys: Sequence[Hashable]
    "(units,) which unit each is."
    values: FloatArray
    "(units,) their mean is `value`, up to the jackknife's approximation."
    n: int
    "Rows."
    asked: tuple[int, int]
    "Rows asked so far, and rows that can be asked."
    differs: npt.NDArray[np.bool_] | None
    "(units,) whether there is any difference from the base; None where they are no differences."


def drops(focus: Focus) -> dict[str, Given]:
    """Measure `ood_drop` and `drop_gap` where a system was tuned and asked on both sides; {} where not."""
    candidate = focus.candidate
    if candidate is None or not focus.is_in_points:
        return {}
    cells = candidate.cells
    inside, outside = focus.tests(cells, "in_domain"), focus.tests(cells, "out_of_domain")
    if not inside or not outside:
        return {}
    about = f"{names(inside)} → {names(outside)} · {cells.system.label}, {cells.system.size}"
    own = [[_alone(focus, one) for test in tests for one in cells.cells[test]] for tests in (inside, outside)]
    gap = [_against(focus, tests) for tests in (inside, outside)]
    found = {}
    if (drop := _difference(focus, *own)) is not None:
        found["ood_drop"] = _given(drop, about)
    if (gap_found := _difference(focus, *gap)) is not None:
        # The base's drop less: what is gained in domain beyond what is gained outside is what tuning loses more.
        found["drop_gap"] = _given(gap_found, f"{about} – {focus.rival}")
    return found


class _Drop(NamedTuple):
    value: float
    interval: Interval | None
    n: int


def _given(drop: _Drop, about: str) -> Given:
    return measured(drop.value, drop.interval, drop.n, about=about)


def _alone(focus: Focus, cell: CellEvidence) -> Units | None:
    """Return a cell's own values, upwards; None below two units."""
    evidence, metric = focus.evidence, focus.metric
    rows = evidence.rows(cell, metric)
    plan = evidence.resampling(cell, rows.places) if len(rows) else None
    if plan is None:
        return None
    whole = evidence.resampled(rows, np.arange(len(rows)), metric, plan).whole
    keys = dict.fromkeys(rows.samples.units_at(rows.places))
    values = focus.sign * whole.pseudo_values
    return Units(
        cell.cell["test_dataset"], int(cell.variant["seed"]), focus.sign * whole.value, list(keys), values, len(rows), (cell.n_asked, cell.n_most), None
    )  # fmt: skip


def _against(focus: Focus, tests: Sequence[str]) -> list[Units | None]:
    """Return a candidate's differences from the base asked the same, upwards."""
    assert focus.candidate is not None
    found: list[Units | None] = []
    for one in focus.pooling.against(focus.candidate.cells, tests, focus.metric):
        values = focus.sign * one.differences * len(one.differences)
        asked = min(one.cell.n_asked, one.other.n_asked), one.cell.n_most
        seed = int(one.cell.variant["seed"]), int(one.other.variant["seed"])
        delta = focus.sign * one.comparison.delta
        found.append(
            Units(
                one.cell.cell["test_dataset"],
                seed,
                delta,
                one.units.tolist(),
                values,
                one.comparison.n,
                asked,
                one.differs,
            )
        )
    return found


def _difference(focus: Focus, inside: Sequence[Units | None], outside: Sequence[Units | None]) -> _Drop | None:
    """Return the mean inside less the mean outside, test sets of a side counting equally; None where a side has no value."""
    sides = [[one for one in side if one is not None] for side in (inside, outside)]
    if not all(sides):
        return None
    values, weights, n_differing, n, fewest = [], [], [], 0, np.inf
    for side in sides:
        by_set = _by_set(side)
        for members in by_set.values():
            units = _unit_means(members)
            fewest = min(fewest, len(units))
            differing = _n_differing(members)
            is_share = differing is None and focus.metric.binary
            values.append(np.concatenate([units, [focus.sign, 0.0]]) if is_share else units)
            n_differing.append(len(values[-1]) if differing is None else differing)
            weights.append(1.0 / len(by_set))
            n += max(one.n for one in members)
    delta = _mean(sides[0]) - _mean(sides[1])
    terms = [items_term(values, weights, n_differing, focus.metric.high - focus.metric.low)]
    if (seeds := replicates_term("seeds", _by_seed(sides))) is not None:
        terms.append(seeds)
    if fewest < LEAST_UNITS:
        return _Drop(delta, None, n)
    error, span = standard_error(terms), 2 * (focus.metric.high - focus.metric.low)
    spread: Spread = (
        StudentSpread(delta, error, degrees_of_freedom(terms), 0) if error > 0 else NoSpread(span, int(fewest))
    )
    spread = looked(spread, _looks(focus, [one for side in sides for one in side]), span)
    return _Drop(delta, spread.interval(normal_quantile(focus.level)), n)


def _looks(focus: Focus, units: Sequence[Units]) -> Looks | None:
    block = focus.evidence.block
    if block is None:
        return None
    by_set = _by_set(units)
    asked = [min(one.asked[0] for one in members) for members in by_set.values()]
    return planned_looks(asked, [members[0].asked[1] for members in by_set.values()], block)


def _by_set(side: Sequence[Units]) -> Mapping[str, list[Units]]:
    by_set: dict[str, list[Units]] = defaultdict(list)
    for one in side:
        by_set[one.test].append(one)
    return by_set


def _unit_means(members: Sequence[Units]) -> FloatArray:
    """Return the mean value of each unit that any of the cells asked."""
    by_unit: dict[Hashable, list[float]] = defaultdict(list)
    for one in members:
        for key, value in zip(one.keys, one.values.tolist(), strict=True):
            by_unit[key].append(value)
    return np.array([math.fsum(values) / len(values) for values in by_unit.values()])


def _n_differing(members: Sequence[Units]) -> int | None:
    """Return in how many units any pair differs; None where cells are not compared with the base."""
    keys = [
        key
        for one in members
        if one.differs is not None
        for key, differs in zip(one.keys, one.differs, strict=True)
        if differs
    ]
    return None if members[0].differs is None else len(set(keys))


def _mean(side: Sequence[Units]) -> float:
    return float(np.mean([np.mean([one.value for one in members]) for members in _by_set(side).values()]))


def _by_seed(sides: Sequence[Sequence[Units]]) -> list[float]:
    """Return the difference with each training seed that both sides have."""
    shared = [seed for seed in dict.fromkeys(one.seed for one in sides[0]) if any(one.seed == seed for one in sides[1])]
    return [
        _mean([one for one in sides[0] if one.seed == seed]) - _mean([one for one in sides[1] if one.seed == seed])
        for seed in shared
    ]
