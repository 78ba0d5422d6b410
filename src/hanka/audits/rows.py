"""Audits that need rows alone: rows left out, overlap, repetition, groups, labels, sizes, demonstrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hanka.audits.files import audit_files
from hanka.audits.labels import as_asked, as_labelled, audit_labels, audit_texts, contradictory
from hanka.audits.record import Audits
from hanka.datasets.neighbours import one_noun_apart
from hanka.datasets.other_task import may_share_rows, side_by_side
from hanka.datasets.overlap import exact_overlap, near_overlap
from hanka.plan import Plan, PlannedVariant
from hanka.records import Example
from hanka.study.rows import RowsAsked, RowsOfTask, TestSet

MOST_OFFERED = 20_000
"Rows of an own file that are compared with test sets at most, those that are trained on always among them."
BLANK = " \t\u00a0\u3000"
"White space that a prompt should not end in; a line break may be meant."


def audit_rows(plan: Plan) -> Audits:
    """Run the audits that need rows alone."""
    audits = Audits()
    audit_files(plan, audits)
    tests = {  # copies with changed rows are looked at in their source, rows to validate on beside what trains
        cell.test.dataset.name: cell.test
        for cell in plan.cells.values()
        if cell.test.dataset.changed_from is None and cell.test.dataset.chooses_for is None
    }
    whole: set[str] = set()
    for planned in _largest(plan):
        _training_rows(audits, plan, planned, tests, whole)
    for name, test in tests.items():
        task = plan.study.tasks[test.dataset.task].task
        if task.kind == "harness":  # its documents are the harness' own
            continue
        if test.dataset.reading is None:  # own files were looked at as a whole
            audit_texts(audits, f"{name} test", task, test.examples)
        split = plan.data.left_out(test.dataset, "test")
        audit_labels(audits, f"{name} test", task.labels, test.examples, split, _outside(plan))
        _demonstrations(audits, plan, name)
    for use in plan.study.tasks.values():
        asked = use.task.prompts
        ends = [name for name, text in asked.items() if text != text.rstrip(BLANK)]
        message = (
            "prompts end in a space, and the answer follows them directly: take it out, or answers are spelt otherwise"
        )
        audits.found("prompts", use.task.name, ends, len(asked), message)
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
    return f" (seed {planned.variant.seed})" if planned.adaptation.train.sample != "first" else ""


def _training_rows(
    audits: Audits, plan: Plan, planned: PlannedVariant, tests: Mapping[str, TestSet], whole: set[str]
) -> None:
    """Audit a training set, part by part. whole: own data sets that were looked at already, added to."""
    own = planned.training
    assert own is not None
    for given in own.parts:
        part = replace(given, examples=as_labelled(given.task, given.examples))
        name, rows = part.dataset.name, part.examples
        where = f"{name} train" if len(own.parts) == 1 and own.name == name else f"{own.name}: {name} train"
        drawn = where + _seed(planned)
        split = plan.data.left_out(part.dataset, "train", own.asked)
        audit_labels(audits, drawn, part.task.labels, rows, split, _outside(plan))
        if own.name == name:  # a recipe says itself how many of those it makes
            message = f"rows are missing of the {own.asked} asked"
            audits.counted("training size", drawn, own.asked - len(rows), own.asked, message)
        shown = planned.demonstrations.get(name, ())
        if part.dataset.reading is None or own.name != name:
            audit_texts(audits, drawn, part.task, rows)
            _sides(audits, plan, part, tests, shown, drawn)
        elif name not in whole:  # what any seed and size may draw
            whole.add(name)
            train = planned.adaptation.train
            asked = RowsAsked(own.asked, train.sample, train.validation or 0.0, planned.variant.seed)
            used = {row.id for row in rows}
            others = [row for row in plan.data.split(part.dataset, asked)[0] if row.id not in used]
            offered = replace(part, examples=(*rows, *others[: max(0, MOST_OFFERED - len(rows))]))
            _sides(audits, plan, offered, tests, shown, where)


def _sides(
    audits: Audits, plan: Plan, part: RowsOfTask, tests: Mapping[str, TestSet], shown: Sequence[Example], where: str
) -> None:
    """Audit training rows against test sets that may hold them, the rows to validate on and what is shown in training."""
    labelled, rows = bool(part.task.labels), as_asked(part.task, part.examples)
    validation = as_asked(part.task, part.validation)
    for name, test in tests.items():
        if not may_share_rows(part.dataset, test.dataset):
            continue
        by_label = labelled or bool(plan.study.tasks[test.dataset.task].task.labels)
        for side, own in (("", part.examples), (", validation", part.validation)):
            if own:
                found, asked = side_by_side(part.dataset, own, test.dataset, test.examples)
                if test.dataset.task == part.task.name:
                    found, asked = as_asked(part.task, found), as_asked(part.task, asked)
                _overlap(audits, f"{where}{side} × {name} test", asked, found, by_label)
                if test.dataset.rows_of == part.dataset.rows_of:
                    _groups(audits, f"{where}{side} × {name} test", asked, found)
    if validation:
        _overlap(audits, f"{where} × its validation", validation, rows, labelled)
        _groups(audits, f"{where} × its validation", validation, rows)
    _training_demonstrations(audits, plan, part, shown, tests, where)


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
    _overlap(audits, f"{where} × its demonstrations", unique, part.examples, bool(part.task.labels))
    _groups(audits, f"{where} × its demonstrations", unique, part.examples)
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


def _overlap(audits: Audits, where: str, rows: Sequence[Example], others: Sequence[Example], labelled: bool) -> None:
    """Note the rows that are also on the other side, exactly or nearly, or that contradict it; labelled: targets are labels."""
    exact = {one for one, _ in exact_overlap(rows, others)}
    near = {pair.first for pair in near_overlap(rows, others)} | {pair.first for pair in one_noun_apart(rows, others)}
    audits.found("exact overlap", where, sorted(exact), len(rows), "the same input stands on both sides")
    audits.found("near overlap", where, sorted(near - exact), len(rows), "almost the same input stands on both sides")
    if labelled:
        known = set(contradictory(rows))
        ids = [name for name in contradictory(rows, others) if name not in known]
        audits.found("contradictions", where, ids, len(rows), "rows have another label on the other side")


def _groups(audits: Audits, where: str, rows: Sequence[Example], others: Sequence[Example]) -> None:
    """Note the rows of one data set whose declared group is on the other side, too."""
    groups = {row.group for row in others if row.group}
    audits.found(
        "groups", where, [row.id for row in rows if row.group in groups], len(rows), "rows of their group stand on the other side"
    )  # fmt: skip


def _outside(plan: Plan) -> str:
    return "are left out" if plan.data.corrected else "stay and can never be right"


def _demonstrations(audits: Audits, plan: Plan, name: str) -> None:
    """Demonstrations that are test rows: left out of the pool, or (as published) used."""
    cells = [
        cell
        for cell in plan.cells.values()
        if cell.test.dataset.name == name
        and cell.demonstrations
        and not cell.context.entry.shows_own  # a variant's rows are looked at as such
    ]
    if not cells:
        return
    pool, leaked = plan.data.pool(cells[0].test.dataset)
    where = f"{name} demonstrations × {name} test"
    if plan.data.corrected:
        audits.found("demonstrations", where, leaked, len(pool) + len(leaked), "test rows; left out of the pool")
        if "demonstrations" in cells[0].test.dataset.splits:  # else they are another data set's, with groups of its own
            _groups(audits, where, cells[0].test.examples, pool)
        return
    used = list({one.id: one for cell in cells for one in cell.demonstrations}.values())
    shared = sorted({one for one, _ in exact_overlap(used, cells[0].test.examples)})
    audits.found("demonstrations", where, shared, len(used), "test rows used as demonstrations, as published")
