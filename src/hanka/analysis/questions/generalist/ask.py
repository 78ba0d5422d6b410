"""Does broad instruction data help a specialist: by how much it covers, by how many rows of the task there are, before or beside them?

Gains over the rows alone, in domain and elsewhere, the broadest set against the narrowest, and what wrong facts among the instructions do to answers
from memory, beside the control without facts. All differences of the answer are one family, so every interval holds at once, and the verdict is
the product's one rule. Coverage, steps and tokens stand beside each.
Source: Shi et al. 2023, arXiv 2310.15326. Limits: that a gain is larger with fewer rows is said where two intervals of the family lie apart, which is strict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.generalist.pairs import Compared, Pairing
from hanka.analysis.questions.generalist.sentences import Told, notes, nothing_to_compare, sentences
from hanka.analysis.questions.generalist.specialists import specialists
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.stats import Family

FAMILY = "generalist"
OPTIONAL = ("base", "mix_target")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("generalist_kind", "generalist"), Column("base"), Column("mix_target"), Column("train_size", "count"), Column("method"),
    Column("generalist_way", "generalist_way"), Column("generalist_sets"), Column("generalist_rows", "count"),
    Column("coverage_pairs", "count"), Column("coverage_entropy", "value"), Column("generalist_rival"), Column("test_sets"),
    Column("metric", "metric"), Column("n_seeds", "count"), Column("generalist_with", "value"), Column("generalist_without", "value"),
    Column("generalist_difference", "difference"), Column("generalist_verdict", "verdict"), Column("steps_ratio", "value"),
    Column("tokens_ratio", "value"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare specialists with and without generalist data; None where a run has none that has any."""
    found = specialists(evidence) if evidence.plan.get("training_rows") else []
    if all(one.way == "none" for one in found):
        return None
    contrasts = Contrasts(evidence)
    pairing = Pairing(evidence, contrasts, found)
    compared = list(pairing.all())
    if not compared:
        return Answer(*nothing_to_compare(pairing.n_missing))
    together = contrasts.judge([one.contrast for one in compared], FAMILY)
    told = [_told(evidence, one, together) for one in compared]
    rows = [dict(_entries(one)) for one in told]
    columns = tuple(one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in rows}) > 1)
    en, ja = sentences(told)
    return Answer(
        en,
        ja,
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(_curves(told)),
        tuple(Note(*one) for one in notes(told, evidence.level, pairing.n_missing)),
    )


def _told(evidence: Evidence, one: Compared, together: Family) -> Told:
    said = judgement(evidence, one.contrast, one.metric, together)
    sides = ([cell for cell, _ in one.pairs], [cell for _, cell in one.pairs])
    first, second = (list({str(cell.cell["id"]): cell for cell in cells}.values()) for cells in sides)
    return Told(
        one,
        pooled_value(evidence, first, one.metric),
        pooled_value(evidence, second, one.metric),
        Measured(one.contrast.delta, said["sim_low"], said["sim_high"], one.contrast.n),
        said["verdict"] or "undecided",
    )


def _entries(told: Told) -> Iterator[tuple[str, Entry]]:
    of, one = told.compared, told.compared.one
    yield from (("generalist_kind", of.kind), ("base", one.scene.base), ("mix_target", one.scene.target))
    yield from (("train_size", one.scene.size), ("method", one.label), ("generalist_way", one.way))
    yield from (("generalist_sets", " + ".join(one.general)), ("generalist_rows", one.n_general))
    yield from (("coverage_pairs", one.n_pairs), ("coverage_entropy", Measured(round(one.entropy, 4), n=one.n_general)))
    other = " + ".join(of.other.general)
    yield from (
        ("generalist_rival", of.other.label + (f": {other}" if other else "")),
        ("test_sets", " + ".join(of.tests)),
    )
    yield from (("metric", of.metric.name), ("n_seeds", of.contrast.n_seeds), ("generalist_with", told.value))
    yield from (("generalist_without", told.rival), ("generalist_difference", told.difference))
    yield from (
        ("generalist_verdict", told.verdict),
        ("steps_ratio", _ratio(of.steps)),
        ("tokens_ratio", _ratio(of.tokens)),
    )


def _ratio(value: float | None) -> Entry:
    return None if value is None else round(value, 2)


def _curves(told: Sequence[Told]) -> Iterator[Curve]:
    """Draw gains in domain by coverage, a panel for each rival; filled where a difference is shown."""
    gains = [one for one in told if one.compared.kind == "gain"]
    for rival, metric in dict.fromkeys((one.compared.other.label, one.compared.metric) for one in gains):
        mine = [one for one in gains if (one.compared.other.label, one.compared.metric) == (rival, metric)]
        points = tuple(
            Point(
                Measured(float(one.compared.one.n_pairs)),
                one.difference,
                f"{one.compared.one.way}, {one.compared.one.scene.size}",
                "",
                one.verdict in ("better", "worse"),
            )
            for one in mine
        )
        yield Curve(
            f"against {rival} ({metric.display})", f"{rival} との差（{metric.display_ja or metric.display}）",
            "coverage_pairs", "over_none", points, joined=True, doubling=True,
        )  # fmt: skip
