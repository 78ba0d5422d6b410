"""Which labels are taken for which? A row per label of a test set: recall, share of the answers, and what it was answered with.

The rows of a test set together are its confusion matrix: reference by answer, counts. Cells: every variant at its first
asking, on test sets of its own task. An output without a label counts as wrong and stands as “–”.

Limits: intervals are for each share alone, and rows of one text count as one unit; with few rows of a class its recall
is hardly known, which its interval says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.asked import first_cells, variant_name
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.analysis.shares import share_of

MOST_ROWS = 600
"Rows of the table at most."
SAID = 3
"Test sets of which the sentence tells the weakest label."
NOTHING = "–"
"Stands for an output without a label."
COLUMNS = (
    Column("test_set"), Column("method"), Column("train_size", "count"), Column("seed"), Column("reference"),
    Column("n_rows", "count"), Column("recall", "share"), Column("answered", "share"), Column("answers"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One label of one cell."""

    cell: CellEvidence
    "The cell."
    label: str
    "The label."
    recall: Measured | None
    "Share of its rows that were answered with it; None where it has no row."
    answered: Measured
    "Share of all rows that were answered with it."
    answers: Counter[str]
    "What its rows were answered with."


def ask(evidence: Evidence) -> Answer | None:
    """Tabulate labels against answers; None where no test set asks for labels."""
    cells = [one for one in first_cells(evidence) if evidence.task(one.cell["test_task"])["kind"] == "classification"]
    found = [row for cell in cells for row in rows_of(evidence, cell)]
    if not found:
        return None
    en, ja = _sentences(found)
    notes = [_about(evidence.level)]
    if len(found) > MOST_ROWS:
        notes.append(
            Note(
                f"The first {MOST_ROWS} of {len(found)} rows are shown.",
                f"全 {len(found)} 行のうち先頭 {MOST_ROWS} 行です。",
            )
        )
    return Answer(en, ja, COLUMNS, tuple(_entries(row) for row in found[:MOST_ROWS]), (), tuple(notes))


def rows_of(evidence: Evidence, cell: CellEvidence) -> list[ClassRow]:
    """Return a row per label of a cell; none where nothing came out."""
    said = evidence.said(cell)
    if not len(said.targets):
        return []
    assert cell.samples is not None
    labels = list(evidence.task(cell.cell["test_task"])["labels"])
    groups = cell.samples.groups_at(said.places)
    found = []
    for code, label in enumerate(labels):
        places = np.flatnonzero(said.targets == code).tolist()
        own, recall = said.answers[places], None
        if places:
            its_groups = [groups[place] for place in places] if groups else ()
            recall = Measured(*share_of((own == code).tolist(), its_groups, evidence.level))
        answered = Measured(*share_of((said.answers == code).tolist(), groups, evidence.level))
        counts = Counter(NOTHING if one < 0 else labels[one] for one in own.tolist())
        found.append(ClassRow(cell, label, recall, answered, counts))
    return found


def _entries(row: ClassRow) -> tuple[Entry, ...]:
    variant, n = row.cell.variant, row.answers.total()
    counted = sorted(row.answers.items(), key=lambda one: (-one[1], one[0]))
    return (
        row.cell.cell["test_dataset"],
        variant["label"],
        variant["train_size"] or None,
        None if row.cell.is_unadapted else str(variant["seed"]),
        row.label,
        n,
        row.recall,
        row.answered,
        ", ".join(f"{answer} {count}" for answer, count in counted),
    )


def _sentences(found: Sequence[ClassRow]) -> tuple[str, str]:
    """Say of the first test sets which label is recalled least by an adapted variant, and what it is taken for."""
    weakest: dict[str, ClassRow] = {}
    for row in found:
        test = row.cell.cell["test_dataset"]
        if row.cell.is_unadapted or row.recall is None:
            continue
        known = weakest.get(test)
        if known is None or row.recall.value < (known.recall or row.recall).value:
            weakest[test] = row
    said = [_sentence(row) for row in list(weakest.values())[:SAID]]
    if not said:
        return "Only the base model was asked for labels.", "ラベルを尋ねたのはベースモデルだけです。"
    return "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said)


def _sentence(row: ClassRow) -> tuple[str, str]:
    assert row.recall is not None
    test, number = row.cell.cell["test_dataset"], row.recall.in_words
    wrong = Counter({answer: count for answer, count in row.answers.items() if answer != row.label}).most_common(1)
    en = f"{test}: the label recalled least is “{row.label}”, by {variant_name(row.cell, 'en')}: {number}"
    ja = f"{test}：再現率が最も低いラベルは「{row.label}」で、{variant_name(row.cell, 'ja')}では {number} です"
    if wrong:
        ((answer, count),) = wrong
        en += f"; {count} of its {row.answers.total()} rows are answered “{answer}”"
        ja += f"（{row.answers.total()} 件中 {count} 件を「{answer}」と回答）"
    return f"{en}.", f"{ja}。"


def _about(level: float) -> Note:
    return Note(
        f"Each variant at its first asking, on test sets of its own task. Recall: share of a label’s rows that are answered with "
        f"it. Share of answers: how often a label is answered at all. Intervals ({level:.0%}, Wilson) are for each share alone; "
        f"“{NOTHING}” is an output without a label.",
        "各バリアントの最初の条件で、学習したタスクのテストセットについて集計しています。再現率はそのラベルの例のうち正しく答えた割合、"
        f"回答の割合は全回答に占める割合です。区間（{level:.0%}、Wilson）は個々の割合に対するものです。「{NOTHING}」はラベルのない出力"
        "です。",
    )
