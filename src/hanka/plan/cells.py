"""Variants × test sets × how they are asked → cells with content ids.

A variant is asked the test sets of what it was trained on, and one of every other task; with each its changed copies, asked the same. The base
model is asked all that its variants are asked; a base that cannot answer by itself is compared with the study's reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hanka.datasets.base import Dataset, nearest_relation
from hanka.engines import ENGINES
from hanka.identity import content_id
from hanka.plan.records import STAGES, Plan, PlannedCell, PlannedVariant
from hanka.records import RELATIONS, Cell, Relation
from hanka.study.context_declarations import ContextUse
from hanka.study.resolved import TaskUse
from hanka.study.rows import Shown, TestSet


class How(NamedTuple):
    """How a test set is asked."""

    shots: int
    "Demonstrations."
    prompt: str
    "Prompt set."
    draw: int
    "Demonstration draw."
    context: ContextUse
    "What stands before a query."


def cells_of(plan: Plan, planned: PlannedVariant) -> Iterator[PlannedCell]:
    """Yield the cells of a variant that was trained: its own tasks' test sets, and one of every other task."""
    study = plan.study
    trained = [study.datasets[name] for name in planned.variant.trained_on]
    own = [use for name, use in study.tasks.items() if any(dataset.task == name for dataset in trained)]
    asked: list[Dataset] = [test for use in own for test in use.tests]
    sizes = study.spec.eval.cross_task_sizes
    if study.spec.eval.cross_task and (sizes is None or planned.asked in sizes) and planned.use.method.crosses_tasks:
        asked += [use.tests[0] for use in study.tasks.values() if use not in own and use.tests]
    engine = ENGINES.get(planned.engine)
    for dataset in asked:
        task = study.tasks[dataset.task].task
        kinds = study.harness[task.name].kinds if task.kind == "harness" else (task.kind,)
        if why := next((why for kind in kinds if (why := engine.refusal(kind, task.name))), ""):
            plan.note(f"{planned.variant.label} is not asked {dataset.name}: {why}")
            continue
        if dataset.name in planned.variant.rehearsed and dataset not in trained:
            plan.note(
                f"{planned.variant.label} rehearses {dataset.name}: rows of the same kind as its test rows were among its own"
            )
        yield from _cells(plan, planned, dataset, nearest_relation(trained, dataset))


def base_cells(
    plan: Plan, base: PlannedVariant, compared: Sequence[PlannedCell], relation: Relation | None = None
) -> Iterator[PlannedCell]:
    """Yield what every cell that is compared with a base needs; without any, every test set of the study.

    relation: of all these test sets; None: the nearest that any variant has.
    """
    if not compared:
        for use in plan.study.tasks.values():
            for dataset in use.tests:
                own: Relation = (
                    "cross_task" if use.task.kind == "harness" else nearest_relation([_anchor(use)], dataset)
                )
                yield from _cells(plan, base, dataset, relation or own)
        return
    nearest: dict[str, Relation] = {}
    for one in compared:
        name = one.cell.test_dataset
        known = nearest.get(name, "cross_task")
        nearest[name] = one.cell.relation
        if one.cell.relation in RELATIONS:
            nearest[name] = min(known, one.cell.relation, key=RELATIONS.index)
    asked: dict[tuple[str, int, str, int, str], tuple[PlannedCell, How]] = {}
    for one in compared:
        how = How(one.cell.shots, one.cell.prompt, one.cell.draw, one.context)
        if one.context.entry.shows_own:  # a base has no rows: it is asked without any
            how = How(0, one.cell.prompt, 0, _plain(plan))
        asked[one.cell.test_dataset, how.shots, how.prompt, how.draw, how.context.label] = (one, how)
    for one, how in asked.values():
        if _is_meant(plan, base, how.shots, how.context):
            own = nearest[one.cell.test_dataset]
            yield _cell(plan, base, one.test, own if own not in RELATIONS else relation or own, how)


def _anchor(use: TaskUse) -> Dataset:
    return use.train or use.tests[0]


def _cells(plan: Plan, planned: PlannedVariant, dataset: Dataset, asked: Relation) -> Iterator[PlannedCell]:
    study = plan.study
    task = study.tasks[dataset.task].task
    test = plan.data.test(dataset)
    own = [(use, shown.n_shown) for use in study.contexts if (shown := _own_rows(plan, planned, dataset, use))]
    for prompt in study.prompts(task, asked):
        for shots in study.shots(task):
            for use in (one for one in _contexts(plan, dataset, shots) if _is_meant(plan, planned, shots, one)):
                for draw in range(study.spec.eval.draws if shots and use.entry.is_drawn else 1):
                    yield from _with_copies(plan, planned, test, asked, How(shots, prompt, draw, use))
        for use, shots in own:
            yield from _with_copies(plan, planned, test, asked, How(shots, prompt, 0, use))


def _with_copies(
    plan: Plan, planned: PlannedVariant, test: TestSet, asked: Relation, how: How
) -> Iterator[PlannedCell]:
    """Yield the cell of a test set, and those of its changed copies."""
    yield _cell(plan, planned, test, asked, how)
    for copy in plan.study.perturbed.get(test.dataset.name, ()):
        use = plan.study.recipes[copy.name].use
        perturbs = use.entry.perturbs
        if perturbs is None or how.shots < perturbs.fewest_shots(use.params):
            continue
        if how.context.entry.shows_own and planned.training is not None:
            n_shown = plan.data.own_rows(copy, planned.training, how.context).n_shown
            how = how._replace(shots=n_shown)
        yield _cell(plan, planned, plan.data.test(copy), "perturbed", how)


def _own_rows(plan: Plan, planned: PlannedVariant, dataset: Dataset, use: ContextUse) -> Shown | None:
    """Return the rows of a variant that stand before the queries of a test set of their task; None where it is not asked so."""
    training, own = planned.training, planned.adaptation.own.asking
    is_asked = own is None or own.contexts is None or use.label in own.contexts
    if not use.entry.shows_own or training is None or not is_asked:
        return None
    if planned.use.method.asked_with not in ("", use.entry.name):
        return None
    if not ENGINES.get(planned.engine).reads_contexts or not plan.study.tasks[dataset.task].task.is_prompted:
        return None
    if training.data_id:
        plan.note(f"{planned.variant.label} is not asked with {use.label}: its rows are made during the run")
        return None
    shown = plan.data.own_rows(dataset, training, use)
    if missing := shown.n_at_hand - shown.n_shown:
        plan.note(
            f"{use.label} shows {missing} fewer than the {shown.n_at_hand} rows of {planned.variant.label} (seed "
            f"{planned.variant.seed}) before {dataset.name}: they are test rows of it"
        )
    return shown if shown.examples else None


def _plain(plan: Plan) -> ContextUse:
    """Return the context that stands for all that show nothing without demonstrations; the first one where every one inserts."""
    shared = [use for use in plan.study.contexts if not use.entry.shows_own]
    return next((use for use in shared if not use.entry.inserts), shared[0])


def _contexts(plan: Plan, dataset: Dataset, shots: int) -> list[ContextUse]:
    """Return the contexts that differ at a shot count: without demonstrations, those that insert nothing are one.

    Nothing stands before a text that is scored by itself, and what stands before a harness' question is its own.
    """
    study = plan.study
    shared = [use for use in study.contexts if not use.entry.shows_own]
    if not study.tasks[dataset.task].task.is_prompted:
        return shared[:1]
    if not shots:
        return [use for use in shared if use.entry.inserts or use is _plain(plan)]
    found = []
    for use in shared:
        strange = [
            name
            for name in use.entry.sources(use.params)
            if use.entry.reads == "train" and study.datasets[name].task != dataset.task
        ]
        if strange:
            plan.note(
                f"{use.label} does not stand before {dataset.name}: {strange[0]} is of task {study.datasets[strange[0]].task}"
            )
        else:
            found.append(use)
    return found


def _is_meant(plan: Plan, planned: PlannedVariant, shots: int, use: ContextUse) -> bool:
    """Tell whether a variant is to be asked this way: its entry wants it, and its engine reads what is shown.

    Without demonstrations, a context that inserts nothing is every such context.
    """
    own, shows = planned.adaptation.own.asking, bool(shots) or use.entry.inserts
    if planned.use.method.asked_with not in ("", use.entry.name):
        return False
    if shows and not ENGINES.get(planned.engine).reads_contexts:
        return False
    if own is None:
        return True
    wanted = [one for one in plan.study.contexts if own.contexts is None or one.label in own.contexts]
    same = use in wanted if shows else any(not one.entry.inserts and not one.entry.shows_own for one in wanted)
    return same and (own.shots is None or shots in own.shots)


def _cell(plan: Plan, planned: PlannedVariant, test: TestSet, asked: Relation, how: How) -> PlannedCell:
    study = plan.study
    task = study.tasks[test.dataset.task].task
    engine = ENGINES.get(planned.engine)
    if how.context.entry.shows_own and planned.training is not None:
        shown = plan.data.own_rows(test.dataset, planned.training, how.context)
    else:
        shown = plan.data.shown(test.dataset, how.draw, how.shots, how.context)
    if shown.n_at_hand < how.shots:
        raise study.source.error(
            ("eval", "shots"),
            f"{how.shots} demonstrations are asked of dataset {test.dataset.name}, which has {shown.n_at_hand} that "
            f"are not test rows: ask fewer, or give it `demonstrations:`",
        )
    content = {
        "stage": STAGES["predict"],
        "variant": planned.variant.id,
        "engine": [engine.name, engine.version],
        "rows": test.fingerprint,
        "demonstrations": shown.fingerprint,
        "context": how.context.content
        if how.context.entry.inserts or how.context.entry.shows_own or (how.context.entry.per_query and how.shots)
        else None,
        "task": [task.name, task.version, task.kind, task.template(how.prompt), list(task.labels)],
        "answering": study.answering(task, planned.model),
        "prompt": how.prompt,
        "shots": how.shots,
        "draw": how.draw,
        "dtype": planned.dtype,
        "tokens": study.policy.content(),
        "protocol": study.spec.protocol,
    }
    if test.dataset.changed_from is not None:
        content["perturbed"] = study.recipes[test.dataset.name].use.content
    block = study.spec.eval.rows_between_looks
    if block is not None:
        content["grows"] = {"block": block, "seed": study.spec.seeds[0]}
    cell = Cell(
        content_id(content), planned.variant.id, task.name, test.dataset.name, asked, how.shots, how.prompt, how.draw,
        how.context.label,
    )  # fmt: skip
    demonstrations = () if how.context.entry.per_query else shown.examples
    n_rows = len(test.examples)
    grows = block is not None and task.kind != "harness"  # a harness draws its demonstrations row by row
    return PlannedCell(cell, test, demonstrations, how.context, min(block or n_rows, n_rows) if grows else n_rows)
