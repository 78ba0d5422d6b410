"""What the paper says, held against the run: held, contradicted or undecided, by the interval alone.

A claim is held where the interval lies on its side, contradicted where it lies on the other, undecided where it holds both; where a run
has nothing to say of it, it is left out. Sizes are those of the run that come nearest: its smallest, its largest.
Source: Ye et al., arXiv 2409.15825, abstract and the follow-up's table 2 and parameter-level analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from hanka.analysis.contrasts import in_units
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.levels.gathered import Where
from hanka.analysis.questions.levels.judged import Told
from hanka.metrics import METRICS

Word: TypeAlias = Literal["held", "contradicted", "undecided"]
POINTS = 0.12
"The choice of the level moves the mean by more than so much."
SHARE = 0.9
"Share of the changes that can be taken back without harm."


class Claim(NamedTuple):
    """One statement of the paper on one test set."""

    key: str
    "few, fewer, choice, restored or diagonal."
    where: Where
    "The test set."
    word: Word
    "What the run says of it."
    difference: Measured
    "By which it is decided."
    told: Told
    "The comparison."


def claims(evidence: Evidence, told: Sequence[Told]) -> list[Claim]:
    """Return what the run says of each statement."""
    found: list[Claim] = []
    for where, base in dict.fromkeys((one.pair.where, one.pair.one.base) for one in told):
        own = [one for one in told if (one.pair.where, one.pair.one.base) == (where, base)]
        found += _of(evidence, where, own)
    return found


def _of(evidence: Evidence, where: Where, told: Sequence[Told]) -> Iterator[Claim]:
    sizes = sorted({one.pair.one.asked for one in told if one.pair.kind == "gain" and one.pair.one.share is None})
    least = [
        one for one in told if one.pair.kind == "gain" and one.pair.one.share is None and one.pair.one.asked == sizes[0]
    ]
    if least:
        best = max(least, key=lambda one: one.difference.value)
        yield Claim("few", where, side(best.difference, 0.0), best.difference, best)
    sized = [one for one in told if one.pair.kind == "sizes" and one.pair.other.asked == sizes[-1]]
    if sized:  # the size before the largest, less the largest
        last = max(sized, key=lambda one: one.pair.one.asked)
        yield Claim("fewer", where, side(last.difference, 0.0), last.difference, last)
    levels = [one for one in told if one.pair.kind == "level"]
    if levels:
        widest = max(levels, key=lambda one: abs(one.difference.value))
        size = turned(widest.difference)
        yield Claim("choice", where, side(size, POINTS), size, widest)
    for one in told:
        if one.pair.kind == "diagonal":
            yield Claim("diagonal", where, side(one.difference, 0.0), one.difference, one)
    back = [
        one
        for one in told
        if one.pair.kind == "restored" and one.pair.one.share is not None and abs(one.pair.one.share - SHARE) < 1e-9
    ]
    for one in back:
        metric = METRICS.get(evidence.primary(_task(evidence, where)))
        margin = in_units(metric, float(evidence.plan["stats"]["harm"]), 0.0)
        yield Claim("restored", where, side(one.difference, -margin), one.difference, one)


def _task(evidence: Evidence, where: Where) -> str:
    return next(
        str(cell.cell["test_task"]) for cell in evidence.cells.values() if cell.cell["test_dataset"] == where.test
    )


def side(difference: Measured, at: float) -> Word:
    """Say on which side of a value an interval lies; undecided where it holds it, or where there is none."""
    if difference.low is None or difference.high is None:
        return "undecided"
    return "held" if difference.low > at else "contradicted" if difference.high < at else "undecided"


def turned(difference: Measured) -> Measured:
    """Return a difference so that it is not negative."""
    if difference.value >= 0:
        return difference
    low, high = (None if end is None else -end for end in (difference.high, difference.low))
    return Measured(-difference.value, low, high, difference.n)
