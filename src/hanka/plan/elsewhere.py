"""What follows from weights that come from elsewhere: what they were tuned on, and what cannot be made on quantised ones."""

from __future__ import annotations

from dataclasses import replace

from hanka.datasets.base import Dataset
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
