"""Which diagnostic is measured of which variant: added to a plan whose variants are known.

A probe of weights is measured of what has weights of its own; one that asks is measured of whom it says, bases as they are among them, and
its id holds the rows it reads and how they are asked.
"""

from __future__ import annotations

from typing import Any

from hanka.engines import ENGINES
from hanka.errors import nearest
from hanka.identity import content_id
from hanka.plan.records import STAGES, Plan, PlannedProbe, PlannedVariant
from hanka.probes.contract import AS_IT_IS
from hanka.study.probe_declarations import ProbeUse

IN_MEMORY = ("local", "combined")
"Engines of models whose next tokens can be read whole."


def plan_probes(plan: Plan) -> None:
    """Add every probe of every variant that it is measured of. Raises StudyError for a data set that is not there."""
    for use in plan.study.probes:
        _require_sources(plan, use)
    for planned in plan.variants.values():
        for use in plan.study.probes:
            if not _concerns(planned, use):
                continue
            if use.entry.needs == "weights" and (why := _no_weights(planned)):
                plan.note(f"{planned.variant.label} is not measured by {use.label}: {why}")
                continue
            content = {
                "stage": STAGES["probe"],
                "variant": planned.variant.id,
                "probe": use.content,
                **_asked(plan, planned, use),
            }
            found = PlannedProbe(content_id(content), planned.variant.id, use)
            plan.probes[found.id] = found


def _require_sources(plan: Plan, use: ProbeUse) -> None:
    datasets = plan.study.datasets
    for name in use.entry.sources(use.params):
        if name not in datasets:
            raise plan.study.source.error((*use.key, "of"), f"unknown data set {name!r}: {nearest(name, datasets)}")
        dataset = datasets[name]
        if dataset.task not in plan.study.tasks or "test" not in dataset.splits:
            why = (
                "has no test rows"
                if "test" not in dataset.splits
                else f"belongs to task {dataset.task}, which the study does not name"
            )
            raise plan.study.source.error((*use.key, "of"), f"data set {name!r} {why}; name another one")


def _concerns(planned: PlannedVariant, use: ProbeUse) -> bool:
    """Tell whether a probe is measured of a variant."""
    whom, needs = use.entry.whom(use.params), use.entry.needs
    if planned.variant.is_unadapted:
        fits = planned.engine in IN_MEMORY or (needs == "answers" and planned.model.is_language_model)
        return AS_IT_IS in whom and fits
    if "variant" not in whom or not planned.use.method.changes_weights:
        return False
    if needs == "answers":
        return "text" in ENGINES.get(planned.engine).answers
    return planned.engine in (IN_MEMORY if needs == "next_tokens" else ("local",))


def _asked(plan: Plan, planned: PlannedVariant, use: ProbeUse) -> dict[str, Any]:
    """Return what a probe's answers depend on beside the variant; nothing for one that asks nothing."""
    names = use.entry.sources(use.params)
    if not names:
        return {}
    study, engine = plan.study, ENGINES.get(planned.engine)
    tasks = [study.tasks[study.datasets[name].task].task for name in names]
    return {
        "rows": {name: plan.data.test(study.datasets[name]).fingerprint for name in names},
        "tasks": [[task.name, task.version, dict(task.prompts), list(task.labels)] for task in tasks],
        "answering": [study.answering(task) for task in tasks],
        "engine": [engine.name, engine.version],
        "prompt": study.spec.train.prompt,
        "tokens": study.policy.content(),
    }


def _no_weights(planned: PlannedVariant) -> str:
    """Say why a variant, or one that may be chosen for it, has no weights in the place of its base's."""
    if planned.candidates:
        return next((why for one in planned.candidates if (why := _no_weights(one))), "")
    tuner = planned.adaptation.tuner
    return (
        f"{tuner.name} changes no weights of the base, because {tuner.not_merged}" if tuner and tuner.not_merged else ""
    )
