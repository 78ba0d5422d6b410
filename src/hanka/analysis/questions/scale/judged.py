"""The shape of a ladder, by what simultaneous intervals show of every two of its bases.

`ladder.py` → **judged** → `ask.py`. A step counts as a drop or a rise where its verdict is worse or better (`stats/verdict.py`):

    u               a drop from A to B, and a rise from B to a larger C
    inverted_u      a rise from A to B, and a drop from B to a larger C
    drops           a drop, and no rise from where it ends
    rises           a rise, and no drop: monotone within error
    equal           every two are equivalent within the study's margin
    open            none of these is shown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.scale.ladder import Base, Ladder
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.stats import Family, Verdict

Shape: TypeAlias = Literal["u", "inverted_u", "drops", "rises", "equal", "open"]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Two bases with what is shown of them."""

    smaller: Base
    larger: Base
    difference: Measured
    "Larger less smaller, with its simultaneous interval."
    verdict: Verdict
    "better: the larger is."


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A ladder with its steps judged."""

    ladder: Ladder
    "What was compared."
    values: Mapping[Base, Measured | None]
    "Of every base, with its own interval."
    steps: Mapping[tuple[Base, Base], Step]
    "Of every two bases."
    shape: Shape
    "What they show together."
    telling: tuple[Step, ...]
    "The steps that show it; of several the ones that differ most."

    @property
    def shown(self) -> list[Step]:
        """Return the steps for a table: from each size to the next, from the smallest to the largest, and all that show the shape."""
        bases = list(self.ladder.cells)
        wanted = [*pairwise(bases), (bases[0], bases[-1]), *((one.smaller, one.larger) for one in self.telling)]
        return [self.steps[pair] for pair in dict.fromkeys(wanted)]


def judged(evidence: Evidence, one: Ladder, together: Family) -> Judged:
    """Judge every step of a ladder by its family, and name its shape."""
    steps = {}
    for (smaller, larger), contrast in one.steps.items():
        found = judgement(evidence, contrast, one.metric, together)
        difference = Measured(contrast.delta, found["sim_low"], found["sim_high"], contrast.n)
        steps[smaller, larger] = Step(smaller, larger, difference, found["verdict"] or "undecided")
    values = {base: pooled_value(evidence, cells, one.metric) for base, cells in one.cells.items()}
    return Judged(one, values, steps, *shape_of(list(steps.values())))


def shape_of(steps: Sequence[Step]) -> tuple[Shape, tuple[Step, ...]]:
    """Return the shape that steps show, with those that show it. steps: of every two bases, in any order."""
    drops = [one for one in steps if one.verdict == "worse"]
    rises = [one for one in steps if one.verdict == "better"]
    turns: tuple[tuple[Shape, list[Step], list[Step]], ...] = (("u", drops, rises), ("inverted_u", rises, drops))
    for name, before, after in turns:
        found = [(first, second) for first in before for second in after if first.larger == second.smaller]
        if found:
            return name, max(found, key=lambda pair: min(map(_size, pair)))
    if drops:
        return "drops", (max(drops, key=_size),)
    if rises:
        return "rises", (max(rises, key=_size),)
    return ("equal" if all(one.verdict == "equivalent" for one in steps) else "open"), ()


def _size(step: Step) -> float:
    return abs(step.difference.value)
