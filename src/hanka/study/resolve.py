"""Turn a study file into a Study: names become tasks, datasets, methods and model references.

Everything that can be checked before a model is loaded is checked here; each mistake is one StudyError
that names file, line, key, value, and the allowed or nearest value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanka.datasets.base import Dataset, Roles, relation
from hanka.errors import HankaError, StudyError, nearest
from hanka.methods import METHODS
from hanka.methods.contract import Method, Params
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.identity import model_identity
from hanka.records import RELATIONS, Relation
from hanka.study.dataset_declarations import resolve_datasets
from hanka.study.messages import first_mistake
from hanka.study.schema import BaseModelSpec, MethodSpec, StudySpec, TaskSpec, for_task
from hanka.study.source import Key, StudySource, read_source
from hanka.study.task_declarations import resolve_task
from hanka.tasks.base import Task

COMMIT = re.compile(r"[0-9a-f]{40}")
"A revision that cannot move."


@dataclass(frozen=True, slots=True)
class TaskUse:
    """A task with the datasets that play its roles."""

    task: Task
    "The task."
    train: Dataset | None
    "What its variants train on; None when it is only tested."
    in_domain: tuple[Dataset, ...]
    "Test sets of the training domain; the first one serves cross-task tests."
    out_of_domain: tuple[Dataset, ...]
    "Test sets of other domains."

    @property
    def tests(self) -> tuple[Dataset, ...]:
        """All test sets of the task."""
        return self.in_domain + self.out_of_domain


@dataclass(frozen=True, slots=True)
class MethodUse:
    """One entry of `methods`, its parameters resolved for each trained task."""

    method: Method
    "The method."
    label: str
    "What tables call it."
    params: Mapping[str, Params]
    "Parameters by task name."
    key: Key = ("methods",)
    "Where it stands in the study file."


@dataclass(frozen=True, slots=True)
class Study:
    """The resolved study."""

    spec: StudySpec
    "The study file with every default."
    base_dir: Path
    "Folder that relative paths start from."
    models: tuple[ModelRef, ...]
    "Base models."
    tasks: Mapping[str, TaskUse]
    "Tasks by name, in the order of the file."
    methods: tuple[MethodUse, ...]
    "Methods in the order of the file; base first."
    source: StudySource
    "The file, so that later checks can name its lines."

    @property
    def scoring(self) -> str:
        """How labels are chosen: full, normalised or first_token."""
        return self.spec.eval.scoring or ("first_token" if self.spec.protocol == "paper" else "full")

    @property
    def demonstrations(self) -> str:
        """How demonstrations are chosen: drawn or first."""
        return self.spec.eval.demonstrations or ("first" if self.spec.protocol == "paper" else "drawn")

    def answering(self, task: Task) -> dict[str, Any]:
        """How a task's answers come out: label scoring, or generation with cap and stops."""
        if task.kind == "classification":
            return {"scoring": self.scoring}
        return {"max_new_tokens": self.spec.eval.max_new_tokens, "stop": list(task.stop)}

    def shots(self, task: Task) -> tuple[int, ...]:
        """Shot counts a test set of this task is asked with."""
        found: tuple[int, ...] = for_task(self.spec.eval.shots, task.name, task.kind, (0,))
        return found

    def prompts(self, task: Task, asked: Relation) -> tuple[str, ...]:
        """Prompt sets a test set of this task is asked with at this relation."""
        value = self.spec.eval.prompts
        if isinstance(value, dict) and asked in value:
            return tuple(value[asked])
        found: tuple[str, ...] = for_task(value, task.name, task.kind, ("p1",))
        return found


def load_study(path: Path, base: str | None = None, limit: int | None = None) -> Study:
    """Read, check and resolve a study file.

    base: replaces the file's base models. limit: caps training and test rows alike.
    Raises StudyError with one line for the first mistake.
    """
    return resolve(read_source(path), base, limit)


def resolve(source: StudySource, base: str | None = None, limit: int | None = None) -> Study:
    """Check and resolve what a study file says; see `load_study`."""
    try:
        spec = StudySpec.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error) from None
    if base is not None:
        spec = spec.model_copy(update={"base": (BaseModelSpec.model_construct(model=base),)})
    if limit is not None:
        spec = _limited(spec, limit)
    base_dir = source.path.resolve().parent
    tasks = {name: resolve_task(source, name, task) for name, task in spec.tasks.items()}
    datasets, roles = resolve_datasets(source, spec, tasks, base_dir)
    uses = {name: _task_use(source, spec.tasks[name], tasks[name], datasets, roles) for name in tasks}
    models = _models(source, spec, base_dir, base is not None)
    study = Study(spec, base_dir, models, uses, _methods(source, spec, uses), source)
    _check_evaluation(source, study)
    return study


def _limited(spec: StudySpec, limit: int) -> StudySpec:
    cross = spec.eval.cross_task_sizes
    methods = []
    for entry in spec.methods:
        own = entry.params.get("sizes")
        capped = {} if own is None else {"sizes": _capped(own, limit)}
        methods.append(entry.model_copy(update={"params": {**entry.params, **capped}}))
    evaluation = {
        "limit": min(spec.eval.limit or limit, limit),
        "cross_task_sizes": None if cross is None else tuple(_capped(list(cross), limit)),
    }
    return spec.model_copy(
        update={
            "train": spec.train.model_copy(update={"sizes": tuple(_capped(list(spec.train.sizes), limit))}),
            "eval": spec.eval.model_copy(update=evaluation),
            "methods": tuple(methods),
        }
    )


def _capped(sizes: Any, limit: int) -> Any:
    """Cap sizes, a list or a map from task or kind to one; what is neither is left to the later check."""
    if isinstance(sizes, dict):
        return {name: _capped(value, limit) for name, value in sizes.items()}
    if isinstance(sizes, list):
        return list(dict.fromkeys(min(size, limit) if isinstance(size, int) else size for size in sizes))
    return sizes


def _models(source: StudySource, spec: StudySpec, base_dir: Path, overridden: bool) -> tuple[ModelRef, ...]:
    """Find every base model; `overridden`: it comes from the command line, so no line of the file is to blame."""
    several = isinstance(source.values.get("base"), list)
    found: list[ModelRef] = []
    for index, base in enumerate(spec.base):
        key: Key = ("base", index) if several else ("base",)
        try:
            model = find_model(base.model, base_dir, base.trust_remote_code)
            if model.kind == "folder":
                model_identity(model)
        except HankaError as error:
            if overridden:
                raise StudyError(f"--base: {error}") from None
            raise source.error(key, str(error)) from None
        if base.trust_remote_code and model.kind == "hub" and not COMMIT.fullmatch(model.revision):
            raise source.error(
                key,
                f"trust_remote_code runs {model.hub_id}'s own code and needs a pinned revision (a full "
                f"commit, 40 digits), not {model.revision!r}: write model: {model.hub_id}@<commit>",
            )
        if any(model.name == other.name for other in found):
            raise source.error(key, f"{base.model!r} stands twice; keep one")
        found.append(model)
    return tuple(found)


def _task_use(
    source: StudySource, spec: TaskSpec, task: Task, datasets: Mapping[str, Dataset], roles: Mapping[str, Roles]
) -> TaskUse:
    """Give a task its datasets: those the study names, else the source's defaults."""
    key: Key = ("tasks", task.name)
    default = roles.get(task.name, Roles(None, (), ()))
    said = spec.model_fields_set
    train_name = spec.train if "train" in said else default.train
    in_names = spec.in_domain if "in_domain" in said else default.in_domain
    out_names = spec.out_of_domain if "out_of_domain" in said else default.out_of_domain
    if spec.train is not None and spec.train != default.train:
        in_names = spec.in_domain
        out_names = spec.out_of_domain
    if not in_names and not out_names:
        raise source.error(key, "has no test set; name at least one under `in_domain:` or `out_of_domain:`")

    def find(role: str, name: str, index: int = 0) -> Dataset:
        """Return the dataset a role names, or say what is wrong with it."""
        here = (*key, role, index)
        having = [one.name for one in datasets.values() if one.task == task.name]
        if name not in datasets:
            raise source.error(here, f"unknown dataset {name!r}: {nearest(name, having or datasets)}")
        found = datasets[name]
        if found.task != task.name:
            raise source.error(
                here, f"dataset {name!r} belongs to task {found.task}, not to {task.name}; of {task.name}: "
                f"{', '.join(having) or 'none'}"
            )  # fmt: skip
        split = "train" if role == "train" else "test"
        if split not in found.splits:
            having = [one.name for one in datasets.values() if one.task == task.name and split in one.splits]
            raise source.error(
                here, f"dataset {name!r} has no {split} rows; with {split} rows: {', '.join(having) or 'none'}"
            )
        return found

    train = find("train", train_name) if train_name else None
    in_domain = tuple(find("in_domain", name, index) for index, name in enumerate(in_names))
    out_of_domain = tuple(find("out_of_domain", name, index) for index, name in enumerate(out_names))
    both = {dataset.name for dataset in in_domain} & {dataset.name for dataset in out_of_domain}
    if both and "out_of_domain" in said:
        raise source.error((*key, "out_of_domain"), f"{sorted(both)[0]!r} stands under in_domain, too; keep one")
    anchor = train or (in_domain[0] if in_domain else None)
    if anchor:
        _check_domains(source, key, anchor, in_domain, out_of_domain)
    return TaskUse(task, train, in_domain, out_of_domain)


def _check_domains(
    source: StudySource, key: Key, anchor: Dataset, inside: Iterable[Dataset], outside: Iterable[Dataset]
) -> None:
    """Roles must follow from the declared domains; the study may change a domain, visibly."""
    for role, sets in (("in_domain", inside), ("out_of_domain", outside)):
        for index, dataset in enumerate(sets):
            if relation(anchor, dataset) != role:
                other = "out_of_domain" if role == "in_domain" else "in_domain"
                raise source.error(
                    (*key, role, index),
                    f"{dataset.name!r} has domain {dataset.domain!r} and {anchor.name!r} has {anchor.domain!r}, "
                    f"so it is {other}; move it there, or set datasets.{dataset.name}.domain",
                )


def _methods(source: StudySource, spec: StudySpec, tasks: Mapping[str, TaskUse]) -> tuple[MethodUse, ...]:
    trained = {name: use.task for name, use in tasks.items() if use.train}
    uses = []
    labels: dict[str, int] = {}
    for index, entry in enumerate(spec.methods):
        use = _method_use(source, index, entry, trained, set(tasks))
        if use.label in labels:
            raise source.error(
                ("methods", index), f"two methods are called {use.label!r}; give one of them another `name:`"
            )
        labels[use.label] = index
        uses.append(use)
    if any(use.method.trains for use in uses) and not trained:
        raise source.error(("tasks",), "no task has a training set, but methods that train are named")
    return tuple(sorted(uses, key=lambda use: use.method.trains))


def _method_use(
    source: StudySource, index: int, entry: MethodSpec, trained: Mapping[str, Task], tasks: set[str]
) -> MethodUse:
    if entry.method not in METHODS:
        raise source.error(
            ("methods", index), f"unknown method {entry.method!r}: {nearest(entry.method, METHODS.names())}"
        )
    method = METHODS.get(entry.method)
    key: Key = ("methods", index, entry.method)
    label = entry.params.get("name") or entry.method
    if not isinstance(label, str):
        raise source.error((*key, "name"), f"{label!r} is not text; give a label such as {entry.method}-2")
    params: dict[str, Params] = {}
    for task in trained.values() if method.trains else ():
        params[task.name] = _params(source, key, method, _for_task(source, key, entry, task, tasks))
    if not params:
        _params(
            source, key, method, {name: value for name, value in entry.params.items() if not isinstance(value, dict)}
        )
    return MethodUse(method, label, params, key)


def _for_task(source: StudySource, key: Key, entry: MethodSpec, task: Task, tasks: set[str]) -> dict[str, Any]:
    """Return the parameters a method entry has for a task; a map goes by task or task kind."""
    words = tasks | {"classification", "generation"}
    values: dict[str, Any] = {}
    for param, value in entry.params.items():
        if not isinstance(value, dict):
            values[param] = value
            continue
        if not value:
            raise source.error((*key, param), "an empty map; give a value, or a map from task or task kind to a value")
        for word in value:
            if word not in words:
                raise source.error(
                    (*key, param, word),
                    f"{word!r} is no task of the study and no task kind: {nearest(str(word), words)}",
                )
        if task.name in value or task.kind in value:
            values[param] = for_task(value, task.name, task.kind, None)
    return values


def _params(source: StudySource, key: Key, method: Method, values: Mapping[str, Any]) -> Params:
    try:
        return method.params.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, key, method.params) from None


def _check_evaluation(source: StudySource, study: Study) -> None:
    """Check what `eval` and `train` say against tasks and methods."""
    words = {"classification", "generation", *study.tasks}
    for name, extra in (("shots", set()), ("prompts", set(RELATIONS))):
        value = getattr(study.spec.eval, name)
        for word in value if isinstance(value, dict) else ():
            if word not in words | extra:
                raise source.error(
                    ("eval", name, word),
                    f"{word!r} is no task of the study and no task kind: {nearest(word, words | extra)}",
                )
    for use in study.tasks.values():
        asked: list[tuple[Key, str]] = [(("train", "prompt"), study.spec.train.prompt)] if use.train else []
        for rel in RELATIONS:
            asked += [(("eval", "prompts"), prompt) for prompt in study.prompts(use.task, rel)]
        for key, prompt in asked:
            if prompt not in use.task.prompts:
                raise source.error(
                    key, f"task {use.task.name} has no prompt {prompt!r}: {nearest(prompt, use.task.prompts)}"
                )
    _check_cross_task_sizes(source, study)


def _check_cross_task_sizes(source: StudySource, study: Study) -> None:
    sizes = set(study.spec.train.sizes)
    for method in study.methods:
        for params in method.params.values():
            sizes |= set(getattr(params, "sizes", None) or ())
    for size in study.spec.eval.cross_task_sizes or ():
        if size not in sizes and study.spec.eval.cross_task:
            allowed = ", ".join(map(str, sorted(sizes)))
            raise source.error(("eval", "cross_task_sizes"), f"no method trains on {size} rows; sizes are {allowed}")
