"""Contrasts: differences of systems from a rival, with what every row contributed to them.

Between evidence and claims. A contrast is built from cell pairs that share a test set: one pair (a cell against the
base in the same cell), or all that one claim is about: seeds, draws of demonstrations, prompts and test sets. A row's
differences are averaged over the pairs that asked it, test sets count equally, and seeds and draws add their own variance
(`stats/components.py`). Contrasts of a family are judged together, by the rows they share (`stats/simultaneous.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hanka.analysis.answers import FloatArray, Places, Samples, Scored
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.identity import stream
from hanka.metrics import Metric
from hanka.stats import (
    LEAST_UNITS,
    ComparisonSettings,
    Contributions,
    Family,
    Interval,
    Looks,
    NoSpread,
    PairedComparison,
    Spread,
    StudentSpread,
    Term,
    compare_resampled,
    degrees_of_freedom,
    equal_shares,
    family,
    items_term,
    looked,
    planned_looks,
    replicates_term,
    standard_error,
    unit_differences,
)

RowPair = tuple[CellEvidence, CellEvidence]
"A cell and the one it is compared with; both asked the same test set."


@dataclass(frozen=True, slots=True, eq=False)
class PairResult:
    """One cell pair: its comparison, and what the units of the test set contributed."""

    cell: CellEvidence
    other: CellEvidence
    comparison: PairedComparison
    units: Places
    "(units,) places of its units among all of the test set."
    differences: FloatArray
    "(units,) contributions; their sum is the difference."
    differs: npt.NDArray[np.bool_]
    "(units,) whether the two differ there at all."


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A difference with everything a family needs to judge it."""

    delta: float
    "In score units; test sets count equally."
    n: int
    "Rows behind it, each once."
    n_units: int
    "Independent units of the smallest test set."
    n_seeds: int
    "Training seeds behind it, of the side that has more."
    spread: Spread | None
    "What its intervals are made from; None where the rows support none."
    p_value: float
    "Two-sided, not adjusted."
    contributions: tuple[Contributions, ...]
    "By test set."
    terms: tuple[Term, ...] = ()
    "Where its variance comes from; empty for one cell pair."
    discordant: float | None = None
    "Share of rows that one side alone has right, averaged over pairs; None where they tell nothing of the variance: see `_telling`."
    value_a: float = float("nan")
    "Mean value of the system."
    value_b: float = float("nan")
    "Mean value of the rival."
    row_variance: float = 0.0
    "Variance of one row's difference."

    def interval(self, z: float) -> Interval | None:
        """Return the interval whose level a normal quantile says; None where the rows support none."""
        return None if self.spread is None else self.spread.interval(z)

    @property
    def z(self) -> float:
        """Return the difference as a normal quantile."""
        return 0.0 if self.spread is None else self.spread.z


@dataclass(slots=True)
class Contrasts:
    """Builds contrasts of a run; units of a test set are numbered once for all of them."""

    evidence: Evidence
    _units: dict[str, dict[Hashable, int]] = field(default_factory=lambda: defaultdict(dict))
    _placed: dict[tuple[str, Samples, bytes], Places] = field(default_factory=dict)
    _pairs: dict[tuple[str, str, str], PairResult | None] = field(default_factory=dict)

    def pair(self, cell: CellEvidence, other: CellEvidence, metric: Metric) -> PairResult | None:
        """Compare two cells on the rows both have scored, once; None below two independent units."""
        key = (str(cell.cell["id"]), str(other.cell["id"]), metric.name)
        if key not in self._pairs:
            context = self.evidence.context(cell)
            rows = self.evidence.rows(cell, metric, context), self.evidence.rows(other, metric, context)
            self._pairs[key] = self.compared(cell, other, metric, rows)
        return self._pairs[key]

    def compared(
        self, cell: CellEvidence, other: CellEvidence, metric: Metric, rows: tuple[Scored, Scored]
    ) -> PairResult | None:
        """Compare two cells on statistics that are given, ours first; None below two independent units."""
        evidence, (ours, theirs) = self.evidence, rows
        shared = ours.paired(theirs)
        plan = evidence.resampling(cell, shared.places) if len(shared.places) else None
        if plan is None:
            return None
        a = evidence.resampled(ours, shared.first, metric, plan)
        b = evidence.resampled(theirs, shared.second, metric, plan)
        settings = ComparisonSettings(
            metric.binary, evidence.level, metric.span(a.rows, b.rows), metric.is_supported(a.rows),
            self._looks([(cell, other)]),
        )  # fmt: skip
        comparison = compare_resampled(a, b, settings)
        units = self._places_of(cell.cell["test_dataset"], ours.samples, shared.places)
        differs = (a.unit_rows != b.unit_rows).any(axis=1)
        return PairResult(cell, other, comparison, units, unit_differences(a, b), differs)

    def _places_of(self, test: str, samples: Samples, places: Places) -> Places:
        """Number the units of some samples of a test set as they first occur in the run, in the order of their plan."""
        key = (test, samples, places.tobytes())
        if key not in self._placed:
            known = self._units[test]
            self._placed[key] = np.array(
                [known.setdefault(one, len(known)) for one in dict.fromkeys(samples.units_at(places))], dtype=np.int64
            )
        return self._placed[key]

    def of_pair(self, found: PairResult) -> Contrast:
        """Return one cell pair as a contrast."""
        result, test = found.comparison, found.cell.cell["test_dataset"]
        return Contrast(
            result.delta, result.n, result.n_units, 1, result.spread, result.p_value,
            (self._contributions(test, [found], 1.0),), (), _telling(result), result.value_a, result.value_b,
            float(np.var(found.differences * len(found.differences))),
        )  # fmt: skip

    def pooled(self, found: Sequence[PairResult], metric: Metric) -> Contrast:
        """Average cell pairs of one metric over seeds, draws, prompts and test sets. Raises ValueError when there are none."""
        if not found:
            raise ValueError("no cell pairs to pool")
        if len(found) == 1:
            return self.of_pair(found[0])
        by_set: dict[str, list[PairResult]] = defaultdict(list)
        for one in found:
            by_set[one.cell.cell["test_dataset"]].append(one)
        weight = 1.0 / len(by_set)
        parts = tuple(self._contributions(test, members, weight) for test, members in by_set.items())
        rows = [self._rows(part, members, weight) for part, members in zip(parts, by_set.values(), strict=True)]
        delta = _balanced(found, lambda one: one.comparison.delta)
        n_differing = [self._n_differing(members) for members in by_set.values()]
        terms = [items_term(rows, [weight] * len(rows), n_differing, metric.high - metric.low)]
        terms += [
            term
            for source, name in (("seeds", _seed), ("draws", _draw))
            if (term := replicates_term(source, _means_by(found, name)))
        ]
        spread = self._spread(found, delta, terms, metric, rows)
        p_value = spread.p_value if spread else max(one.comparison.p_value for one in found)
        discordant = [share for one in found if (share := _telling(one.comparison)) is not None]
        return Contrast(
            delta,
            sum(max(one.comparison.n for one in members) for members in by_set.values()),
            min(len(one) for one in rows),
            len({_seed(one) for one in found}),
            spread,
            p_value,
            parts,
            tuple(terms),
            float(np.mean(discordant)) if discordant else None,
            _balanced(found, lambda one: one.comparison.value_a),
            _balanced(found, lambda one: one.comparison.value_b),
            float(np.mean([np.var(one, ddof=1) for one in rows])),
        )

    def _spread(
        self,
        found: Sequence[PairResult],
        delta: float,
        terms: Sequence[Term],
        metric: Metric,
        rows: Sequence[FloatArray],
    ) -> Spread | None:
        if any(one.comparison.spread is None for one in found):
            return None
        error, span = standard_error(terms), metric.high - metric.low
        looks = self._looks([(one.cell, one.other) for one in found])
        if error > 0:
            n_units = sum(len(one) for one in rows) if len(terms) == 1 else 0
            return looked(StudentSpread(delta, error, degrees_of_freedom(terms), n_units), looks, span)
        if delta == 0:
            few = min(len(one.units) for one in found)
            return looked(NoSpread(span if np.isfinite(span) else 1.0, few), looks, span)
        return found[0].comparison.spread

    def _looks(self, pairs: Sequence[RowPair]) -> Looks | None:
        """Return the planned looks at some cell pairs, where the study grows until it is decided."""
        block = self.evidence.block
        if block is None:
            return None
        asked: dict[str, list[int]] = defaultdict(list)
        most: dict[str, int] = {}
        for one, other in pairs:
            asked[one.cell["test_dataset"]].append(min(one.n_asked, other.n_asked))
            most[one.cell["test_dataset"]] = one.n_most
        return planned_looks([min(members) for members in asked.values()], list(most.values()), block)

    def _contributions(self, test: str, members: Sequence[PairResult], weight: float) -> Contributions:
        total = np.zeros(len(self._units[test]))
        for one in members:
            np.add.at(total, one.units, one.differences)
        return Contributions(test, total * (weight / len(members)))

    def _rows(self, part: Contributions, members: Sequence[PairResult], weight: float) -> FloatArray:
        """Return the mean difference of each unit that any pair asked, (units,)."""
        places = np.unique(np.concatenate([one.units for one in members]))
        rows: FloatArray = part.values[places] * (len(places) / weight)
        return rows

    def _n_differing(self, members: Sequence[PairResult]) -> int:
        """Return in how many units of a test set any pair differs."""
        return len(np.unique(np.concatenate([one.units[one.differs] for one in members])))

    def judge(self, contrasts: Sequence[Contrast], name: str, n_planned: int = 0) -> Family:
        """Judge contrasts together. name: of the family, which draws its signs.

        n_planned: contrasts that the family may come to hold, where the study grows and not all are in it yet.
        """
        if self.evidence.block is not None:
            return equal_shares(max(n_planned, len(contrasts)), self.evidence.level)
        sizes = {test: len(units) for test, units in self._units.items()}
        whole = [
            [Contributions(part.where, _extended(part.values, sizes[str(part.where)])) for part in one.contributions]
            for one in contrasts
            if one.spread is not None
        ]
        return family(whole, stream(self.evidence.plan["seed"], "family", name), self.evidence.level)


def _extended(values: FloatArray, size: int) -> FloatArray:
    return values if len(values) == size else np.concatenate([values, np.zeros(size - len(values))])


def _telling(result: PairedComparison) -> float | None:
    """Return the share of rows that one side alone has right; None where rows in groups differ, whose variance it does not tell."""
    return result.discordant if result.n_units == result.n or result.discordant == 0 else None


def _seed(one: PairResult) -> Hashable:
    """Return the training seeds of both sides: either may have several where the other has one."""
    return int(one.cell.variant["seed"]), int(one.other.variant["seed"])


def _draw(one: PairResult) -> Hashable:
    """Return the draws of both sides: where one is asked without demonstrations, the other may have several."""
    return int(one.cell.cell["draw"]), int(one.other.cell["draw"])


def _question(one: PairResult) -> Hashable:
    """Return what was asked, and how on both sides, whatever the draw."""
    names = ("test_dataset", "shots", "prompt", "context")
    return tuple(tuple(side.cell.get(name, "") for name in names) for side in (one.cell, one.other))


def _means_by(found: Sequence[PairResult], name: Callable[[PairResult], Hashable]) -> list[float]:
    """Return the mean difference of each seed or draw, test sets counting equally.

    What was not asked with one of them, as zero shots are asked in one draw, takes its own mean there: it is no reason why they differ.
    """
    asked: dict[Hashable, list[PairResult]] = defaultdict(list)
    for one in found:
        asked[_question(one)].append(one)
    means = []
    for level in dict.fromkeys(map(name, found)):
        by_set: dict[str, list[float]] = defaultdict(list)
        for members in asked.values():
            known = [one for one in members if name(one) == level] or members
            by_set[members[0].cell.cell["test_dataset"]].append(_balanced(known, lambda one: one.comparison.delta))
        means.append(float(np.mean([np.mean(values) for values in by_set.values()])))
    return means


def _balanced(found: Iterable[PairResult], value: Callable[[PairResult], float]) -> float:
    """Average over pairs within test sets, then over test sets."""
    by_set: dict[str, list[float]] = defaultdict(list)
    for one in found:
        by_set[one.cell.cell["test_dataset"]].append(value(one))
    return float(np.mean([np.mean(values) for values in by_set.values()]))


def judging_interval(contrast: Contrast, together: Family) -> Interval | None:
    """Return the interval that a verdict rests on; None below LEAST_UNITS, where nothing is judged."""
    if contrast.spread is None or contrast.n_units < LEAST_UNITS:
        return None
    return contrast.spread.together(together.critical)


def margin_of(evidence: Evidence, metric: Metric, kind: str, value: float) -> float:
    """Return a declared margin in the metric's units: a share of the base's value where the metric has no upper end.

    kind: equivalence, harm or worthwhile. value: of the base model.
    """
    return in_units(metric, float(evidence.plan["stats"][kind]), value)


def in_units(metric: Metric, share: float, value: float) -> float:
    """Return a margin in a metric's units: as it is, or as a share of a value where the metric has no upper end."""
    return share if np.isfinite(metric.high) else share * abs(value)
