"""What a plan holds: variants, cells, made data and probes with content ids, and the graph of work units.

What is meant to change a number is inside an id; how it is computed is outside. Equal ids are equal
work, done once: the base model's cells serve every comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hanka import __version__
from hanka.engines import ENGINE_OF, STEERED_BY
from hanka.methods.contract import Adaptation, TrainingData, TrainingPart, start_of
from hanka.models.catalogue import ModelRef
from hanka.records import Cell, Example, Variant
from hanka.store.folder import FORMAT
from hanka.study.context_declarations import ContextUse
from hanka.study.data import StudyData
from hanka.study.method_declarations import MethodUse
from hanka.study.probe_declarations import ProbeUse
from hanka.study.recipe_declarations import RecipeUse
from hanka.study.resolved import Study
from hanka.study.rows import RowsAsked, TestSet, TrainingSet

STAGES = {"prepare": 1, "adapt": 2, "predict": 2, "probe": 1}
"Raised by hand when a stage gives other numbers from the same input."
UnitKind = Literal["prepare", "adapt", "evaluate", "probe"]


@dataclass(frozen=True, slots=True)
class PlannedParent:
    """A variant that another one is made from."""

    variant_id: str
    "The variant."
    step: int | None
    "A kept checkpoint of its training; None: the end."


@dataclass(frozen=True, slots=True, eq=False)
class PlannedVariant:
    """A variant with what it is made from."""

    variant: Variant
    "The record."
    model: ModelRef
    "Its base model."
    use: MethodUse
    "Its entry of `methods`."
    adaptation: Adaptation
    "Its parameters."
    training: TrainingSet | None = None
    "Its rows; None where it needs none of its own, or when they are missing."
    demonstrations: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    "By data set of the training set, the pool that demonstrations in training are drawn from; empty: none are shown."
    parents: tuple[PlannedParent, ...] = ()
    "Variants it is made from, in the order of `Method.parents`."
    companions: tuple[Adaptation, ...] = ()
    "Parameters of the methods whose rows must fit, too (train.match)."
    asked: int = 0
    "Training rows that the study asks for; a published file may be a few short."
    blocked: str = ""
    "Why it cannot be made; its cells become failed rows."
    candidates: tuple[PlannedVariant, ...] = ()
    "Those that its method chooses among, all of one engine; empty where it chooses among none."

    @property
    def engine(self) -> str:
        """Return which engine answers for it: the one its method names, else that of its kind of base."""
        if self.candidates:
            return self.candidates[0].engine
        own = self.use.method.engine
        if self.model.served is not None:
            return STEERED_BY.get(own, ENGINE_OF[self.model.kind])
        return ENGINE_OF[self.model.kind] if own == "local" else own

    @property
    def rows_fingerprint(self) -> str:
        """Return the fingerprint of its rows, in order; empty where it has none or they are yet to be made."""
        return "" if self.training is None or self.training.data_id else self.training.fingerprint

    @property
    def dtype(self) -> str:
        """Return in which arithmetic it answers."""
        return self.adaptation.train.dtype

    @property
    def making_dtype(self) -> str:
        """Return in which arithmetic its base is lent to its method.

        Small steps vanish in bfloat16 weights, and so do the ends of a line between two: who writes weights gets float32.
        """
        tuner = self.adaptation.tuner
        writes_weights = tuner.needs_float32 if tuner else self.engine == "local" and bool(self.parents)
        return "float32" if writes_weights else self.dtype

    @property
    def voices(self) -> tuple[tuple[str, PlannedParent], ...]:
        """Return the variants that its engine hears beside it, by the part they play; of candidates, those of the first."""
        if self.candidates:
            return self.candidates[0].voices
        return tuple(zip(self.use.method.roles, self.parents, strict=False))

    @property
    def data_id(self) -> str:
        """Return the work that makes its rows; empty where it has none or they were here."""
        return "" if self.training is None else self.training.data_id

    @property
    def started_from(self) -> str:
        """Return the variant whose weights training starts from; empty: those of the base."""
        starts = self.use.method.course and start_of(self.adaptation.own)
        return self.parents[0].variant_id if starts else ""

    @property
    def taught_by(self) -> str:
        """Return the variant that a student learns from where another one teaches it; empty: none, or what it starts from."""
        objective = self.adaptation.objective
        is_student = objective is not None and objective.needs_teacher
        return self.parents[-1].variant_id if is_student and len(self.parents) > bool(self.started_from) else ""

    def data(self, training: TrainingSet | None = None) -> TrainingData:
        """Return what it learns from; training: its rows once a recipe has made them."""
        rows = training or self.training
        if rows is None:
            return TrainingData(())
        pools = self.demonstrations
        parts = tuple(
            TrainingPart(part.task, part.examples, pools.get(part.dataset.name, ()), part.validation)
            for part in rows.parts
        )
        return TrainingData(parts, self.companions)


@dataclass(frozen=True, slots=True, eq=False)
class PlannedCell:
    """A cell with what it asks."""

    cell: Cell
    "The record."
    test: TestSet
    "The rows."
    demonstrations: tuple[Example, ...]
    "What stands before every query, in order; empty where the context chooses for each query."
    context: ContextUse
    "What stands before a query."
    n_first: int
    "Rows that are asked before anyone looks: all of them, unless the study grows until it is decided."


@dataclass(frozen=True, slots=True, eq=False)
class PlannedData:
    """Training rows that a recipe makes out of variants."""

    id: str
    "Content id."
    recipe: RecipeUse
    "How."
    asked: RowsAsked
    "Rows asked for, and which are set aside to validate on."
    n_rows: int
    "Rows it makes."
    parents: tuple[PlannedParent, ...]
    "Variants it asks."
    prompt: str = "p1"
    "Prompt set they are asked with: that of the training."


@dataclass(frozen=True, slots=True, eq=False)
class PlannedProbe:
    """A diagnostic of one variant."""

    id: str
    "Content id."
    variant_id: str
    "The variant."
    use: ProbeUse
    "The probe with its parameters."


@dataclass(frozen=True, slots=True)
class Unit:
    """One independent piece of work."""

    id: str
    "kind:content id."
    kind: UnitKind
    "Make rows, make a variant, answer its cells, or measure it."
    of: str
    "Id of the data, the variant (adapt, evaluate) or the probe."
    needs: tuple[str, ...] = ()
    "Unit ids that must be done before."


@dataclass(slots=True, eq=False)
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
    made: dict[str, PlannedData] = field(default_factory=dict)
    "Rows that recipes make out of variants, by id."
    probes: dict[str, PlannedProbe] = field(default_factory=dict)
    "By id."
    notes: list[str] = field(default_factory=list)
    "What the study names and the plan leaves out, each with why."
    _by_variant: dict[str, list[PlannedCell]] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Note what is left out, once."""
        self.notes += [] if line in self.notes else [line]

    def add(self, cell: PlannedCell) -> None:
        """Add a cell unless equal work is planned already."""
        if cell.cell.id not in self.cells:
            self.cells[cell.cell.id] = cell
            self._by_variant.setdefault(cell.cell.variant_id, []).append(cell)

    def cells_of(self, variant_id: str) -> Sequence[PlannedCell]:
        """Return a variant's cells, grouped so that cells of one test set and prompt follow each other."""
        return self._by_variant.get(variant_id, [])

    def learner(self, planned: PlannedVariant) -> PlannedVariant:
        """Return the variant that learnt from rows of its own: itself, or the first of its parents that did."""
        while planned.training is None and planned.parents:
            planned = self.variants[planned.parents[0].variant_id]
        return planned

    def unadapted(self, planned: PlannedVariant) -> PlannedVariant:
        """Return a variant's base as it is."""
        return next(one for one in self.variants.values() if one.variant.is_unadapted and one.model == planned.model)

    def meant_shots(self, planned: PlannedVariant) -> int:
        """Return the shots a variant is meant to be asked with: those it was trained with or chosen at, or its first parent was."""
        if planned.use.method.course or planned.use.method.chooses or not planned.parents:
            return planned.adaptation.shown.shots
        return self.meant_shots(self.variants[planned.parents[0].variant_id])

    def ancestry(self, variant_id: str) -> Iterator[PlannedVariant]:
        """Yield the variants that one is made from, directly or not, parents first, each once."""
        seen: dict[str, PlannedVariant] = {}

        def visit(one: str) -> None:
            for parent in self.variants[one].parents:
                if parent.variant_id not in seen:
                    visit(parent.variant_id)
                    seen[parent.variant_id] = self.variants[parent.variant_id]

        visit(variant_id)
        yield from seen.values()

    def units(self) -> list[Unit]:
        """Return the work graph, every unit after those it needs: base models first, then variant by variant."""
        units: dict[str, Unit] = {}

        def adapt(variant_id: str) -> str:
            """Add what makes a variant, behind what it needs, and what is done with it; return the unit's id."""
            name = f"adapt:{variant_id}"
            if name in units:
                return name
            planned = self.variants[variant_id]
            needs = [adapt(parent.variant_id) for parent in planned.parents]
            if planned.training is not None and planned.training.data_id:
                needs.append(prepare(planned.training.data_id))
            units[name] = Unit(name, "adapt", variant_id, tuple(dict.fromkeys(needs)))
            units[f"evaluate:{variant_id}"] = Unit(f"evaluate:{variant_id}", "evaluate", variant_id, (name,))
            for probe in self._probes_of(variant_id):
                asked = (self.unadapted(planned).variant.id,) if probe.use.entry.needs != "weights" else ()
                both = tuple(dict.fromkeys((*map(adapt, asked), name)))
                units[f"probe:{probe.id}"] = Unit(f"probe:{probe.id}", "probe", probe.id, both)
            return name

        def prepare(data_id: str) -> str:
            """Add what makes rows, behind the variants it asks; return the unit's id."""
            name = f"prepare:{data_id}"
            if name not in units:
                needs = [adapt(parent.variant_id) for parent in self.made[data_id].parents]
                units[name] = Unit(name, "prepare", data_id, tuple(dict.fromkeys(needs)))
            return name

        for variant_id in self.variants:
            adapt(variant_id)
        return list(units.values())

    def _probes_of(self, variant_id: str) -> Iterator[PlannedProbe]:
        return (probe for probe in self.probes.values() if probe.variant_id == variant_id)

    def as_json(self) -> dict[str, Any]:
        """Return what plan.json holds."""
        return {
            "hanka": __version__,
            "format": FORMAT,
            "study": self.study.spec.name,
            "protocol": self.study.spec.protocol,
            "variants": [
                asdict(planned.variant)
                | {"blocked": planned.blocked, "meant_shots": self.meant_shots(planned)}
                | {"changes_weights": planned.use.method.changes_weights, "rows": planned.rows_fingerprint}
                | {"parent_steps": [parent.step for parent in planned.parents], "base_kind": planned.model.kind}
                | {"started_from": planned.started_from, "taught_by": planned.taught_by, "data": planned.data_id}
                for planned in self.variants.values()
            ],
            "cells": [asdict(planned.cell) | {"n_rows": len(planned.test.examples)} for planned in self.cells.values()],
            "data": [
                {"id": one.id, "name": one.recipe.name, "recipe": one.recipe.use.entry.name, "n_rows": one.n_rows}
                | {"params": one.recipe.use.params.model_dump(mode="json"), "asked": one.asked.size}
                for one in self.made.values()
            ],
            "probes": [
                {"id": one.id, "variant_id": one.variant_id, "probe": one.use.entry.name, "label": one.use.label}
                | {"params": one.use.params.model_dump(mode="json")}
                for one in self.probes.values()
            ],
            "notes": self.notes,
        }
