"""Every pair of systems on one scene, compared on both scales, and what all intervals together show of each.

Between pooling and the answer. Scales: the gain in domain, and the change elsewhere, upwards. With d the difference of two
systems and m the margin of equivalence that the study declares:

    j beats i      on one scale the interval of d(j, i) lies above 0, and on the other above -m
    i is unbeaten  against every j, the interval of d(i, j) lies above 0 on one scale at least

All contrasts of all scenes are one family (`stats/simultaneous.py`), so what is said of any system holds together with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from hanka.analysis.contrasts import Contrast, Contrasts, judging_interval, margin_of
from hanka.analysis.evidence import CellEvidence
from hanka.analysis.pooling import SystemCells
from hanka.analysis.systems import Scene, Side
from hanka.metrics import METRICS
from hanka.stats import Family, Interval

Cells = Mapping[str, Sequence[CellEvidence]]
"Test set → a system's cells there."
FAMILY = "retention"
"Names the family; it draws its signs."


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """A system that is weighed: an adapted one, or the base model as it is."""

    name: str
    "What tables call it."
    system: SystemCells | None
    "Its cells; None: the base."
    cells: Cells
    "By test set, of the scene."


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One pair on one scale, the first minus the second, upwards."""

    contrast: Contrast
    "Its numbers."
    sign: float
    "Of the contrast in the difference of the first and the second, upwards."
    margin: float
    "Of equivalence."

    @property
    def value(self) -> float:
        """The difference."""
        return self.sign * self.contrast.delta

    def interval(self, family: Family) -> Interval | None:
        """Return the simultaneous interval; None where there are too few rows for one."""
        found = judging_interval(self.contrast, family)
        if found is None or self.sign > 0:
            return found
        return Interval(-found.high, -found.low)


@dataclass(frozen=True, slots=True, eq=False)
class Duel:
    """One pair on both scales."""

    gain: Compared
    "In domain."
    change: Compared
    "Elsewhere."

    def is_won(self, family: Family, by_second: bool) -> bool:
        """Tell whether one of the two is shown to be better on one scale and not worse than the margin on the other."""
        lows = [_low(one, family, by_second) for one in (self.gain, self.change)]
        free = [low > -one.margin for low, one in zip(lows, (self.gain, self.change), strict=True)]
        return any(low > 0 for low in lows) and all(free)

    def is_ahead_somewhere(self, family: Family, second: bool) -> bool:
        """Tell whether one of the two is shown to be better on one scale at least."""
        return any(_low(one, family, second) > 0 for one in (self.gain, self.change))


def _low(one: Compared, family: Family, reverse: bool) -> float:
    """Return the least of the difference, or of the reverse one, that its interval leaves; -inf without one."""
    found = one.interval(family)
    if found is None:
        return float("-inf")
    return -found.high if reverse else found.low


def duels(contrasts: Contrasts, scene: Scene, rivals: Sequence[Rival]) -> dict[tuple[int, int], Duel]:
    """Compare every pair of rivals, the earlier one first; the keys are their places. Pairs that share no rows are left out."""
    found = {}
    for first, second in combinations(range(len(rivals)), 2):
        scales = [
            compared_on(contrasts, side, rivals[first].cells, rivals[second].cells)
            for side in (scene.inside, scene.outside)
        ]
        if scales[0] is not None and scales[1] is not None:
            found[first, second] = Duel(scales[0], scales[1])
    return found


def compared_on(contrasts: Contrasts, side: Side, ours: Cells, theirs: Cells) -> Compared | None:
    """Compare two systems on the test sets of a side, the first minus the second; None where they share no rows of one of them."""
    metric = METRICS.get(side.metric)
    # Seeds and draws are counted on the side that is compared: it has to be the one that has more of them.
    turned = _n_replicates(side, theirs) > _n_replicates(side, ours)
    many, few = (theirs, ours) if turned else (ours, theirs)
    matched = (pair for test in side.tests for pair in _matched(many[test], few[test]))
    pairs = [one for cell, other in matched if (one := contrasts.pair(cell, other, metric)) is not None]
    if {pair.cell.cell["test_dataset"] for pair in pairs} != set(side.tests):
        return None
    contrast = contrasts.pooled(pairs, metric)
    margin = margin_of(contrasts.evidence, metric, "equivalence", contrast.value_a if turned else contrast.value_b)
    return Compared(contrast, -1.0 if turned != (metric.higher_is_better is False) else 1.0, margin)


def _n_replicates(side: Side, cells: Cells) -> tuple[int, int]:
    """Count the seeds and the cells of a system on some test sets."""
    its = [cell for test in side.tests for cell in cells[test]]
    return len({_seed(cell) for cell in its}), len(its)


def _matched(many: Sequence[CellEvidence], few: Sequence[CellEvidence]) -> list[tuple[CellEvidence, CellEvidence]]:
    matched = []
    for cell in many:
        same = [one for one in few if one.cell["prompt"] == cell.cell["prompt"]]
        if same:
            # Stable: among equals the first in the order of the plan.
            other = min(same, key=lambda one: (_seed(one) != _seed(cell), one.cell["draw"] != cell.cell["draw"]))
            matched.append((cell, other))
    return matched


def _seed(cell: CellEvidence) -> int:
    return int(cell.variant["seed"])
