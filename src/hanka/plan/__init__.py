"""Study → variants, cells, made data and probes with content ids, and the graph of independent work units."""

from __future__ import annotations

from dataclasses import replace

from hanka.models.catalogue import ModelRef
from hanka.models.identity import pin_revision
from hanka.plan.cells import base_cells, cells_of
from hanka.plan.elsewhere import is_undeclared, note_unread_labels, pinned_weights
from hanka.plan.parents import require_choices
from hanka.plan.perturbed import note_changed
from hanka.plan.probes import plan_probes
from hanka.plan.records import (
    STAGES,
    Plan,
    PlannedCell,
    PlannedData,
    PlannedParent,
    PlannedProbe,
    PlannedVariant,
    Unit,
)
from hanka.plan.variants import Variants
from hanka.records import Relation
from hanka.study.data import StudyData
from hanka.study.resolved import Study


def build_plan(study: Study, ask_hub: bool = False) -> Plan:
    """Expand a study into its plan; loads the rows it names, no model. Raises HankaError in one line.

    ask_hub: whether the hub may be asked which commit an unpinned revision stands for.
    """
    study = _pinned(study, ask_hub)
    plan = Plan(study, StudyData(study))
    plan.notes += [note for use in study.methods for note in use.skipped]
    variants = Variants(plan)
    made: dict[str, list[PlannedVariant]] = {}
    for model in study.models:
        made[model.name] = [variants.unadapted(model)] if model.is_language_model else []
        made[model.name] += variants.all_of(model)
    compared: dict[str, list[PlannedCell]] = {}
    cells: dict[str, PlannedCell] = {}
    untrained: list[tuple[PlannedVariant, str]] = []
    for model in study.models:
        rivals = [study.reference_of(model), *([model] if model.is_language_model else [])]
        bases = dict.fromkeys(variants.unadapted(one).variant.id for one in rivals)
        for planned in made[model.name]:
            if planned.variant.is_unadapted:
                continue
            if not planned.variant.trained_on:
                untrained.append((planned, next(iter(bases))))
                continue
            for cell in cells_of(plan, planned):
                if cell.cell.id not in cells:
                    cells[cell.cell.id] = cell
                    for base in bases:
                        compared.setdefault(base, []).append(cell)
    for model in study.models:
        for planned in made[model.name]:
            plan.variants.setdefault(planned.variant.id, planned)
            if planned.variant.is_unadapted:
                for cell in base_cells(plan, planned, compared.get(planned.variant.id, [])):
                    plan.add(cell)
    for planned, base in untrained:
        unknown: Relation | None = "undeclared" if is_undeclared(plan, planned) else None
        if unknown and planned.use.method.is_elsewhere:
            plan.note(
                f"{planned.variant.label}: nothing says what its weights were tuned on, so no test set is in its domain and "
                f"no decision is made of it; name data sets of the study in `trained_on`"
            )
        for cell in base_cells(plan, planned, compared.get(base, []), unknown):
            plan.add(cell)
    for cell in cells.values():
        plan.add(cell)
    require_choices(plan)
    plan_probes(plan)
    _note_shares(plan)
    note_changed(plan)
    note_unread_labels(plan)
    return plan


def _pinned(study: Study, ask_hub: bool) -> Study:
    """Return the study with every unpinned hub revision replaced by its commit, where that can be known."""
    pinned = {model.name: pin_revision(model, ask_hub) for model in study.models}

    def same(models: tuple[ModelRef, ...]) -> tuple[ModelRef, ...]:
        return tuple(pinned[model.name] for model in models)

    methods = tuple(
        replace(use, models=same(use.models), adaptations=pinned_weights(study, use, ask_hub)) for use in study.methods
    )
    return replace(study, models=same(study.models), methods=methods)


def _note_shares(plan: Plan) -> None:
    """Note which documents of a harness' groups the limit leaves out."""
    if not plan.study.harness:
        return
    from hanka.harness.shares import share_note

    for name, use in plan.study.harness.items():
        (dataset,) = plan.study.tasks[name].tests
        plan.notes += [note] if (note := share_note(use, plan.data.test(dataset).examples)) else []


__all__ = [
    "STAGES", "Plan", "PlannedCell", "PlannedData", "PlannedParent", "PlannedProbe", "PlannedVariant", "Unit",
    "build_plan",
]  # fmt: skip
