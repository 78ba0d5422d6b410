"""Audits of what stands before a query of its own: passages that hold the row or its answer, demonstrations almost the row.

Shared demonstrations are looked at with the other rows (`rows.py`); here it is what a context chose for each row. Exact
copies never stand before a row (`contexts.contract.without_tests`); near ones may, and passages are inserted as they are.
Labels are not looked for in passages: words like yes and no stand everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanka.audits.record import Audits
from hanka.datasets.overlap import near_overlap, normalised
from hanka.plan import Plan, PlannedCell
from hanka.records import Built, Example
from hanka.tasks.base import Task


def audit_contexts(plan: Plan, audits: Audits) -> None:
    """Look at what every context shows before the rows of every test set, at the most shots that are asked."""
    asked: dict[tuple[str, str], PlannedCell] = {}
    for cell in plan.cells.values():
        if cell.context.entry.per_query:
            key = (cell.test.dataset.name, cell.cell.context)
            if key not in asked or asked[key].cell.shots < cell.cell.shots:
                asked[key] = cell
    for (name, label), cell in asked.items():
        rows, one = cell.test.examples, cell.cell
        built = plan.data.built(cell.test.dataset, one.draw, one.shots, cell.context)
        where = f"{name} test × {label}"
        if cell.context.entry.inserts:
            _inserted(audits, where, plan.study.tasks[one.test_task].task, rows, built)
        _shown(audits, where, rows, built)


def _inserted(audits: Audits, where: str, task: Task, rows: Sequence[Example], built: Sequence[Built]) -> None:
    pairs = [(row, normalised(" ".join(one.fields.values()))) for row, one in zip(rows, built, strict=True)]
    own = [row.id for row, text in pairs if _holds(text, max(row.fields.values(), key=len))]
    audits.found("context", where, own, len(rows), "what is inserted holds the row's own text")
    if task.kind == "generation":
        held = [row.id for row, text in pairs if _holds(text, row.target)]
        audits.found("context", where, held, len(rows), "what is inserted holds the reference word for word")


def _holds(text: str, value: str) -> bool:
    """Tell whether a normalised text holds a value; between spaces or marks where words are written apart."""
    wanted = normalised(value)
    before, after = (r"\b" if re.fullmatch(r"[a-z0-9]", end) else "" for end in (wanted[:1], wanted[-1:]))
    return bool(wanted) and re.search(f"{before}{re.escape(wanted)}{after}", text) is not None


def _shown(audits: Audits, where: str, rows: Sequence[Example], built: Sequence[Built]) -> None:
    shown = {one.id: one for each in built for one in each.demonstrations}
    if not shown:
        return
    before = {(row.id, one.id) for row, each in zip(rows, built, strict=True) for one in each.demonstrations}
    near = {pair.first for pair in near_overlap(rows, list(shown.values())) if (pair.first, pair.second) in before}
    audits.found("context", where, sorted(near), len(rows), "a demonstration before the row is almost the row")
