"""Where is a larger model not better? Every way of using a base, on every test set, over three sizes of it or more.

Of each ladder (`ladder.py`) every two bases are compared on the same rows, prompts, draws and seeds; all differences of the answer are
one family, so their intervals hold together. Told first is where more is not better: what drops, and what falls and rises again.

Source: Yang et al. (2023), arXiv 2304.13712, remark 5 (scale is not monotone: three sizes or more, inversions reported). Limits: bases of a
family differ in size, and in whatever else their makers changed with it; seeds of tuned ones are replicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.scale.judged import Judged, Step, judged
from hanka.analysis.questions.scale.ladder import ladders
from hanka.analysis.questions.scale.sentences import SHAPES, notes, sentence, summary, way_name

FAMILY = "scale"
SAID = 8
"Ladders that sentences tell; the others are in the table."
COLUMNS = (
    Column("test_sets"), Column("asked_relation", "relation"), Column("metric", "metric"), Column("scale_way"), Column("scale_from"),
    Column("scale_to"), Column("scale_smaller", "value"), Column("scale_larger", "value"), Column("scale_less", "difference"),
    Column("scale_verdict", "verdict"), Column("scale_shape", "shape"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare the sizes; None with fewer than three of them."""
    contrasts = Contrasts(evidence)
    found, n_left_out = ladders(evidence, contrasts)
    if not found:
        return None
    together = contrasts.judge([step for one in found for step in one.steps.values()], FAMILY)
    told = [judged(evidence, one, together) for one in found]
    turned = [one for shape in ("u", "drops", "inverted_u") for one in told if one.shape == shape]
    said = [summary(Counter(one.shape for one in told), told), *map(sentence, turned[:SAID])]
    n_steps = sum(len(one.steps) for one in told)
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        COLUMNS,
        tuple(_row(one, step) for one in told for step in one.shown),
        tuple(_curves(told)),
        tuple(Note(en, ja) for en, ja in notes(told, evidence.level, n_steps, n_left_out)),
    )


def _row(one: Judged, step: Step) -> tuple[Entry, ...]:
    ladder = one.ladder
    return (
        ladder.test, ladder.relation, ladder.metric.name, way_name(ladder.way), step.smaller.name, step.larger.name,
        one.values[step.smaller], one.values[step.larger], step.difference, step.verdict, one.shape,
    )  # fmt: skip


def _curves(told: Sequence[Judged]) -> list[Curve]:
    """Draw a panel per test set, those where something turns first."""
    order = sorted(told, key=lambda one: list(SHAPES).index(one.shape))
    found = []
    for family, test in dict.fromkeys((one.ladder.family, one.ladder.test) for one in order):
        members = [one for one in told if (one.ladder.family, one.ladder.test) == (family, test)]
        metric = members[0].ladder.metric
        points = tuple(
            Point(
                Measured(float(f"{base.n_parameters / 1e6:.3g}")),
                value,
                way_name(one.ladder.way),
                "",
                one.shape in ("u", "drops", "inverted_u"),
            )
            for one in members
            for base, value in one.values.items()
            if value is not None
        )
        title = f"{test} ({metric.display})", f"{test}（{metric.display_ja or metric.display}）"
        found.append(Curve(*title, "scale_parameters", "scale_value", points, joined=True, doubling=True))
    return found
