"""What would more labelled rows bring? Learning curves by size, continued to four times the largest, with what the posterior leaves open.

For each entry that was trained on several sizes and each relation of the test sets of its own task (`learning.py`): the value at twice and
four times the rows, the gain of the next doubling, the rows for the study's worthwhile margin beyond the largest size, and how probable it is that the
last doubling gained less than a point and that all further rows together will. Fewer than four sizes carry no law: then the answer
says which sizes to run.

Intervals hold the stated share of the posterior (`stats/laws.py`), each for itself; how often they hold the truth is simulated in
benchmarks/laws.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hanka.analysis.contrasts import in_units, margin_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.learning import LearningCurve, learning_curves
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.how_much.sentences import Told, notes, panel_title, sentence
from hanka.stats.curves import FARTHEST, CurvePosterior
from hanka.stats.extrapolation import (
    ONE_POINT,
    Predicted,
    band,
    gain_of_doubling,
    plateau,
    rows_to_reach,
    value_at,
    worth_stopping,
)

SAID = 8
"Curves that sentences tell; the others are in the table."
NODES = 25
"Sizes at which the band of a figure is drawn."
OPTIONAL = ("base", "method", "trained_on")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("base"), Column("method"), Column("trained_on"), Column("asked_relation", "relation"), Column("test_sets"),
    Column("metric", "metric"), Column("how_much_sizes"), Column("n_seeds", "count"), Column("how_much_largest", "value"),
    Column("how_much_double", "value"), Column("how_much_four", "value"), Column("how_much_doubling", "difference"),
    Column("how_much_rows", "value"), Column("how_much_within", "share"), Column("how_much_small", "share"), Column("how_much_plateau", "share"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Continue every curve; None where nothing was trained on two sizes."""
    found = learning_curves(evidence)
    if not found:
        return None
    told = [told_of(evidence, one) for one in found]
    said = [sentence(one) for one in told[:SAID]]
    more = len(told) - len(said)
    rows = [dict(_entries(one)) for one in told]
    columns = tuple(one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in rows}) > 1)
    return Answer(
        "\n".join(en for en, _ in said) + (f"\n{more} more curve(s) are in the table." if more else ""),
        "\n".join(ja for _, ja in said) + (f"\nほかの曲線 {more} 本は表にあります。" if more else ""),
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(map(_drawn, told)),
        tuple(Note(en, ja) for en, ja in notes(told, evidence.level)),
    )


def told_of(evidence: Evidence, one: LearningCurve) -> Told:
    """Work out what a curve says at the study's level and margin."""
    posterior, largest = one.posterior, one.sizes[-1]
    margin = margin_of(evidence, one.metric, "worthwhile", one.observed[largest].value)
    if posterior is None:
        return Told(one, evidence.level, margin)
    level, sign = evidence.level, one.sign
    at_largest = value_at(posterior, largest, level)
    point = in_units(one.metric, ONE_POINT, at_largest.value)
    wanted = posterior.values(largest) + sign * margin
    return Told(
        one, level, margin, at_largest, value_at(posterior, 2 * largest, level), value_at(posterior, FARTHEST * largest, level),
        gain_of_doubling(posterior, largest, sign, level), rows_to_reach(posterior, wanted, sign, level, start=largest),
        worth_stopping(posterior, sign, point), plateau(posterior, sign, point),
    )  # fmt: skip


def _entries(told: Told) -> Iterator[tuple[str, Entry]]:
    one = told.curve
    topic = one.topic
    yield from (("base", topic.base), ("method", topic.label), ("trained_on", topic.dataset))
    yield from (("asked_relation", topic.relation), ("test_sets", " + ".join(one.tests)), ("metric", one.metric.name))
    yield from (("how_much_sizes", ", ".join(f"{size:,}" for size in one.sizes)), ("n_seeds", one.n_seeds))
    n, trained = one.n, None if one.points is None else len(one.points.sizes)
    yield ("how_much_largest", one.observed[one.sizes[-1]])
    yield from (("how_much_double", _measured(told.double, n)), ("how_much_four", _measured(told.four, n)))
    yield ("how_much_doubling", _measured(told.doubling, n))
    needed = told.needed
    yield ("how_much_rows", Measured(needed.rows, needed.low, needed.high, trained) if needed and needed.rows else None)
    for name, share in (
        ("within", needed.within if needed else None), ("small", told.small), ("plateau", told.plateau),
    ):  # fmt: skip
        yield (f"how_much_{name}", None if share is None else Measured(share, n=trained))


def _measured(one: Predicted | None, n: int) -> Measured | None:
    return None if one is None else Measured(one.value, one.low, one.high, n)


def _drawn(told: Told) -> Curve:
    """Draw what was measured, and the band of the curves through it."""
    one = told.curve
    label = one.topic.label
    points = tuple(
        Point(Measured(float(size)), value, label, stands_out=True) for size, value in sorted(one.observed.items())
    )
    behind = () if one.posterior is None else tuple(_band(one, one.posterior, told.level))
    return Curve(
        *panel_title(one),
        "how_much_rows",
        "how_much_value",
        points,
        joined=one.posterior is None,
        doubling=True,
        band=behind,
    )


def _band(one: LearningCurve, posterior: CurvePosterior, level: float) -> Iterator[Point]:
    sizes = np.geomspace(one.sizes[0], FARTHEST * one.sizes[-1], NODES)
    for size, ends, middle in band(posterior, np.clip(sizes, one.sizes[0], FARTHEST * one.sizes[-1]), level):
        yield Point(Measured(size), Measured(middle, ends.low, ends.high, one.n), one.topic.label)
