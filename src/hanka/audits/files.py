"""Audits of own files as they are, whatever is used of them: rows left out by reason, texts that stand twice or contradict.

How the only file of a data set was divided is noted, too; plan.json says more of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hanka.audits.labels import audit_texts
from hanka.audits.record import Audits
from hanka.datasets.base import Reading, SkippedRow
from hanka.plan import Plan

REASONS = {
    "declared": "are left out, as `labels` says",
    "unknown": "have a label that is none, and are left out",
    "blank": "are blank where a value is needed, and are left out",
    "broken": "cannot be read, and are left out",
    "shared": "stand in the rows to validate on or to test on, too, and are left out",
}
"Kind of a row that is not used → what is said of such rows."


def audit_files(plan: Plan, audits: Audits) -> None:
    """Look at every own file that was read."""
    for name, dataset in plan.study.datasets.items():
        reading = Reading((), None) if dataset.reading is None else dataset.reading()
        if reading.split is not None:
            parts = ", ".join(f"{n} {part}" for part, n in reading.split.n_rows.items())
            audits.checked("split", f"{name}: {parts}", sum(reading.split.n_rows.values()))
        for file in reading.files:
            if file.split != "passages":
                audit_texts(audits, f"{name} {file.split}", plan.study.tasks[dataset.task].task, file.examples)
            for kind, said in REASONS.items():
                rows = [row for row in file.skipped if row.kind == kind]
                by_value = kind in ("declared", "unknown")
                places = [_shown(row, with_reason=not by_value) for row in rows]
                values = f" ({_values(rows)})" if by_value else ""
                audits.found("rows left out", f"{name} {file.split}", places, file.n_rows, f"rows {said}{values}")


def _shown(row: SkippedRow, with_reason: bool) -> str:
    place = row.place.rpartition("/")[2]
    return f"{place}: {row.what}" if with_reason else place


def _values(rows: Sequence[SkippedRow]) -> str:
    counts = Counter(row.value for row in rows).most_common(4)
    return ", ".join(f"{value[:30]!r} {count}" for value, count in counts)
