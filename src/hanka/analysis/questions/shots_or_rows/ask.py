"""The same k labelled rows as demonstrations, as training rows, as both: curves by k, paired differences, where they cross, what they cost.

For each entry that trains and each relation of the test sets (in domain, out of domain): the value of the base without rows, of the
rows shown, trained on, and both, by number of rows. Judged are the paired differences rows - shots and both - shots; all of the answer
are one family, so every interval holds at once, and the verdict is the product's one rule (`stats/verdict.py`). Seeds, which draw the
rows where the study samples them, are replicates: their variance is in every interval.

Source: Mosbach et al. (2023), arXiv 2305.16938: compare at equal rows and equal models. Limits: values carry intervals of their own,
not simultaneous; the order of shown rows is one per seed.
"""

from __future__ import annotations

from collections.abc import Iterator

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.shots_or_rows.judged import JudgedCurves, JudgedPoint, family_of, judged_curves
from hanka.analysis.questions.shots_or_rows.sentences import notes, sentence, title
from hanka.analysis.questions.shots_or_rows.ways import comparisons, gathered

FAMILY = "shots_or_rows"
SAID = 8
"Comparisons that sentences tell; the others are in the table."
OPTIONAL = ("base", "method", "trained_on")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("base"), Column("method"), Column("trained_on"), Column("asked_relation", "relation"), Column("test_sets"),
    Column("metric", "metric"), Column("k_rows", "count"), Column("n_seeds", "count"), Column("base_zero_shot", "value"),
    Column("as_shots", "value"), Column("as_rows", "value"), Column("as_both", "value"),
    Column("rows_less_shots", "difference"), Column("rows_verdict", "verdict"),
    Column("both_less_shots", "difference"), Column("both_verdict", "verdict"), Column("training_seconds", "value"),
    Column("shots_seconds", "value"), Column("rows_seconds", "value"), Column("both_seconds", "value"), Column("pays_from", "count"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare the ways; None where a run does not show a variant's rows beside training on them."""
    contrasts = Contrasts(evidence)
    cells = gathered(evidence)
    found, n_missing = comparisons(evidence, contrasts, cells)
    if not found:
        return None
    together = contrasts.judge(family_of(found), FAMILY)
    judged = [judged_curves(evidence, one, together) for one in found]
    said = [sentence(one) for one in judged[:SAID]]
    more = len(judged) - len(said)
    rows = [dict(_entries(one, point)) for one in judged for point in one.points]
    columns = tuple(one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in rows}) > 1)
    return Answer(
        "\n".join(en for en, _ in said) + (f"\n{more} more comparison(s) are in the table." if more else ""),
        "\n".join(ja for _, ja in said) + (f"\nほかの比較 {more} 件は表にあります。" if more else ""),
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(map(_curve, judged)),
        tuple(
            Note(en, ja) for en, ja in notes(judged, evidence.level, len(family_of(found)), (n_missing, cells.n_fewer))
        ),
    )


def _entries(one: JudgedCurves, point: JudgedPoint) -> Iterator[tuple[str, Entry]]:
    topic, bill, both = one.comparison.topic, point.bill, point.both_shots
    yield from (("base", topic.base), ("method", topic.label), ("trained_on", topic.dataset))
    yield from (("asked_relation", topic.relation), ("test_sets", " + ".join(one.comparison.tests)))
    yield from (("metric", one.comparison.metric.name), ("k_rows", point.ways.size))
    yield from (("n_seeds", point.ways.rows_shots.n_seeds), ("base_zero_shot", point.base), ("as_shots", point.shots))
    yield from (("as_rows", point.rows), ("as_both", point.both))
    yield from (("rows_less_shots", point.rows_shots.difference), ("rows_verdict", point.rows_shots.verdict))
    yield from (("both_less_shots", both.difference if both else None), ("both_verdict", both.verdict if both else ""))
    yield ("training_seconds", None if bill.training is None else Measured(bill.training))
    yield from (("shots_seconds", Measured(bill.shots)), ("rows_seconds", Measured(bill.rows)))
    yield from (("both_seconds", None if bill.both is None else Measured(bill.both)), ("pays_from", bill.pays_from))


def _curve(one: JudgedCurves) -> Curve:
    """Draw the four curves of a comparison; points where a difference from shots is shown are filled."""
    topic = one.comparison.topic
    points = []
    for point in one.points:
        k = Measured(float(point.ways.size))
        drawn = (
            ("base", point.base, False),
            (topic.shown, point.shots, point.rows_shots.verdict == "worse"),
            (topic.label, point.rows, point.rows_shots.verdict == "better"),
            (
                f"{topic.label} + {topic.shown}",
                point.both,
                bool(point.both_shots and point.both_shots.verdict == "better"),
            ),
        )
        points += [Point(k, value, group, "", filled) for group, value, filled in drawn if value is not None]
    return Curve(*title(one.comparison), "k_rows", "way_value", tuple(points), joined=True, doubling=True)
