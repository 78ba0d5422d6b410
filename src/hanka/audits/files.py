"""Audits of own files: rows that are not used, by reason. What a file was divided into stands in plan.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hanka.audits.record import Audits
from hanka.datasets.base import SkippedRow
from hanka.plan import Plan

REASONS = {
    "declared": "are left out, as `labels` says",
    "unknown": "have a label that is none, and are left out",
    "blank": "are blank where a value is needed, and are left out",
    "broken": "cannot be read, and are left out",
}
"Kind of a row that is not used → what is said of such rows."


def audit_files(plan: Plan, audits: Audits) -> None:
    """Note how many rows of every own file that was read are not used, and show some."""
    for name, dataset in plan.study.datasets.items():
        for file in dataset.reading().files if dataset.reading is not None else ():
            for kind, said in REASONS.items():
                rows = [row for row in file.skipped if row.kind == kind]
                places = [_shown(row) for row in rows]
                values = f" ({_values(rows)})" if kind in ("declared", "unknown") else ""
                audits.found("rows left out", f"{name} {file.split}", places, file.n_rows, f"rows {said}{values}")


def _shown(row: SkippedRow) -> str:
    return f"{row.place.rpartition('/')[2]}: {row.what}"


def _values(rows: Sequence[SkippedRow]) -> str:
    counts = Counter(row.value for row in rows).most_common(4)
    return ", ".join(f"{value[:30]!r} {count}" for value, count in counts)
