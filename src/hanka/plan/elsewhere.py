"""What follows from weights that come from elsewhere, or stay there: what they were tuned on, what cannot be made on quantised ones, and
which served models can be steered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hanka.datasets.base import Dataset
from hanka.engines.contract import Steering
from hanka.errors import ModelError
from hanka.methods.contract import Adaptation
from hanka.models.catalogue import ModelRef
from hanka.plan.records import Plan, PlannedVariant
from hanka.study.method_declarations import MethodUse
from hanka.study.resolved import Study


def learnt_elsewhere(study: Study, use: MethodUse, adaptation: Adaptation) -> tuple[Dataset, ...]:
    """Return the data sets that weights from elsewhere were tuned on, as the entry declares them.

    Empty where it does not, and for methods that train here.
    """
    return tuple(study.datasets[name] for name in use.method.trained_on(adaptation.own) or ())


def pinned_weights(study: Study, use: MethodUse, ask_hub: bool) -> dict[str, Adaptation]:
    """Return an entry's adaptations with hub revisions of weights as commits, where these can be known. Raises StudyError."""
    try:
        return {train: replace(one, own=use.method.pinned(one.own, ask_hub)) for train, one in use.adaptations.items()}
    except ModelError as error:
        raise study.source.error((*use.key, "path"), str(error)) from None


def is_undeclared(plan: Plan, planned: PlannedVariant) -> bool:
    """Tell whether nobody said what a variant was tuned on: weights from elsewhere, or what is made from these alone."""
    whole = [planned, *plan.ancestry(planned.variant.id)]
    return not planned.variant.trained_on and any(one.use.method.is_elsewhere for one in whole)


def refuse_quantised(study: Study, use: MethodUse, model: ModelRef) -> None:
    """Raise StudyError where weights that are quantised while they are loaded would have to change."""
    if not model.load:
        return
    made = list(use.adaptations.values())
    changing = sorted({one.tuner.name for one in made if one.tuner is not None and one.tuner.changes_weights})
    folds = any(one.own.folds_weights or use.method.parents(one.own) for one in made)
    if changing or (folds and use.method.engine == "local" and not use.method.chooses):
        why = f"peft {' and '.join(changing)} changes them" if changing else "it folds other weights into them"
        raise study.source.error(
            use.key, f"{use.label} cannot be made on {model.name!r}, whose weights are quantised (load: {model.load}): {why}; "
            f"train an adapter, or name other bases with `bases:`"
        )  # fmt: skip


def refuse_unsteerable(study: Study, use: MethodUse, model: ModelRef, parents: Sequence[ModelRef]) -> None:
    """Raise StudyError for a served base that cannot be steered as it is asked, and for one in memory that is to list its tokens.

    parents: bases of what steers it.
    """
    told = use.method.engine_params(use.adaptation("").own) if use.method.roles else None
    if not isinstance(told, Steering):
        return
    error, served = study.source.error, model.served
    if served is None:
        if told.top is not None:
            raise error(
                (*use.key, "top"), f"top: {told.top} is what a served base is asked to list, and {model.name} is in memory and heard whole; "
                f"leave it out, or name served bases with `bases:`"
            )  # fmt: skip
        return
    if served.api != "completions" or served.labels != "logprobs":
        said = f"api: {served.api}" if served.api != "completions" else f"labels: {served.labels}"
        raise error(
            use.key, f"{model.name} is asked with `{said}`, and a steered server goes on with text, token by token: say `server: {{api: "
            f"completions, labels: logprobs}}` of that base, or name other bases with `bases:`"
        )  # fmt: skip
    for one in parents:
        if not one.is_loaded:
            raise error(
                use.key, f"{one.name} is behind an endpoint, and a served model is steered by models in memory; name their base: `expert: "
                f"{{of: ENTRY, base: NAME}}`"
            )  # fmt: skip


def note_unread_labels(plan: Plan) -> None:
    """Note the served bases that score labels of which nobody can say before the run how they fall into tokens."""
    study = plan.study
    scored = {
        plan.variants[cell.cell.variant_id].model
        for cell in plan.cells.values()
        if study.tasks[cell.cell.test_task].task.kind == "classification"
    }
    for model in study.models:
        if model in scored and model.served and model.served.labels == "logprobs" and study.spelling_of(model) is None:
            plan.note(
                f"{model.name}: whether labels begin with the same tokens could not be counted before the run, for nothing says whose "
                f"tokenizer its server has (server: {{tokenizer: MODEL}})"
            )
