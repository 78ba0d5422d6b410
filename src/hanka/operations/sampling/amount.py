"""How many rows to label: for a difference that is to be found, or because a learning curve says that more are worth it.

Two plans. Test rows: as many as find a true difference of a margin between two systems that answer the same rows (`stats.power`),
times what unequal weights cost. Training rows: from a run's learning curve (`analysis.learning`), one more doubling where it is not
sure to gain less than a point, else none; or as many as reach a wanted value. A curve that carries no law carries no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.contrasts import in_units
from hanka.analysis.evidence import Evidence
from hanka.analysis.learning import LearningCurve, learning_curves
from hanka.analysis.questions.how_much.sentences import proposed, title
from hanka.errors import DataError, HankaError, nearest
from hanka.metrics import Metric
from hanka.operations.sampling.draw import Design, Sample, draw
from hanka.operations.sampling.pool import Pool
from hanka.stats import rows_to_show
from hanka.stats.extrapolation import (
    ONE_POINT,
    SURE,
    Needed,
    Predicted,
    gain_of_doubling,
    next_is_small,
    rows_to_reach,
    value_at,
)

DISCORDANT = 0.2
"Share of rows that one of two systems alone has right, where nobody said: two fine-tuned classifiers differ on fewer, a base on more."
ROUNDS = 8
"Times a sample is drawn anew until its weights are paid for."


@dataclass(frozen=True, slots=True)
class Margin:
    """A difference that is to be found."""

    difference: float
    "In score units, such as 0.03."
    discordant: float = DISCORDANT
    "Share of rows that one side alone has right."
    power: float = 0.8
    "With which it is to be found."
    level: float = 0.95
    "Of the interval that is to exclude 0."

    @property
    def rows(self) -> int:
        """Return how many independent rows find it. Raises DataError for numbers that make no plan."""
        if not 0 < self.difference < 1:
            raise DataError(f"--margin {self.difference:g}: between 0 and 1, such as 0.03 for three points")
        if not self.difference <= self.discordant <= 1:
            raise DataError(
                f"--discordant {self.discordant:g}: at least the margin, {self.difference:g}, and at most 1; both systems differ on so many rows"
            )
        if not 0 < 1 - self.level < self.power < 1:
            raise DataError(
                f"--level {self.level:g}, --power {self.power:g}: both between 0 and 1, such as 0.95 and 0.8"
            )
        return rows_to_show(self.difference, self.discordant, 1 - self.level, self.power)


def draw_for(pool: Pool, margin: Margin, design: Design, features: Any = None) -> Sample:
    """Draw as many rows as find a margin, unequal weights paid for. Raises DataError where the pool is too small, with what it can find."""
    need = n = margin.rows
    for _ in range(ROUNDS):
        if n > len(pool.candidates):
            break
        sample = draw(pool, n, design, features)
        if n / sample.design_effect >= need - 1e-9:
            return sample
        n = max(n + 1, math.ceil(need * sample.design_effect))
    smallest = _findable(len(pool.candidates), margin)
    raise DataError(
        f"--margin {margin.difference:g} takes {n:,} rows and {pool.path} has {len(pool.candidates):,} to draw from"
        + (f": all of them would find {smallest:.3g}" if smallest else "")
        + "; give a larger pool or a wider margin"
    )


def _findable(n: int, margin: Margin) -> float:
    """Return the smallest difference, in thousandths, that so many rows find; 0: none."""
    for step in range(1, math.floor(1000 * margin.discordant) + 1):
        if rows_to_show(step / 1000, margin.discordant, 1 - margin.level, margin.power) <= n:
            return step / 1000
    return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class NextRows:
    """What a learning curve says of the next rows to label."""

    curve: LearningCurve
    "The curve."
    rows: int | None
    "Training rows to label beside those of the largest size; 0: none are worth it; None: the curve does not say."
    why: str
    "One sentence, in English."
    double: Predicted | None = None
    "Value at twice the rows."
    gain: Predicted | None = None
    "Gain of the next doubling."
    small: float | None = None
    "Probability that it is less than the wanted gain."
    needed: Needed | None = None
    "Rows in all for a wanted value, where one was named."


class Wanted(NamedTuple):
    """Which curve of a run is meant; what is empty is the only one."""

    entry: str = ""
    "Label of `methods`."
    dataset: str = ""
    "What it was trained on."
    base: str = ""
    "Base model."


def find_curve(evidence: Evidence, wanted: Wanted | None = None, relation: str = "in_domain") -> LearningCurve:
    """Return the one learning curve that is meant. Raises HankaError where there is none, or which is open."""
    wanted, place = wanted or Wanted(), evidence.folder.path
    found = [one for one in learning_curves(evidence) if one.topic.relation == relation]
    if not found:
        said = relation.replace("_", " ")
        raise HankaError(
            f"{place}: no entry was trained on two sizes and tested {said}; run a study with `train: {{sizes: […]}}`"
        )
    for option, name, part in (
        ("--entry", wanted.entry, "label"),
        ("--on", wanted.dataset, "dataset"),
        ("--base", wanted.base, "base"),
    ):
        known = dict.fromkeys(str(getattr(one.topic, part)) for one in found)
        if name and name not in known:
            raise HankaError(f"{option} {name!r}: no learning curve of it: {nearest(name, known)}")
        found = [one for one in found if name in ("", getattr(one.topic, part))]
    if len(found) > 1:
        told = "; ".join(f"{one.topic.label} on {one.topic.dataset} from {one.topic.base}" for one in found[:6])
        raise HankaError(f"{place} has {len(found)} learning curves ({told}): say which with --entry, --on, --base")
    return found[0]


def next_rows(
    curve: LearningCurve, gain: float = ONE_POINT, reach: float | None = None, level: float = 0.95
) -> NextRows:
    """Say how many training rows to label next.

    gain: of a doubling, below which it is not worth it, in score units (a share of the value where the metric has no range). reach: a wanted
    value instead; None: none.
    """
    if not (math.isfinite(gain) and gain > 0):
        raise HankaError(f"--gain {gain:g}: a number above 0, such as 0.01 for a point")
    _require_possible(curve.metric, gain, reach)
    posterior, largest = curve.posterior, curve.sizes[-1]
    if posterior is None:
        return NextRows(curve, None, _cannot(curve.sizes))
    sign = curve.sign
    wanted = in_units(curve.metric, gain, value_at(posterior, largest).value)
    gained, small = gain_of_doubling(posterior, largest, sign, level), next_is_small(posterior, largest, sign, wanted)
    double = value_at(posterior, 2 * largest, level)
    said = f"doubling {largest:,} rows gains {gained.value:+.3f} [{gained.low:+.3f}, {gained.high:+.3f}], less than {wanted:.3g} with a probability of {small:.0%}"
    if reach is not None:
        needed = rows_to_reach(posterior, reach, sign, level, start=largest)
        rows = None if needed.rows is None else needed.rows - largest
        return NextRows(curve, rows, _reached(reach, needed, largest), double, gained, small, needed)
    if small >= SURE:
        return NextRows(curve, 0, f"no more rows: {said}", double, gained, small)
    return NextRows(curve, largest, f"one more doubling, then look again: {said}", double, gained, small)


def _require_possible(metric: Metric, gain: float, reach: float | None) -> None:
    """Refuse a gain or a value that no number of rows brings, such as points where shares are asked."""
    span = metric.high - metric.low if math.isfinite(metric.high) else 1.0
    if gain >= span:
        raise HankaError(f"--gain {gain:g}: below {span:g}, such as 0.01 for a point; no doubling gains so much")
    if reach is not None and not (math.isfinite(reach) and metric.low <= reach <= metric.high):
        raise HankaError(f"--reach {reach:g}: {metric.name} lies from {metric.low:g} to {metric.high:g}")


def _reached(reach: float, needed: Needed, largest: int) -> str:
    if needed.rows is None:
        return (
            f"{reach:g} lies beyond what the curve can say: {needed.limit:,} rows, four times the most so far, reach it with a probability of "
            f"{needed.within:.0%}"
        )
    high = f"beyond {needed.limit:,}" if needed.high is None else f"{needed.high:,}"
    low = needed.low if needed.low is not None else needed.rows
    if needed.rows <= largest:
        return (
            f"{reach:g} is rather reached than not by the {largest:,} rows that there are: it takes [{low:,}, {high}] in all, and four times as many "
            f"reach it with a probability of {needed.within:.0%}"
        )
    return f"{reach:g} takes {needed.rows:,} rows [{low:,}, {high}] in all"


def _cannot(sizes: Sequence[int]) -> str:
    listed = ", ".join(map(str, proposed(sizes)))
    if len(proposed(sizes)) == len(sizes):
        return "neither law comes near the measured values, or too few test rows are shared, so nothing is said of more rows"
    return f"{len(sizes)} sizes carry no law; run `train: {{sizes: [{listed}]}}` with three seeds or more first"


def name_of(curve: LearningCurve) -> str:
    """Name a curve in English."""
    return title(curve)[0]
