"""Audits of targets: labels outside the label set, labels that no row has, equal texts with different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hanka.audits.record import Audits
from hanka.datasets.overlap import normalised_text
from hanka.records import Example
from hanka.study.rows import SplitRows


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
    contradicted = contradictory(rows)
    audits.found(
        "contradictions", where, contradicted, len(rows), "rows have an equal text with another label beside it"
    )


def contradictory(rows: Sequence[Example], others: Sequence[Example] = ()) -> list[str]:
    """Return the ids of rows whose text stands with another target, too, among them or in other rows."""
    targets: dict[str, set[str]] = defaultdict(set)
    for row in (*rows, *others):
        targets[normalised_text(row)].add(row.target)
    return [row.id for row in rows if len(targets[normalised_text(row)]) > 1]
