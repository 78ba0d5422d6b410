"""Tasks that a study declares by itself, without Python: classification with labels, or generation."""

from __future__ import annotations

from hanka.errors import nearest
from hanka.metrics import DEFAULT_METRICS, METRICS
from hanka.records import RELATIONS
from hanka.study.schema import TaskSpec
from hanka.study.source import Key, StudySource
from hanka.tasks import TASKS
from hanka.tasks.base import FIELD, Task

DECLARING = ("kind", "labels", "prompt", "prompts", "metric", "stop")
RESERVED = ("classification", "generation", *RELATIONS)
"Words that maps such as `eval.shots` use beside task names."


def resolve_task(source: StudySource, name: str, spec: TaskSpec) -> Task:
    """Return the built-in task, or the one the study declares. Raises StudyError."""
    key: Key = ("tasks", name)
    declared = [word for word in DECLARING if word in spec.model_fields_set]
    if name in TASKS:
        if declared:
            raise source.error((*key, declared[0]), f"{name} is a built-in task; declare your own under another name")
        return TASKS.get(name)
    if name in RESERVED:
        raise source.error(key, f"{name!r} is a word of the study file; give the task another name")
    if spec.kind is None and declared:
        raise source.error(
            (*key, "kind"), "the key is missing; an own task needs `kind: classification` or `kind: generation`"
        )
    if spec.kind is None:
        raise source.error(
            key,
            f"unknown task {name!r}: {nearest(name, TASKS.names())} (an own task needs "
            f"`kind:`, `prompt:` and, for classification, `labels:`)",
        )
    prompts = dict(spec.prompts)
    if spec.prompt is not None:
        if "p1" in prompts:
            raise source.error((*key, "prompts", "p1"), "`prompt:` is p1, too; keep one of them")
        prompts = {"p1": spec.prompt, **prompts}
    if not prompts:
        raise source.error(key, 'an own task needs `prompt:`, for example "Mail: {input}\\nTone:"')
    for prompt, template in prompts.items():
        if not FIELD.findall(template):
            place = ("prompt",) if spec.prompt is template else ("prompts", prompt)
            raise source.error((*key, *place), f"{template!r} has no {{field}} place, for example {{input}}")
    return _declare(source, key, name, spec, prompts)


def _declare(source: StudySource, key: Key, name: str, spec: TaskSpec, prompts: dict[str, str]) -> Task:
    if spec.kind == "classification":
        if len(spec.labels) < 2:
            raise source.error((*key, "labels"), f"{list(spec.labels)!r}: a classification needs at least two labels")
        padded = next((label for label in spec.labels if label != label.strip()), None)
        if padded is not None:
            raise source.error((*key, "labels"), f"{padded!r} begins or ends with white space; take it out")
        if spec.metric is not None:
            raise source.error((*key, "metric"), "a classification is scored by accuracy and macro-F1; leave it out")
        return Task(
            name,
            "classification",
            prompts,
            DEFAULT_METRICS["classification"],
            spec.labels,
            description="declared in the study",
        )
    if spec.labels:
        raise source.error((*key, "labels"), "a generation has no labels; say `kind: classification` or leave them out")
    primary = spec.metric or DEFAULT_METRICS["generation"][0]
    rankable = [m.name for m in METRICS if m.higher_is_better is not None and "generation" in m.kinds]
    if primary not in rankable:
        raise source.error((*key, "metric"), f"{primary!r} cannot rank a generation: {nearest(primary, rankable)}")
    metrics = (primary, *(m for m in DEFAULT_METRICS["generation"] if m != primary))
    return Task(name, "generation", prompts, metrics, stop=spec.stop, description="declared in the study")
