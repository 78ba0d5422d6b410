"""Study → variants and cells with content ids, and the graph of independent work units.

What is meant to change a number is inside an id; how it is computed is outside. Equal ids are equal
work, done once: the base model's cells serve every comparison. Two kinds of unit: adapt a variant, and
evaluate its cells, which needs the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hanka import __version__
from hanka.datasets.base import Dataset, relation
from hanka.errors import DataMissingError
from hanka.identity import content_id, fingerprint
from hanka.methods.contract import TrainingParams
from hanka.models.catalogue import ModelRef
from hanka.models.identity import model_identity, pin_revision
from hanka.records import RELATIONS, Cell, Example, Relation, Variant
from hanka.study.data import StudyData, TestSet, TrainingSet
from hanka.study.resolve import MethodUse, Study, TaskUse

STAGES = {"adapt": 1, "predict": 1}
"Raised by hand when a stage gives other numbers from the same input."

RUNTIME_KEYS = ("micro_batch_tokens", "gradient_checkpointing", "checkpoint_seconds")
"Training parameters that change memory and speed, not the result."


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A variant with what it is made from."""

    variant: Variant
    "The record."
    model: ModelRef
    "Its base model."
    use: TaskUse | None
    "The task it trains on; None for base."
    method: MethodUse
    "Its method."
    training: TrainingSet | None
    "Its rows; None for base, or when they are missing."
    demonstrations: tuple[Example, ...]
    "The pool `fticl` draws from."
    companions: tuple[dict[str, Any], ...] = ()
    "Parameters of the methods whose rows must fit, too (train.match)."
    blocked: str = ""
    "Why it cannot be made; its cells become failed rows."


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell with what it asks."""

    cell: Cell
    "The record."
    test: TestSet
    "The rows."
    demonstrations: tuple[Example, ...]
    "What stands before every query, in order."


@dataclass(frozen=True, slots=True)
class Unit:
    """One independent piece of work."""

    id: str
    "kind:variant id."
    kind: Literal["adapt", "evaluate"]
    "Make the variant, or answer its cells."
    variant_id: str
    "The variant."
    needs: tuple[str, ...] = ()
    "Unit ids that must be done before."


@dataclass(slots=True)
class Plan:
    """All variants, cells and units of a study."""

    study: Study
    "The study."
    data: StudyData
    "Its rows."
    variants: dict[str, PlannedVariant] = field(default_factory=dict)
    "By id, in the order of the study."
    cells: dict[str, PlannedCell] = field(default_factory=dict)
    "By id; `add` is the way in."
    _by_variant: dict[str, list[PlannedCell]] = field(default_factory=dict)

    def add(self, cell: PlannedCell) -> None:
        """Add a cell unless equal work is planned already."""
        if cell.cell.id not in self.cells:
            self.cells[cell.cell.id] = cell
            self._by_variant.setdefault(cell.cell.variant_id, []).append(cell)

    def cells_of(self, variant_id: str) -> Sequence[PlannedCell]:
        """Return a variant's cells, grouped so that cells of one test set and prompt follow each other."""
        return self._by_variant.get(variant_id, [])

    def units(self) -> list[Unit]:
        """Return the work graph: base models first, then variant by variant."""
        units = []
        for variant_id in self.variants:
            adapt = Unit(f"adapt:{variant_id}", "adapt", variant_id)
            units += [adapt, Unit(f"evaluate:{variant_id}", "evaluate", variant_id, (adapt.id,))]
        return units

    def as_json(self) -> dict[str, Any]:
        """Return what plan.json holds."""
        from dataclasses import asdict

        return {
            "hanka": __version__,
            "study": self.study.spec.name,
            "protocol": self.study.spec.protocol,
            "variants": [asdict(planned.variant) | {"blocked": planned.blocked} for planned in self.variants.values()],
            "cells": [asdict(planned.cell) | {"n_rows": len(planned.test.examples)} for planned in self.cells.values()],
        }


def build_plan(study: Study, ask_hub: bool = False) -> Plan:
    """Expand a study into its plan; loads the rows it names, no model. Raises HankaError in one line.

    ask_hub: whether the hub may be asked which commit an unpinned revision stands for.
    """
    study = replace(study, models=tuple(pin_revision(model, ask_hub) for model in study.models))
    plan = Plan(study, StudyData(study))
    for model in study.models:
        identity = model_identity(model)
        made = [_base_variant(study, model, identity)]
        for use in study.tasks.values():
            made += _trained_variants(plan, model, identity, use)
        for planned in made:
            plan.variants.setdefault(planned.variant.id, planned)
        cells: dict[str, PlannedCell] = {}
        for planned in made[1:]:
            for cell in _trained_cells(plan, planned):
                cells.setdefault(cell.cell.id, cell)
        for cell in (*_base_cells(plan, made[0], list(cells.values())), *cells.values()):
            plan.add(cell)
    return plan


def _tokens(study: Study) -> dict[str, Any]:
    return study.spec.tokens.model_dump()


def _base_variant(study: Study, model: ModelRef, identity: dict[str, Any]) -> PlannedVariant:
    from hanka.methods.unadapted import BASE

    content = {
        "stage": STAGES["adapt"],
        "base": identity,
        "dtype": study.spec.train.dtype,
        "method": [BASE.name, BASE.version],
    }
    method = next((use for use in study.methods if use.method is BASE), MethodUse(BASE, BASE.name, {}))
    variant = Variant(content_id(content), model.name, "base", method.label, {}, "", "", 0, study.spec.seeds[0])
    return PlannedVariant(variant, model, None, method, None, ())


def _trained_variants(plan: Plan, model: ModelRef, identity: dict[str, Any], use: TaskUse) -> Iterator[PlannedVariant]:
    study = plan.study
    if use.train is None:
        return
    matched = study.spec.train.match == "supervised_tokens"
    for method in study.methods:
        if not method.method.trains:
            continue
        own = method.params[use.task.name]
        assert isinstance(own, TrainingParams)
        companions = tuple(
            resolved_params(study, other, use)
            for other in study.methods
            if matched and other.method.trains and other is not method
        )
        for size in own.sizes or study.spec.train.sizes:
            for seed in study.spec.seeds:
                yield _trained_variant(plan, model, identity, use, _Choice(method, size, seed, companions))


@dataclass(frozen=True, slots=True)
class _Choice:
    method: MethodUse
    size: int
    seed: int
    companions: tuple[dict[str, Any], ...]


def resolved_params(study: Study, method: MethodUse, use: TaskUse) -> dict[str, Any]:
    """Merge the study's training defaults with what a method says for a task."""
    shared = study.spec.train.model_dump(exclude={"sizes", "match"})
    own = method.params[use.task.name].model_dump(exclude={"name", "sizes"}, exclude_none=True)
    merged = {**shared, **own}
    merged.setdefault("alpha", None)
    return {**merged, "tokens": _tokens(study)}


def _trained_variant(
    plan: Plan, model: ModelRef, identity: dict[str, Any], use: TaskUse, choice: _Choice
) -> PlannedVariant:
    study, train = plan.study, use.train
    assert train is not None
    params = resolved_params(study, choice.method, use)
    blocked, training = "", None
    try:
        training = plan.data.training(train, choice.size)
        rows = training.fingerprint
    except DataMissingError as error:
        blocked, rows = str(error), f"missing:{train.name}:{choice.size}"
    pool = plan.data.training_demonstrations(train, choice.seed) if "shots" in params else ()
    if len(pool) < params.get("shots", 0):
        raise study.source.error(
            (*choice.method.key, "shots"),
            f"{params['shots']} demonstrations are asked before each example and dataset {train.name} has {len(pool)}: "
            f"ask fewer, or give it more demonstrations",
        )
    needed = pool if params.get("draw") == "per_example" else pool[: params.get("shots", 0)]
    content = {
        "stage": STAGES["adapt"],
        "base": identity,
        "method": [choice.method.method.name, choice.method.method.version],
        "params": {key: value for key, value in params.items() if key not in RUNTIME_KEYS},
        "task": [use.task.name, use.task.template(params["prompt"]), list(use.task.labels)],
        "rows": rows,
        "demonstrations": fingerprint(needed),
        "companions": [
            {key: value for key, value in one.items() if key not in RUNTIME_KEYS} for one in choice.companions
        ],
        "protocol": study.spec.protocol,
        "seed": choice.seed,
    }
    variant = Variant(
        id=content_id(content),
        base=model.name,
        method=choice.method.method.name,
        label=choice.method.label,
        params=params,
        train_task=use.task.name,
        train_dataset=train.name,
        train_size=len(training.examples) if training else choice.size,
        seed=choice.seed,
    )
    return PlannedVariant(variant, model, use, choice.method, training, pool, choice.companions, blocked)


def _trained_cells(plan: Plan, planned: PlannedVariant) -> Iterator[PlannedCell]:
    """Yield a variant's cells: its own task's test sets, and one of every other task."""
    study, own = plan.study, planned.use
    assert own is not None
    assert own.train is not None
    asked: list[Dataset] = list(own.tests)
    sizes = study.spec.eval.cross_task_sizes
    size = planned.training.asked if planned.training else planned.variant.train_size
    if study.spec.eval.cross_task and (sizes is None or size in sizes):
        asked += [other.tests[0] for other in study.tasks.values() if other is not own]
    for dataset in asked:
        yield from _cells(plan, planned.variant.id, dataset, relation(own.train, dataset))


def _base_cells(plan: Plan, base: PlannedVariant, trained: Sequence[PlannedCell]) -> Iterator[PlannedCell]:
    """Yield what every trained cell is compared with; without any, every test set of the study."""
    if not trained:
        for use in plan.study.tasks.values():
            for dataset in use.tests:
                anchor = use.train or use.tests[0]
                yield from _cells(plan, base.variant.id, dataset, relation(anchor, dataset))
        return
    nearest: dict[str, Relation] = {}
    for one in trained:
        name = one.cell.test_dataset
        known = nearest.get(name, "cross_task")
        nearest[name] = min(known, one.cell.relation, key=RELATIONS.index)
    asked = {(one.cell.test_dataset, (one.cell.shots, one.cell.prompt, one.cell.draw)): one.test for one in trained}
    for (name, how), test in asked.items():
        yield _cell(plan, base.variant.id, test, nearest[name], how)


def _cells(plan: Plan, variant_id: str, dataset: Dataset, asked: Relation) -> Iterator[PlannedCell]:
    study = plan.study
    task = study.tasks[dataset.task].task
    test = plan.data.test(dataset)
    for prompt in study.prompts(task, asked):
        for shots in study.shots(task):
            for draw in range(study.spec.eval.draws if shots else 1):
                yield _cell(plan, variant_id, test, asked, (shots, prompt, draw))


def _cell(plan: Plan, variant_id: str, test: TestSet, asked: Relation, how: tuple[int, str, int]) -> PlannedCell:
    study = plan.study
    shots, prompt, draw = how
    task = study.tasks[test.dataset.task].task
    shown = plan.data.shown(test.dataset, draw, shots)
    if len(shown.examples) < shots:
        raise study.source.error(
            ("eval", "shots"),
            f"{shots} demonstrations are asked of dataset {test.dataset.name}, which has {len(shown.examples)} that "
            f"are not test rows: ask fewer, or give it `demonstrations:`",
        )
    content = {
        "stage": STAGES["predict"],
        "variant": variant_id,
        "rows": test.fingerprint,
        "demonstrations": shown.fingerprint,
        "task": [task.name, task.kind, task.template(prompt), list(task.labels)],
        "answering": study.answering(task),
        "prompt": prompt,
        "shots": shots,
        "draw": draw,
        "dtype": study.spec.train.dtype,
        "tokens": _tokens(study),
        "protocol": study.spec.protocol,
    }
    cell = Cell(content_id(content), variant_id, task.name, test.dataset.name, asked, shots, prompt, draw)
    return PlannedCell(cell, test, shown.examples)
