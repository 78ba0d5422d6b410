"""Audits that need rows alone: overlap, repetition, labels, sizes, demonstrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hanka.audits.record import Audits
from hanka.datasets.overlap import duplicates_within, exact_overlap, near_overlap
from hanka.plan import Plan, PlannedVariant
from hanka.records import Example
from hanka.study.rows import RowsOfTask, TestSet
from hanka.tasks.base import Task


def audit_rows(plan: Plan) -> Audits:
    """Run the audits that need rows alone: overlap, repetition, labels, sizes."""
    audits = Audits()
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    for planned in _largest(plan):
        _training_rows(audits, plan, planned, tests)
    for name, test in tests.items():
        task = plan.study.tasks[test.dataset.task].task
        repeated = [a for a, _ in duplicates_within(_as_asked(task, test.examples))]
        audits.found("repeated rows", f"{name} test", repeated, len(test.examples), "rows stand twice")
        _labels(audits, plan, f"{name} test", task.labels, test.examples, test.left_out)
        _demonstrations(audits, plan, name)
    return audits


def _largest(plan: Plan) -> list[PlannedVariant]:
    """Return, by training set and seed that draws it, the variant with most of its rows; those yet to be made are left out."""
    found: dict[tuple[str, str], PlannedVariant] = {}
    for planned in plan.variants.values():
        own = planned.training
        if own is None or own.data_id:
            continue
        key = (own.name, _seed(planned))
        known = found.get(key)
        if known is None or known.training is None or own.n_rows > known.training.n_rows:
            found[key] = planned
    ordered = [use.train.name for use in plan.study.tasks.values() if use.train]
    rank = {name: place for place, name in reversed(list(enumerate([*ordered, *(name for name, _ in found)])))}
    return [found[key] for key in sorted(found, key=lambda key: rank[key[0]])]


def _seed(planned: PlannedVariant) -> str:
    """Return the training seed where it draws the rows, in words; empty where all seeds have the same."""
    return f" (seed {planned.variant.seed})" if planned.adaptation.train.sample == "seeded" else ""


def _training_rows(audits: Audits, plan: Plan, planned: PlannedVariant, tests: Mapping[str, TestSet]) -> None:
    """Audit a training set, part by part, against the test sets of its tasks and its demonstrations."""
    own = planned.training
    assert own is not None
    for part in own.parts:
        name, rows = part.dataset.name, part.examples
        where = f"{name} train" if len(own.parts) == 1 and own.name == name else f"{own.name}: {name} train"
        where += _seed(planned)
        repeated = [a for a, _ in duplicates_within(_as_asked(part.task, rows))]
        audits.found("repeated rows", where, repeated, len(rows), "rows stand twice")
        _labels(audits, plan, where, part.task.labels, rows, own.left_out if len(own.parts) == 1 else ())
        if own.name == name and len(rows) < own.asked:  # a recipe says itself how many of those it makes
            audits.found(
                "training size",
                where,
                [f"{own.asked - len(rows)} rows"],
                1,
                f"{own.asked} rows asked, {len(rows)} exist",
            )
        for test_name, test in tests.items():
            if test.dataset.task == part.task.name:
                asked = _as_asked(part.task, test.examples)
                _overlap(audits, f"{where} × {test_name} test", asked, _as_asked(part.task, rows))
                if part.validation:
                    validation = _as_asked(part.task, part.validation)
                    _overlap(audits, f"{where}, validation × {test_name} test", asked, validation)
        if part.validation:
            _overlap(audits, f"{where} × its validation", part.validation, rows)
        _training_demonstrations(audits, plan, part, planned.demonstrations.get(name, ()), tests, where)


def _training_demonstrations(
    audits: Audits,
    plan: Plan,
    part: RowsOfTask,
    pool: Sequence[Example],
    tests: Mapping[str, TestSet],
    where: str,
) -> None:
    """Audit what is shown in training: apart from the rows, and no test rows."""
    unique, name = list({one.id: one for one in pool}.values()), part.dataset.name
    if not unique:
        return
    _overlap(audits, f"{where} × its demonstrations", unique, part.examples)
    leaked = sorted(plan.data.leaked_training_demonstrations(part.dataset))
    total = len(unique) + len(leaked)
    audits.found(
        "demonstrations", f"{name} demonstrations in training × its task's tests", leaked, total,
        "test rows; left out of the pool",
    )  # fmt: skip
    if plan.data.corrected:
        return
    for test_name, test in tests.items():
        shared = {pair.first for pair in exact_overlap(unique, test.examples)}
        audits.found(
            "demonstrations", f"{name} demonstrations in training × {test_name} test", sorted(shared), len(unique),
            "test rows shown in training, as published",
        )  # fmt: skip


def _as_asked(task: Task, rows: Sequence[Example]) -> Sequence[Example]:
    """Return rows with what is compared of them as input: of a text that nothing is asked about, the text."""
    if task.kind != "likelihood":
        return rows
    return [replace(row, fields={"text": row.target}) for row in rows]


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
