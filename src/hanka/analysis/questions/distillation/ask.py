"""A document distilled into a model, tuned on with the very same answers, looked up, or both: what answers questions about it better?

For each student: its value without a document beside the bound with the very document at hand, the share of that gap it closes, and the
paired differences from what was tuned on the same pairs, from looking documents up, and of both together from looking up alone; on
other tasks, what each forgot. All differences are one family. Where the teacher of the pairs is not shown to beat a rule that reads, its
arms are *teacher unfit* and no result of theirs is told.
Source: Kujanpää et al. (2024), arXiv 2412.14964. Limits: those of `judged.py`; exact match is shown and not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Note
from hanka.analysis.questions.distillation.arms import gathered
from hanka.analysis.questions.distillation.judged import (
    FAMILY,
    Judged,
    compared,
    gap_closed,
    gap_moments,
    judged,
    n_rows,
    value_of,
)
from hanka.analysis.questions.distillation.sentences import Told, notes, sentence, unfit

COLUMNS = (
    Column("base"), Column("arm"), Column("arm_asked", "distillation"), Column("against"), Column("against_asked", "distillation"), Column("test_sets"),
    Column("metric", "metric"), Column("n_seeds", "count"), Column("arm_value", "value"), Column("against_value", "value"),
    Column("arm_less_against", "difference"), Column("arm_verdict", "verdict"), Column("arm_exact", "value"),
    Column("against_exact", "value"), Column("open_book_value", "value"), Column("gap_closed", "value"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare the arms; None where nothing was distilled."""
    topics = gathered(evidence)
    if not topics:
        return None
    contrasts = Contrasts(evidence)
    fit = [one for one in topics if one.teacher.get("fit", True)]
    found = {id(one): compared(evidence, contrasts, one) for one in fit}
    together = contrasts.judge([one.contrast for members in found.values() for one in members], FAMILY)
    moments = {id(one): gap_moments(evidence, one) for one in fit}
    bounded = sum(gap_closed(one, evidence.level, 1) is not None for one in moments.values())
    level = 1 - (1 - evidence.level) / max(1, bounded)
    told = []
    for one in fit:
        members = [judged(evidence, pair, together) for pair in found[id(one)]]
        share = gap_closed(moments[id(one)], level, n_rows(found[id(one)]))
        told.append(Told(one, tuple(members), value_of(evidence, one, "open_book"), share))
    said = [sentence(one) for one in told] + [unfit(one) for one in topics if one not in fit]
    rows = [entries for one in told for pair in one.judged for entries in _entries(one, pair)]
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        COLUMNS,
        tuple(rows),
        (),
        tuple(Note(en, ja) for en, ja in notes(told, evidence.level, level, bounded)),
    )


def _entries(told: Told, one: Judged) -> Iterator[tuple[Entry, ...]]:
    pair = one.compared
    first, second = pair.sides
    is_taught = first.cells.keys() == told.arms.student.cells.keys()
    is_student = is_taught and (pair.first, pair.second) == ("student", "start")
    yield (
        told.arms.topic.base, first.label, first.way, second.label, second.way, " + ".join(pair.tests), pair.metric.name,
        pair.contrast.n_seeds, one.values[0], one.values[1], one.difference, one.verdict, one.exact[0], one.exact[1],
        told.open_book if is_taught else None, told.share if is_student else None,
    )  # fmt: skip
