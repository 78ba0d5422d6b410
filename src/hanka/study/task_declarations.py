"""Tasks that a study declares by itself, without Python: labels, written text or numbers, or text that is scored."""

from __future__ import annotations

import re

from pydantic import ValidationError

from hanka.declared.messages import first_mistake
from hanka.errors import nearest
from hanka.metrics import DEFAULT_METRICS, METRICS
from hanka.records import RELATIONS, TASK_KINDS, TaskKind
from hanka.study.schema import TaskSpec
from hanka.study.source import Key, StudySource
from hanka.tasks import TASKS
from hanka.tasks.base import DEFAULT_VERIFIERS, FIELD, Task
from hanka.tasks.likelihood import NOTHING_ASKED
from hanka.tasks.messages import asks_messages
from hanka.tasks.verifiers import VERIFIERS, VerifierParams

DECLARING = ("kind", "labels", "prompt", "prompts", "metric", "stop", "verifier")
RESERVED = (*TASK_KINDS, *RELATIONS)
"Words that maps such as `eval.shots` use beside task names."
VERIFIED_METRICS = ("solved", "reward", "label_share", "distinct_share", "length_ratio", "cap_hits")
"Of a generation whose answers are checked by value: overlap of words says nothing of them."
DOUBLED = re.compile(r"\{\{[A-Za-z_][A-Za-z0-9_]*\}\}")
"A place as some template languages write it."
DECLARED = "declared in the study"


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
            (*key, "kind"), f"the key is missing; an own task needs `kind:`, one of {', '.join(TASK_KINDS)}"
        )
    if spec.kind is None:
        raise source.error(
            key,
            f"unknown task {name!r}: {nearest(name, TASKS.names())} (an own task needs "
            f"`kind:`, `prompt:` and, for classification, `labels:`)",
        )
    if spec.kind == "likelihood":
        return _likelihood(source, key, name, spec)
    prompts = _prompts(source, key, spec)
    if spec.kind == "classification":
        return _classification(source, key, name, spec, prompts)
    talks = any(map(asks_messages, prompts.values())) and "stop" not in spec.model_fields_set
    stop = () if talks else spec.stop
    return _written(source, key, Task(name, spec.kind, prompts, (), stop=stop, description=DECLARED), spec)


def _prompts(source: StudySource, key: Key, spec: TaskSpec) -> dict[str, str]:
    prompts = dict(spec.prompts)
    if spec.prompt is not None:
        if "p1" in prompts:
            raise source.error((*key, "prompts", "p1"), "`prompt:` is p1, too; keep one of them")
        prompts = {"p1": spec.prompt, **prompts}
    if not prompts:
        raise source.error(key, 'an own task needs `prompt:`, for example "Mail: {input}\\nTone:"')
    for prompt, template in prompts.items():
        place = ("prompt",) if spec.prompt is template else ("prompts", prompt)
        doubled = DOUBLED.search(template)
        if doubled:
            raise source.error(
                (*key, *place), f"{doubled[0]} would put the text between braces: write {doubled[0][1:-1]}, or, where braces are "
                f"meant, {{ {doubled[0][1:-1]} }}"
            )  # fmt: skip
        if not FIELD.findall(template):
            raise source.error((*key, *place), f"{template!r} has no {{field}} place, for example {{input}}")
    return prompts


def _classification(source: StudySource, key: Key, name: str, spec: TaskSpec, prompts: dict[str, str]) -> Task:
    if len(spec.labels) < 2:
        raise source.error((*key, "labels"), f"{list(spec.labels)!r}: a classification needs at least two labels")
    padded = next((label for label in spec.labels if label != label.strip()), None)
    if padded is not None:
        raise source.error((*key, "labels"), f"{padded!r} begins or ends with white space; take it out")
    if spec.metric is not None:
        raise source.error((*key, "metric"), "a classification is scored by accuracy and macro-F1; leave it out")
    if spec.verifier is not None:
        raise source.error((*key, "verifier"), "a classification is judged by its labels; leave it out")
    metrics = DEFAULT_METRICS["classification"]
    return Task(name, "classification", prompts, metrics, spec.labels, description=DECLARED)


def _likelihood(source: StudySource, key: Key, name: str, spec: TaskSpec) -> Task:
    for word in DECLARING[1:]:
        if word in spec.model_fields_set:
            raise source.error((*key, word), "a likelihood scores text and asks nothing; leave it out")
    return Task(name, "likelihood", NOTHING_ASKED, DEFAULT_METRICS["likelihood"], stop=(), description=DECLARED)


def _written(source: StudySource, key: Key, task: Task, spec: TaskSpec) -> Task:
    """Give a task whose answers are written its verifier and metrics."""
    kind = task.kind
    if spec.labels:
        raise source.error((*key, "labels"), f"a {kind} has no labels; say `kind: classification` or leave them out")
    verifier, params = _verifier(source, (*key, "verifier"), kind, spec)
    defaults = DEFAULT_METRICS[kind] if verifier == DEFAULT_VERIFIERS[kind] else VERIFIED_METRICS
    primary = spec.metric or defaults[0]
    rankable = [metric.name for metric in METRICS if metric.higher_is_better is not None and kind in metric.kinds]
    if primary not in rankable:
        raise source.error((*key, "metric"), f"{primary!r} cannot rank a {kind}: {nearest(primary, rankable)}")
    return Task(
        task.name,
        kind,
        task.prompts,
        (primary, *(metric for metric in defaults if metric != primary)),
        stop=task.stop,
        description=task.description,
        verifier=verifier,
        verifier_params=params,
    )


def _verifier(source: StudySource, key: Key, kind: TaskKind, spec: TaskSpec) -> tuple[str, VerifierParams]:
    """Return the verifier that a study names with its parameters, or that of the kind."""
    given = spec.verifier or DEFAULT_VERIFIERS[kind]
    name, values = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    allowed = ["number"] if kind == "regression" else [one for one in VERIFIERS.names() if one != "label"]
    if name not in allowed:
        raise source.error(key, f"{name!r} cannot judge a {kind}: {nearest(name, allowed)}")
    params = VERIFIERS.get(name).params
    try:
        return name, params.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, params, (*key, name)) from None
