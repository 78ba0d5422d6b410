"""Do intruder dimensions predict what is forgotten, and what does scaling them down buy?

Counts are the probe's (`probes/intruders.py`), beside those of random changes of equal norm; forgetting is the change out of domain and on
other tasks. Count and forgetting are correlated by rank over the trained variants of a scene, beside the plain size of the change, which
any measure of the weights has to beat. An edit (`reduce_intruders`) is compared with the variant it was made of: what is saved elsewhere, what
is given up in domain, which share of the forgetting that is, and whether a control that scales other directions saves as much.

Source: Shuttleworth et al. (2024), arXiv 2410.21228. Limits: a correlation over variants is no cause, and edited variants are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.intruders.counted import Counted, chains_of, counted, edits_of
from hanka.analysis.questions.intruders.predicted import predicted
from hanka.analysis.questions.intruders.sentences import (
    notes,
    nothing_counted,
    said_of_chain,
    said_of_counts,
    said_of_edit,
    said_of_prediction,
)
from hanka.analysis.questions.intruders.units import (
    EditUnit,
    Stage,
    Unit,
    family_of,
    measured,
    share_saved,
    stages_of,
)
from hanka.analysis.questions.tradeoff.ask import title
from hanka.analysis.systems import Scene
from hanka.stats import Family

FAMILY = "intruders"
SAID = 12
"Edits that sentences tell; the others are in the table."
COLUMNS = (
    Column("number", "count"), Column("base"), Column("method"), Column("trained_on"), Column("train_size", "count"), Column("seed"),
    Column("relation", "relation"), Column("metric_outside", "metric"), Column("intruders", "value"), Column("null_intruders", "value"),
    Column("excess_intruders", "difference"), Column("relative_change", "value"), Column("gain", "difference"),
    Column("forgotten", "difference"), Column("edited_from"), Column("intruders_saved", "difference"),
    Column("intruders_given_up", "difference"), Column("share_saved", "value"), Column("beyond_control", "difference"),
)  # fmt: skip
ALWAYS = ("number", "method", "relation", "intruders", "null_intruders", "excess_intruders", "forgotten")
"Columns that stay where they say the same in every row."


def ask(evidence: Evidence) -> Answer | None:
    """Answer; None where a run has no such probe."""
    found = counted(evidence)
    if found is None:
        return None
    contrasts = Contrasts(evidence)
    stages = stages_of(contrasts, found, edits_of(evidence))
    if not found.by_variant or not any(unit.counts for stage in stages for unit in stage.units):
        return Answer(*nothing_counted(found, bool(found.by_variant)))
    family = family_of(stages)
    together = contrasts.judge([one.contrast for one in family], FAMILY)
    said = list(_said(evidence, found, stages, together))
    rows = [dict(zip((one.name for one in COLUMNS), row, strict=True)) for row in _rows(stages, together)]
    columns = [one for one in COLUMNS if one.name in ALWAYS or len({str(row[one.name]) for row in rows}) > 1]
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        tuple(columns),
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(_curve(stage, together) for stage in stages if any(unit.counts for unit in stage.units)),
        tuple(Note(en, ja) for en, ja in notes(evidence, found, len(family), sum(one.n_left_out for one in stages))),
    )


def _said(evidence: Evidence, found: Counted, stages: Sequence[Stage], together: Family) -> Iterator[tuple[str, str]]:
    labels = {str(one["id"]): str(one["label"]) for one in evidence.plan["variants"]}
    assert found.asked is not None
    yield said_of_counts([(labels[name], one) for name, one in found.by_variant.items() if name in labels], found.asked)
    yield from (said_of_prediction(title(one.scene), one) for one in predicted(evidence, stages))
    edits: dict[str, list[tuple[Scene, EditUnit]]] = {}
    for stage in stages:
        for one in stage.edits:
            edits.setdefault(str(one.edit.variant["id"]), []).append((stage.scene, one))
    for places in list(edits.values())[:SAID]:
        yield said_of_edit(labels[places[0][1].edit.parent], places, together)
    if len(edits) > SAID:
        yield (
            f"{len(edits) - SAID} more edit(s) are in the table.",
            f"ほかの編集 {len(edits) - SAID} 件は表にあります。",
        )
    for chain in chains_of(evidence):
        counts = [(labels[str(one["id"])], found.by_variant.get(str(one["id"]))) for one in chain]
        yield said_of_chain(counts, _losses(evidence, stages, [str(one["id"]) for one in chain], together))


def _losses(
    evidence: Evidence, stages: Sequence[Stage], chain: Sequence[str], together: Family
) -> list[tuple[str, list[Measured]]]:
    """Return metric → forgetting of each variant of a chain, for metrics on other tasks that all of them have on the same test sets."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, Measured]] = {}
    for stage in stages:
        for unit in stage.units:
            name = str(unit.variant["id"])
            if name in chain:
                key = stage.scene.outside.metric, stage.scene.outside.tests
                found.setdefault(key, {})[name] = measured(unit.from_base.outside, together, turned=True)
    return [(metric, [by[name] for name in chain]) for (metric, _), by in found.items() if by.keys() >= set(chain)]


# The table


def _rows(stages: Sequence[Stage], together: Family) -> Iterator[tuple[Entry, ...]]:
    number = 0
    for stage in stages:
        edits = {str(one.edit.variant["id"]): one for one in stage.edits}
        for unit in (*stage.units, *(one.unit for one in stage.edits)):
            number += 1
            yield (number, *_of_unit(stage, unit, together), *_of_edit(edits.get(str(unit.variant["id"])), together))


def _of_unit(stage: Stage, unit: Unit, together: Family) -> tuple[Entry, ...]:
    variant, counts = unit.variant, unit.counts
    numbers: tuple[Entry, ...] = (None,) * 4
    if counts is not None:
        numbers = (
            Measured(counts.intruders, n=counts.n), Measured(counts.null, n=counts.n), counts.excess,
            Measured(counts.relative_change, n=counts.n),
        )  # fmt: skip
    return (
        stage.scene.base, str(variant["label"]), str(variant["train_dataset"]), int(variant["train_size"]) or None,
        str(variant["seed"]), stage.scene.relation, stage.scene.outside.metric, *numbers,
        measured(unit.from_base.inside, together), measured(unit.from_base.outside, together, turned=True),
    )  # fmt: skip


def _of_edit(one: EditUnit | None, together: Family) -> tuple[Entry, ...]:
    if one is None:
        return (None,) * 5
    return (
        str(one.parent.variant["label"]),
        measured(one.from_parent.outside, together),
        measured(one.from_parent.inside, together, turned=True),
        share_saved(one, together),
        None if one.beyond is None else measured(one.beyond, together),
    )


def _curve(stage: Stage, together: Family) -> Curve:
    """Draw forgetting against the count; edited variants are filled."""
    points = []
    for unit, is_edit in (*((one, False) for one in stage.units), *((one.unit, True) for one in stage.edits)):
        if unit.counts is not None:
            lost = measured(unit.from_base.outside, together, turned=True)
            x = Measured(unit.counts.intruders, n=unit.counts.n)
            points.append(Point(x, lost, str(unit.variant["label"]), stands_out=is_edit))
    return Curve(*title(stage.scene), "intruders", "loss", tuple(points))
