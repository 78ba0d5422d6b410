"""Does the count go with what is forgotten, and does it say more than the size of the change alone?

Rank correlations over the variants of a scene: of the count, of its excess over random changes, and of the size of the change, each with
forgetting, and of the count with the gain in domain; and by how much the count goes with forgetting better than the size does. The intervals
of all of them hold together (equal shares), and take variants as units and their values as exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.intruders.units import Stage, Unit
from hanka.analysis.systems import Scene
from hanka.identity import stream
from hanka.stats import RankCorrelation, RankDifference, equal_shares, rank_correlation, rank_difference
from hanka.stats.rank import FEWEST

DIGITS = 12
"Decimals at which two variants tie: means over test sets differ by rounding beyond."
OF_EACH = 5
"Numbers of a scene that hold together with those of all others."

Found: TypeAlias = RankCorrelation | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """What goes with what on a scene."""

    scene: Scene
    "What variants are weighed on."
    n: int
    "Variants with a count."
    count: Found
    "Intruders and forgetting; None where there are too few variants, or one side does not vary."
    excess: Found
    "Their excess over random changes, and forgetting."
    size: Found
    "The size of the change, and forgetting."
    beyond: RankDifference | None
    "The first less the third."
    gain: Found
    "Intruders and the gain in domain."

    @property
    def is_constant(self) -> bool:
        """Tell whether there would be enough variants, had they not all the same count or the same forgetting."""
        return self.n >= FEWEST and self.count is None


def predicted(evidence: Evidence, stages: Sequence[Stage]) -> list[Predicted]:
    """Correlate on every scene that has variants with counts."""
    known = [(stage.scene, [unit for unit in stage.units if unit.counts is not None]) for stage in stages]
    known = [(scene, units) for scene, units in known if units]
    level = equal_shares(OF_EACH * sum(len(units) >= FEWEST for _, units in known), evidence.level).local_level
    return [_predicted(evidence, scene, units, level) for scene, units in known]


def _predicted(evidence: Evidence, scene: Scene, units: Sequence[Unit], level: float) -> Predicted:
    counts = [unit.counts for unit in units if unit.counts is not None]
    count, size = [one.intruders for one in counts], [one.relative_change for one in counts]
    excess = [one.intruders - one.null for one in counts]
    lost = [-round(unit.from_base.outside.value, DIGITS) for unit in units]
    gain = [round(unit.from_base.inside.value, DIGITS) for unit in units]

    def together(x: Sequence[float], y: Sequence[float], name: str) -> Found:
        if len(x) < FEWEST or len(set(x)) < 2 or len(set(y)) < 2:
            return None
        rng = stream(evidence.plan["seed"], "intruders", name, *map(str, scene))
        return rank_correlation(x, y, rng, level, _resamples(evidence))

    beyond = None
    if len(units) >= FEWEST and min(len(set(count)), len(set(size)), len(set(lost))) > 1:
        rng = stream(evidence.plan["seed"], "intruders", "beyond size", *map(str, scene))
        beyond = rank_difference((count, size), lost, rng, level, _resamples(evidence))
    return Predicted(
        scene, len(units), together(count, lost, "count"), together(excess, lost, "excess"), together(size, lost, "size"), beyond,
        together(count, gain, "gain"),
    )  # fmt: skip


def _resamples(evidence: Evidence) -> int:
    return int(evidence.plan["stats"]["resamples"])
