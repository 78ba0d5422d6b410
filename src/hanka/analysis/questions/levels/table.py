"""Values of arms on test facts by level, with intervals that hold for the whole table.

`judged.py` → **table** → `ask.py`. Accuracy on the facts of each level, the mean over levels as that of a stratified sample (each level its own
spread, two hits and two misses added to it), and the mean divergence of first tokens. Draws add their own variance.
Limits: facts about one subject that lie on several levels count there as independent of each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.answers import FloatArray
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.levels.gathered import Arm, Gathered, Where
from hanka.analysis.questions.levels.judged import Told
from hanka.analysis.values import CellValue, cell_value, pooled_value, unit_means
from hanka.metrics import METRICS, Metric
from hanka.stats import (
    StudentSpread,
    Term,
    degrees_of_freedom,
    equal_shares,
    items_term,
    normal_quantile,
    replicates_term,
    standard_error,
)
from hanka.stats.levels import LEVELS
from hanka.stats.shrinkage import HITS_AND_MISSES


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One arm on one test set."""

    where: Where
    "The test set."
    arm: Arm
    "Who."
    by_level: tuple[Measured | None, ...]
    "Accuracy on the facts of each level; None where there are too few for an interval."
    mean: Measured | None
    "Mean over levels."
    gain: Told | None
    "Against the base."
    tokens: Measured | None
    "Mean divergence of the first token."


def table(evidence: Evidence, found: Gathered, told: Sequence[Told]) -> list[Row]:
    """Return every arm on every test set; intervals of all values hold together."""
    gains = {(one.pair.where, one.pair.one): one for one in told if one.pair.kind == "gain"}
    asked = [(where, arm) for where in found.places() for arm in found.arms(where)]
    n_values = sum(1 + len(found.levels_of(arm.base, where.test)) for where, arm in asked)
    local = equal_shares(n_values, evidence.level).local_level
    rows = []
    for where, arm in asked:
        cells = found.cells[arm, where]
        metric = METRICS.get(evidence.primary(str(cells[0].cell["test_task"])))
        ids = {level: _of_level(found, arm, where, level) for level in found.levels_of(arm.base, where.test)}
        by_level = tuple(
            pooled_value(evidence, cells, metric, ids[level], local) if level in ids else None
            for level in range(LEVELS)
        )
        mean = _mean(evidence, cells, metric, list(ids.values()), local) if ids else None
        rows.append(Row(where, arm, by_level, mean, gains.get((where, arm)), _tokens(found, where, cells, local)))
    return rows


def _of_level(found: Gathered, arm: Arm, where: Where, level: int) -> set[str]:
    return {row for row, own in found.bins[arm.base, where.test].items() if own == level}


def _mean(
    evidence: Evidence, cells: Sequence[CellEvidence], metric: Metric, strata: Sequence[set[str]], level: float
) -> Measured | None:
    """Return the unweighted mean over strata of facts; None where a cell has fewer than two units of one."""
    values: list[list[CellValue]] = []
    for ids in strata:
        own = [one for cell in cells if (one := cell_value(evidence, cell, metric, ids)) is not None]
        if len(own) < len(cells):
            return None
        values.append(own)
    rows: list[FloatArray] = [np.array(list(unit_means(own).values())) for own in values]
    rows = [np.concatenate([one, HITS_AND_MISSES]) if metric.binary else one for one in rows]
    by_seed: dict[int, list[float]] = defaultdict(list)
    for at, cell in enumerate(cells):
        by_seed[int(cell.variant["seed"])].append(float(np.mean([own[at].value for own in values])))
    terms = [items_term(rows, [1 / len(rows)] * len(rows))]
    draws = replicates_term("seeds", [float(np.mean(means)) for means in by_seed.values()])
    value = float(np.mean([one.value for own in values for one in own]))
    return _measured(
        value, [*terms, *([draws] if draws else [])], sum(max(one.n for one in own) for own in values), level, metric
    )


def _tokens(found: Gathered, where: Where, cells: Sequence[CellEvidence], level: float) -> Measured | None:
    """Return the mean divergence over the facts of a test set and over draws; None with fewer than two facts."""
    by_draw: list[dict[str, float]] = []
    for cell in cells:
        known = found.tokens.get(str(cell.variant["id"]), ())
        by_draw.append({name: value for name, value in known if name.startswith(f"{where.test} ")})
    facts = sorted(set().union(*by_draw)) if by_draw else []
    if len(facts) < 2 or not all(by_draw):
        return None
    means = np.array([np.mean([draw[fact] for draw in by_draw if fact in draw]) for fact in facts])
    draws = replicates_term("seeds", [float(np.mean(list(draw.values()))) for draw in by_draw])
    terms = [items_term([means], [1.0]), *([draws] if draws else [])]
    return _measured(float(means.mean()), terms, len(facts), level)


def _measured(value: float, terms: Sequence[Term], n: int, level: float, metric: Metric | None = None) -> Measured:
    """Return a value with its interval, within what the metric can be; a divergence is never below 0."""
    error = standard_error(terms)
    if error == 0:
        return Measured(value, n=n)
    ends = StudentSpread(value, error, degrees_of_freedom(terms)).interval(normal_quantile(level))
    least, most = (metric.low, metric.high) if metric is not None else (0.0, float("inf"))
    return Measured(value, max(ends.low, least), min(ends.high, most), n)
