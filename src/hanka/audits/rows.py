"""Audits that need rows alone: overlap, repetition, labels, sizes, demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

from hanka.audits.record import Audits
from hanka.datasets.overlap import duplicates_within, exact_overlap, near_overlap
from hanka.plan import Plan
from hanka.records import Example


def audit_rows(plan: Plan) -> Audits:
    """Run the audits that need rows alone: overlap, repetition, labels, sizes."""
    audits = Audits()
    trained = {use.train.name: use for use in plan.study.tasks.values() if use.train}
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    for name, use in trained.items():
        sets = [one.training for one in plan.variants.values() if one.training and one.training.dataset.name == name]
        if not sets:
            continue
        largest = max(sets, key=lambda one: len(one.examples))
        rows = largest.examples
        audits.found(
            "repeated rows", f"{name} train", [a for a, _ in duplicates_within(rows)], len(rows), "rows stand twice"
        )
        _labels(audits, plan, f"{name} train", use.task.labels, rows, largest.left_out)
        if len(rows) < largest.asked:
            audits.found(
                "training size", f"{name} train", [f"{largest.asked - len(rows)} rows"], 1,
                f"{largest.asked} rows asked, {len(rows)} exist",
            )  # fmt: skip
        for test_name, test in tests.items():
            if test.dataset.task == use.task.name:
                _overlap(audits, f"{name} train × {test_name} test", test.examples, rows)
        pool = [
            one for planned in plan.variants.values() if planned.training is largest for one in planned.demonstrations
        ]
        unique = list({one.id: one for one in pool}.values())
        if unique:
            _overlap(audits, f"{name} train × its demonstrations", unique, rows)
            leaked = sorted(plan.data.leaked_training_demonstrations(largest.dataset))
            where = f"{name} demonstrations in training × its task's tests"
            total = len(unique) + len(leaked)
            audits.found("demonstrations", where, leaked, total, "test rows; left out of the pool")
            if not plan.data.corrected:
                for test_name, test in tests.items():
                    shared = {pair.first for pair in exact_overlap(unique, test.examples)}
                    where = f"{name} demonstrations in training × {test_name} test"
                    audits.found(
                        "demonstrations",
                        where,
                        sorted(shared),
                        len(unique),
                        "test rows shown in training, as published",
                    )
    for name, test in tests.items():
        task = plan.study.tasks[test.dataset.task].task
        repeated = [a for a, _ in duplicates_within(test.examples)]
        audits.found("repeated rows", f"{name} test", repeated, len(test.examples), "rows stand twice")
        _labels(audits, plan, f"{name} test", task.labels, test.examples, test.left_out)
        _demonstrations(audits, plan, name)
    return audits


def _overlap(audits: Audits, where: str, rows: Sequence[Example], others: Sequence[Example]) -> None:
    exact = {one for one, _ in exact_overlap(rows, others)}
    near = {pair.first for pair in near_overlap(rows, others)} - exact
    audits.found("exact overlap", where, sorted(exact), len(rows), "the same input stands on both sides")
    audits.found("near overlap", where, sorted(near), len(rows), "almost the same input stands on both sides")


def _labels(
    audits: Audits, plan: Plan, where: str, labels: Sequence[str], rows: Sequence[Example], left_out: Sequence[str]
) -> None:
    if not labels:
        return
    outside = list(left_out) + [row.id for row in rows if row.target not in labels]
    what = "are left out" if plan.data.corrected else "stay and can never be right"
    audits.found(
        "labels", where, outside, len(rows) + len(left_out), f"labels outside the label set; these rows {what}"
    )


def _demonstrations(audits: Audits, plan: Plan, name: str) -> None:
    """Demonstrations that are test rows: left out of the pool, or (as published) used."""
    cells = [cell for cell in plan.cells.values() if cell.test.dataset.name == name and cell.demonstrations]
    if not cells:
        return
    pool, leaked = plan.data.pool(cells[0].test.dataset)
    where = f"{name} demonstrations × {name} test"
    if plan.data.corrected:
        audits.found("demonstrations", where, leaked, len(pool) + len(leaked), "test rows; left out of the pool")
        return
    used = list({one.id: one for cell in cells for one in cell.demonstrations}.values())
    shared = sorted({one for one, _ in exact_overlap(used, cells[0].test.examples)})
    audits.found("demonstrations", where, shared, len(used), "test rows used as demonstrations, as published")
