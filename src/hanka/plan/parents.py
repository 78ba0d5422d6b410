"""Which variants may be parents of another one: refused in one line, before any work.

Between a study's entries and `plan.variants`, which asks for every parent by itself; `require_choices` looks at a finished plan.
"""

from __future__ import annotations

from typing import NamedTuple

from hanka.methods.contract import start_of
from hanka.models.catalogue import ModelRef
from hanka.plan.records import Plan, PlannedVariant
from hanka.records import Parent
from hanka.study.method_declarations import MethodUse
from hanka.study.resolved import Study


class Wanted(NamedTuple):
    """A parent that an entry names."""

    use: MethodUse
    "The entry that names it."
    model: ModelRef
    "Base of the variant to be made."
    at: int
    "Its place among the parents."
    parent: Parent
    "As it is named."
    its_model: ModelRef
    "The parent's base."
    entry: MethodUse | None
    "The entry that makes it; None for a base as it is."


def refuse_unfit(study: Study, wanted: Wanted) -> None:
    """Raise StudyError for a parent that cannot be what the method makes of it: weights put onto its own base."""
    use, model, at, parent, its_model, entry = wanted
    error, method = study.source.error, use.method
    if its_model.kind == "encoder":
        raise error(use.key, f"{its_model.name} is an encoder; {method.name} needs a language model's weights")
    starts = method.stands_on != "start" or bool(start_of(use.adaptation(next(iter(use.adaptations))).own))
    fits = method.chooses or method.stands_on == "together" or (at == 0 and method.stands_on != "base" and starts)
    if fits and its_model.name != model.name:
        raise error(
            use.key, f"{parent.label!r} of {its_model.name} has weights for that base, and they do not fit on "
            f"{model.name}: leave out `base:`, or say `bases: [{its_model.name}]`"
        )  # fmt: skip
    if entry is None and method.chooses:
        raise error(
            use.key, f"{method.name} chooses among what was adapted, and {parent.label!r} is not adapted; name another entry"
        )  # fmt: skip
    if entry is None and method.stands_on in ("beside", "together"):
        raise error(
            use.key, f"{method.name} reads what adapting changed, and {parent.label!r} is not adapted; name another entry"
        )  # fmt: skip
    if entry is None and (parent.train or parent.size or parent.step is not None):
        raise error(use.key, f"{parent.label!r} is a base as it is: it has no `train`, `size` or `step`; leave it out")
    if entry is not None and _leaves_none(entry, method.chooses):
        raise error(
            use.key, f"{parent.label!r} ({entry.method.name}) leaves no weights that another variant could be made from; "
            f"name an entry that does"
        )  # fmt: skip


def _leaves_none(entry: MethodUse, is_choice: bool) -> bool:
    """Tell whether an entry leaves nothing to go on from; what only answers may be chosen all the same."""
    return not entry.method.changes_weights or (entry.method.engine != "local" and not is_choice)


def require_choices(plan: Plan) -> None:
    """Raise StudyError where a variant is to be chosen and its candidates cannot be compared on the same validation rows."""
    for planned in plan.variants.values():
        if planned.use.method.chooses:
            _require_choice(plan, planned)


def _require_choice(plan: Plan, planned: PlannedVariant) -> None:
    error, use = plan.study.source.error, planned.use
    candidates = planned.candidates
    first, learner = candidates[0], plan.learner(planned)
    for one in candidates[1:]:
        if one.engine != first.engine or one.dtype != first.dtype:
            raise error(
                use.key, f"{first.variant.label!r} answers by engine {first.engine} in {first.dtype} and {one.variant.label!r} by "
                f"{one.engine} in {one.dtype}: choose among entries that answer in one way"
            )  # fmt: skip
    rows = learner.training
    if rows is None:  # missing data, which is said where they are missing
        return
    if not rows.validation_fingerprint:
        raise error(
            use.key, f"{rows.name} has no rows to validate on, and they choose: give a share of its rows "
            f"(train.validation: 0.2), or a file (datasets.{rows.name}.validation)"
        )  # fmt: skip
    if len(rows.parts) > 1:
        raise error(
            use.key, f"{rows.name} is of {len(rows.parts)} data sets, whose values are of different kinds: choose among "
            f"entries that were trained on one"
        )  # fmt: skip
    shots, pool = (
        planned.adaptation.shown.shots,
        plan.data.training_demonstrations(rows.parts[0].dataset, planned.variant.seed),
    )
    if len(pool) < shots:
        raise error(
            (*use.key, "shots"), f"{shots} demonstrations are asked before validation rows, and dataset {rows.name} has "
            f"{len(pool)}: ask fewer, or give it more demonstrations"
        )  # fmt: skip
    for one in candidates[1:]:
        other = plan.learner(one).training
        if other is not None and other.validation_fingerprint != rows.validation_fingerprint:
            raise error(
                use.key, f"{first.variant.label!r} and {one.variant.label!r} set other rows aside to validate on: choose "
                f"among entries with one `validation`, `sample` and training set"
            )  # fmt: skip
