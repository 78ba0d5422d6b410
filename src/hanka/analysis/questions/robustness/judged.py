"""Losses with verdicts: all differences of the answer are one family, so that their intervals hold together.

`pairs.py` → **judged** → `ask.py` and `sentences.py`. Differences are turned so that more is worse for a loss, whatever the metric's direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hanka.analysis.contrasts import Contrast
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.robustness.pairs import Compared
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.metrics import Metric
from hanka.stats import Family

Word: TypeAlias = Literal[
    "loses", "gains", "holds", "more", "less", "alike", "above", "below", "constant", "leaning", "open"
]
LOSS: dict[str, Word] = {"better": "loses", "worse": "gains", "equivalent": "holds"}
EXCESS: dict[str, Word] = {"better": "more", "worse": "less", "equivalent": "alike"}
ABOVE: dict[str, Word] = {"better": "above", "worse": "below", "equivalent": "constant"}
"Verdict on a difference, in which the first side is better → what it means here."


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A difference with its simultaneous interval and what the family says of it."""

    difference: Measured
    "Turned so that its words hold: a loss, more brittle, above a constant answer are positive."
    word: Word
    "In a word."


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One system on one change, judged."""

    compared: Compared
    "Its cells and differences."
    before: Measured | None
    "Value on the rows that were changed, as they stand in the data."
    after: Measured | None
    "Value on the changed ones."
    loss: Judged
    "Before less after."
    excess: Judged | None
    "More than base."
    above: Judged | None
    "Above the best constant answer."


def contrasts_of(found: Sequence[Compared]) -> list[Contrast]:
    """Return every difference that is judged, in one family."""
    return [contrast for one in found for contrast in (one.loss, one.excess, one.above) if contrast is not None]


def told(evidence: Evidence, one: Compared, together: Family) -> Told:
    """Judge one system on one change."""
    return Told(
        one,
        pooled_value(evidence, [side.before for side in one.sides], one.metric, one.shared),
        pooled_value(evidence, [side.after for side in one.sides], one.metric, one.shared),
        _judged(evidence, one.loss, one.metric, together, LOSS),
        None if one.excess is None else _judged(evidence, one.excess, one.metric, together, EXCESS),
        None if one.above is None else _judged(evidence, one.above, one.metric, together, ABOVE),
    )


def _judged(evidence: Evidence, contrast: Contrast, metric: Metric, together: Family, words: dict[str, Word]) -> Judged:
    found = judgement(evidence, contrast, metric, together)
    sign = 1.0 if metric.higher_is_better else -1.0
    ends = [None if found[name] is None else sign * found[name] for name in ("sim_low", "sim_high")]
    low, high = ends if sign > 0 else ends[::-1]
    other: Word = "leaning" if found["verdict"] == "leaning" else "open"
    return Judged(Measured(sign * contrast.delta, low, high, contrast.n), words.get(found["verdict"], other))
