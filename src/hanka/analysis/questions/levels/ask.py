"""Which facts should one train on? Accuracy by the level of the facts trained on and of those tested, with the mean over levels.

A row per arm and test set: accuracy on the facts of each level, their unweighted mean, its difference from the base, and how far first
tokens moved. Which level and size are best, what the paper's statements come to here, what putting weights back does.

Source: Ye et al., arXiv 2409.15825. Limits: levels are of one base and one way of sampling; of few facts a level is in no mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.levels.claims import claims
from hanka.analysis.questions.levels.gathered import Gathered, gathered
from hanka.analysis.questions.levels.judged import Comparing
from hanka.analysis.questions.levels.sentences import notes, nothing_said, sentences, unmade
from hanka.analysis.questions.levels.table import Row, table
from hanka.stats.levels import LEVELS

OPTIONAL = ("base", "levels_back", "prompt")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("test_set"), Column("asked_relation", "relation"), Column("base"), Column("method"), Column("levels_trained"),
    Column("train_size", "count"), Column("levels_rows"), Column("levels_back"), Column("n_seeds", "count"),
    *(Column(f"levels_{level}", "value") for level in range(LEVELS)),
    Column("levels_mean", "value"), Column("levels_gain", "difference"), Column("levels_verdict", "verdict"), Column("levels_tokens", "value"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare arms by level; None where nothing was trained on facts of a level."""
    found = gathered(evidence)
    if found is None:
        return None
    if not found.cells:
        return Answer(*nothing_said(found), notes=tuple(Note(en, ja) for en, ja in unmade(found)))
    told = Comparing(Contrasts(evidence), found).told()
    rows = table(evidence, found, told)
    said = sentences(found, rows, told, claims(evidence, told))
    shown = [dict(_entries(found, row)) for row in rows]
    columns = tuple(
        one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in shown}) > 1
    )
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in shown),
        tuple(_curves(found, rows)),
        tuple(Note(en, ja) for en, ja in notes(found, evidence.level, len(told))),
    )


def _entries(found: Gathered, row: Row) -> Iterator[tuple[str, Entry]]:
    arm, cells = row.arm, found.cells[row.arm, row.where]
    counts = found.n_rows.get(arm)
    yield from (("test_set", row.where.test), ("asked_relation", found.relations[row.where.test]), ("base", arm.base))
    yield from (("method", arm.label), ("levels_trained", "–" if arm.level is None else str(arm.level)))
    yield ("train_size", arm.asked or None)
    yield (
        "levels_rows",
        "–" if counts is None else str(counts[0]) if counts[0] == counts[1] else f"{counts[0]}–{counts[1]}",
    )
    yield ("levels_back", "–" if arm.share is None else f"{arm.share:.0%}")
    yield ("n_seeds", len(cells))
    yield from ((f"levels_{level}", value) for level, value in enumerate(row.by_level))
    yield ("levels_mean", row.mean)
    yield ("levels_gain", row.gain.difference if row.gain else None)
    yield ("levels_verdict", row.gain.verdict if row.gain else "")
    yield ("levels_tokens", row.tokens)


def _curves(found: Gathered, rows: Sequence[Row]) -> Iterator[Curve]:
    """Draw the mean over levels by the level that was trained on, a line for each size."""
    for where in found.places():
        points = tuple(
            Point(
                Measured(float(row.arm.level)),
                row.mean,
                f"{row.arm.label} {row.arm.asked}",
                stands_out=bool(row.gain and row.gain.verdict == "better"),
            )
            for row in rows
            if row.where == where and row.arm.level is not None and row.arm.share is None and row.mean is not None
        )
        if points:
            yield Curve(
                f"{where.test}: mean over levels",
                f"{where.test}：レベル平均",
                "levels_trained",
                "levels_mean",
                points,
                joined=True,
            )
