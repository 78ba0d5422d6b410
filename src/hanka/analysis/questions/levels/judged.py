"""Differences of arms on test facts by level, all of them one family.

`gathered.py` → **judged** → `claims.py` and `sentences.py`. Every difference is of means over levels (`means.py`) on the same facts and the same
draws: an arm against its base, levels at one size, sizes of one level, a variant with weights put back against the one without; and on the
facts of its own level an arm against the arms of the other levels ("diagonal").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple, TypeAlias

from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.levels.gathered import Arm, Gathered, Where
from hanka.analysis.questions.levels.means import LevelRows, over_levels
from hanka.analysis.summary import judgement
from hanka.metrics import METRICS, Metric
from hanka.stats import Family

FAMILY = "levels"
Kind: TypeAlias = Literal["gain", "level", "size", "sizes", "diagonal", "restored"]
"""Against the base; one level against another; one size against another, of one level or of all; own level against others; against what
had no weights put back."""


class Pair(NamedTuple):
    """A difference that is judged."""

    kind: Kind
    "What it says."
    where: Where
    "On which test set."
    one: Arm
    "The first side; of `sizes` and `diagonal` any of several."
    other: Arm
    "The second."


class Told(NamedTuple):
    """A difference, judged."""

    pair: Pair
    "Of what."
    difference: Measured
    "First less second, with the simultaneous interval."
    verdict: str
    "By the product's one rule."


class Comparing:
    """Builds and judges the differences of one run."""

    def __init__(self, contrasts: Contrasts, found: Gathered) -> None:
        self.contrasts, self.found = contrasts, found
        self.rows = LevelRows(contrasts.evidence, found.bins)

    def metric(self, where: Where) -> Metric:
        """Return the primary metric of a test set's task."""
        evidence = self.contrasts.evidence
        (cell, *_) = next(cells for (_, place), cells in self.found.cells.items() if place == where)
        return METRICS.get(evidence.primary(str(cell.cell["test_task"])))

    def told(self) -> list[Told]:
        """Judge every difference that the run supports, all together."""
        built = [(pair, contrast) for pair in self._wanted() if (contrast := self._contrast(pair)) is not None]
        together = self.contrasts.judge([contrast for _, contrast in built], FAMILY)
        return [self._judged(pair, contrast, together) for pair, contrast in built]

    def _judged(self, pair: Pair, contrast: Contrast, together: Family) -> Told:
        metric = over_levels(self.metric(pair.where))
        said = judgement(self.contrasts.evidence, contrast, metric, together)
        return Told(pair, Measured(contrast.delta, said["sim_low"], said["sim_high"], contrast.n), str(said["verdict"]))

    def _wanted(self) -> Iterator[Pair]:
        for where in self.found.places():
            arms = self.found.arms(where)
            bases = {arm.base: arm for arm in arms if arm.level is None}
            trained = [arm for arm in arms if arm.level is not None and arm.share is None]
            yield from (
                Pair("gain", where, arm, bases[arm.base]) for arm in arms if arm.level is not None and arm.base in bases
            )
            for one, other in combinations(trained, 2):
                if one[:2] == other[:2] and one.asked == other.asked:
                    yield Pair("level", where, one, other)
                elif one[:2] == other[:2] and one.level == other.level:
                    yield Pair("size", where, one, other)
            for label, sizes in _sizes(trained).items():
                firsts = {size: next(arm for arm in trained if (arm[:2], arm.asked) == (label, size)) for size in sizes}
                yield from (Pair("sizes", where, firsts[a], firsts[b]) for a, b in combinations(sizes, 2))
                yield from (Pair("diagonal", where, firsts[size], firsts[size]) for size in sizes)
            for arm in arms:
                whole = next(
                    (one for one in trained if arm.share is not None and self._is_parent(where, one, arm)), None
                )
                if whole is not None:
                    yield Pair("restored", where, arm, whole)

    def _is_parent(self, where: Where, whole: Arm, arm: Arm) -> bool:
        ids = {str(cell.variant["id"]) for cell in self.found.cells[whole, where]}
        return any(self.found.parents.get(str(cell.variant["id"])) in ids for cell in self.found.cells[arm, where])

    def _contrast(self, pair: Pair) -> Contrast | None:
        """Build a difference; None where a pair of cells supports none."""
        metric = over_levels(self.metric(pair.where))
        sides = list(self._sides(pair))
        made = [self._compared(one, other, metric, levels) for one, other, levels in sides]
        whole = [one for one in made if one is not None]
        return self.contrasts.pooled(whole, metric) if whole and len(whole) == len(made) else None

    def _sides(self, pair: Pair) -> Iterator[tuple[CellEvidence, CellEvidence, Sequence[int]]]:
        """Yield the cells that a difference is between, and the levels of the facts it is about."""
        cells, where = self.found.cells, pair.where
        levels = self.found.levels_of(pair.one.base, where.test)
        if pair.kind in ("sizes", "diagonal"):
            arms = [
                arm
                for arm in self.found.arms(where)
                if arm[:2] == pair.one[:2] and arm.level is not None and arm.share is None
            ]
            for one in arms:
                for other in arms:
                    if pair.kind == "sizes" and (one.asked, other.asked, one.level) == (
                        pair.one.asked,
                        pair.other.asked,
                        other.level,
                    ):
                        yield from ((a, b, levels) for a, b in _same_draws(cells[one, where], cells[other, where]))
                    own = (
                        pair.kind == "diagonal"
                        and one.asked == other.asked == pair.one.asked
                        and one.level != other.level
                    )
                    if own and one.level in levels:
                        yield from (
                            (a, b, [one.level])
                            for a, b in _same_draws(cells[one, where], cells[other, where])
                            if one.level is not None
                        )
        else:
            yield from ((a, b, levels) for a, b in _same_draws(cells[pair.one, where], cells[pair.other, where]))

    def _compared(
        self, one: CellEvidence, other: CellEvidence, metric: Metric, levels: Sequence[int]
    ) -> PairResult | None:
        if not levels:
            return None
        primary = METRICS.get(self.contrasts.evidence.primary(str(one.cell["test_task"])))
        both = self.rows.of(one, primary, levels), self.rows.of(other, primary, levels)
        return self.contrasts.compared(one, other, metric, both)


def _sizes(arms: Sequence[Arm]) -> dict[tuple[str, str], list[int]]:
    """Return the sizes of each entry that makes several arms, ascending."""
    found: dict[tuple[str, str], set[int]] = {}
    for arm in arms:
        found.setdefault((arm.base, arm.label), set()).add(arm.asked)
    return {label: sorted(sizes) for label, sizes in found.items()}


def _same_draws(
    ones: Sequence[CellEvidence], others: Sequence[CellEvidence]
) -> Iterator[tuple[CellEvidence, CellEvidence]]:
    """Pair cells of one draw; a base, which has no draws, is beside each."""
    for one in ones:
        yield from (
            (one, other)
            for other in others
            if other.is_unadapted or int(other.variant["seed"]) == int(one.variant["seed"])
        )
