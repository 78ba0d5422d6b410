"""Audits of texts and their targets: labels that are none or that no row has, texts that stand twice or contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from hanka.audits.record import Audits
from hanka.datasets.overlap import duplicates_within, normalised_text
from hanka.records import Example
from hanka.study.rows import SplitRows
from hanka.tasks.base import Task


def audit_labels(
    audits: Audits, where: str, labels: Sequence[str], rows: Sequence[Example], split: SplitRows, what: str
) -> None:
    """Look at the labels of rows; nothing is said of a task without labels.

    split: that the rows are of, before any were chosen. what: becomes of rows whose label is none.
    """
    if not labels:
        return
    outside = [*split.left_out, *(row.id for row in rows if row.target not in labels)]
    audits.found("labels", where, outside, split.n_read, f"labels outside the label set; these rows {what}")
    there = {row.target for row in rows}
    missing = [label for label in labels if label not in there]
    audits.found("classes", where, missing, len(labels), "labels that no row has")
    alone = [row.id for row in rows] if len(there) == 1 else []
    audits.found("classes", where, alone, len(rows), "all rows have one label, so nothing can be told from another")


def audit_texts(audits: Audits, where: str, task: Task, rows: Sequence[Example]) -> None:
    """Look for texts that stand more than once, with equal labels or with others."""
    compared = as_asked(task, rows)
    again = [name for _, name in duplicates_within(compared)]
    audits.found("repeated rows", where, again, len(rows), "rows stand twice")
    if task.labels:
        said = "rows have an equal text with another label beside it"
        audits.found("contradictions", where, contradictory(rows), len(rows), said)


def as_asked(task: Task, rows: Sequence[Example]) -> Sequence[Example]:
    """Return rows with what is compared of them as input: of a text that nothing is asked about, the text."""
    if task.kind != "likelihood":
        return rows
    return [replace(row, fields={"text": row.target}) for row in rows]


def as_labelled(task: Task, rows: Sequence[Example]) -> tuple[Example, ...]:
    """Return rows with the labels that their targets are read as: a target may go on behind its answer."""
    if not task.labels:
        return tuple(rows)
    return tuple(row if row.target in task.labels else replace(row, target=_read(task, row)) for row in rows)


def _read(task: Task, row: Example) -> str:
    try:
        return task.verify(row, row.target).answer or row.target
    except ValueError:  # no label in it: as it is, and counted
        return row.target


def contradictory(rows: Sequence[Example], others: Sequence[Example] = ()) -> list[str]:
    """Return the ids of rows whose text stands with another target, too, among them or in other rows."""
    targets: dict[str, set[str]] = defaultdict(set)
    for row in (*rows, *others):
        targets[normalised_text(row)].add(row.target)
    return [row.id for row in rows if len(targets[normalised_text(row)]) > 1]
