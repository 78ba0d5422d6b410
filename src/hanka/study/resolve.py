"""Turn a study file into a Study: names become tasks, datasets, methods and model references.

Everything that can be checked before a model is loaded is checked here; each mistake is one StudyError
that names file, line, key, value, and the allowed or nearest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset, Roles, relation
from hanka.datasets.own import OwnSpec, own_dataset
from hanka.errors import HankaError, nearest
from hanka.methods import METHODS
from hanka.methods.contract import Method, Params
from hanka.models.catalogue import ModelRef, find_model
from hanka.records import Relation
from hanka.study.messages import first_mistake
from hanka.study.schema import DatasetSpec, MethodSpec, StudySpec, TaskSpec, for_task
from hanka.study.source import Key, StudySource, read_source
from hanka.study.task_declarations import resolve_task
from hanka.tasks.base import Task


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

    @property
    def scoring(self) -> str:
        """How labels are chosen: full, normalised or first_token."""
        return self.spec.eval.scoring or ("first_token" if self.spec.protocol == "paper" else "full")

    @property
    def demonstrations(self) -> str:
        """How demonstrations are chosen: drawn or first."""
        return self.spec.eval.demonstrations or ("first" if self.spec.protocol == "paper" else "drawn")

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
    if base:
        spec = spec.model_copy(update={"base": StudySpec.model_validate({**source.values, "base": base}).base})
    if limit:
        spec = _limited(spec, limit)
    base_dir = source.path.resolve().parent
    tasks = {name: resolve_task(source, name, task) for name, task in spec.tasks.items()}
    datasets, roles = _datasets(source, spec, tasks, base_dir)
    uses = {name: _task_use(source, spec.tasks[name], tasks[name], datasets, roles) for name in tasks}
    study = Study(spec, base_dir, _models(source, spec, base_dir), uses, _methods(source, spec, uses))
    _check_evaluation(source, study)
    return study


def _limited(spec: StudySpec, limit: int) -> StudySpec:
    sizes = tuple(dict.fromkeys(min(size, limit) for size in spec.train.sizes))
    cross = spec.eval.cross_task_sizes
    methods = []
    for entry in spec.methods:
        own = entry.params.get("sizes")
        capped = {"sizes": list(dict.fromkeys(min(size, limit) for size in own))} if isinstance(own, list) else {}
        methods.append(entry.model_copy(update={"params": {**entry.params, **capped}}))
    evaluation = {
        "limit": min(spec.eval.limit or limit, limit),
        "cross_task_sizes": None if cross is None else tuple(dict.fromkeys(min(size, limit) for size in cross)),
    }
    return spec.model_copy(
        update={
            "train": spec.train.model_copy(update={"sizes": sizes}),
            "eval": spec.eval.model_copy(update=evaluation),
            "methods": tuple(methods),
        }
    )


def _models(source: StudySource, spec: StudySpec, base_dir: Path) -> tuple[ModelRef, ...]:
    try:
        return tuple(find_model(base.model, base_dir, base.trust_remote_code) for base in spec.base)
    except HankaError as error:
        raise source.error(("base",), str(error)) from None


def _datasets(
    source: StudySource, spec: StudySpec, tasks: Mapping[str, Task], base_dir: Path
) -> tuple[dict[str, Dataset], Mapping[str, Roles]]:
    """Collect the datasets of the source and the study's own, and the source's default roles."""
    datasets: dict[str, Dataset] = {}
    roles: Mapping[str, Roles] = {}
    if spec.data is not None:
        if spec.data.source not in SOURCES:
            raise source.error(
                ("data", "source"), f"unknown source {spec.data.source!r}: {nearest(spec.data.source, SOURCES.names())}"
            )
        found = SOURCES.get(spec.data.source)
        if found.needs_path and not spec.data.path:
            raise source.error(("data", "path"), f"source {found.name} needs `path:`, the folder of its files")
        folder = None if spec.data.path is None else _data_folder(spec.data.path, base_dir)
        try:
            datasets.update(found.catalogue(folder))
        except HankaError as error:
            raise source.error(("data", "path"), str(error)) from None
        roles = found.roles
    for name, entry in spec.datasets.items():
        key = ("datasets", name)
        files = (entry.train, entry.test, entry.demonstrations)
        if not any(files) and name in datasets and entry.domain:
            datasets[name] = replace(datasets[name], domain=entry.domain)
        elif name in datasets:
            raise source.error(key, f"the name is taken by a dataset of source {datasets[name].source}; choose another")
        else:
            datasets[name] = _own(source, key, name, entry, tasks, base_dir)
    return datasets, roles


def _data_folder(path: str, base_dir: Path) -> Path:
    """Start from the study file's folder; where nothing is there, from the working directory."""
    near_study, here = base_dir / Path(path).expanduser(), Path.cwd() / Path(path).expanduser()
    return here if here.is_dir() and not near_study.is_dir() else near_study


def _own(
    source: StudySource, key: Key, name: str, entry: DatasetSpec, tasks: Mapping[str, Task], base_dir: Path
) -> Dataset:
    if entry.task is None:
        raise source.error(key, "`task:` is missing; say which task its rows belong to")
    if entry.task not in tasks:
        raise source.error((*key, "task"), f"unknown task {entry.task!r}: {nearest(entry.task, tasks)}")
    if not entry.train and not entry.test:
        raise source.error(key, "neither `train:` nor `test:` is given; name at least one file")
    task = tasks[entry.task]
    allowed = {*task.inputs, "output", "id", "group"}
    for field in entry.fields:
        if field not in allowed:
            raise source.error(
                (*key, "fields", field), f"task {task.name} has no field {field!r}: {nearest(field, allowed)}"
            )
    for value, word in entry.labels.items():
        if word not in task.labels:
            raise source.error(
                (*key, "labels", value),
                f"{word!r} is not a label of task {task.name}: {nearest(word, task.labels)}",
            )
    own = OwnSpec(
        task=entry.task,
        domain=entry.domain or name,
        inputs=task.inputs,
        train=entry.train,
        test=entry.test,
        demonstrations=entry.demonstrations,
        fields=entry.fields,
        labels=entry.labels,
        licence=entry.licence,
    )
    try:
        return own_dataset(name, own, base_dir)
    except HankaError as error:
        raise source.error(key, str(error)) from None


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
        raise source.error(
            key, "has no test set; name at least one under `in_domain:` or `out_of_domain:`"
        )

    def find(role: str, name: str) -> Dataset:
        if name not in datasets:
            of_task = [dataset.name for dataset in datasets.values() if dataset.task == task.name]
            raise source.error((*key, role), f"unknown dataset {name!r}: {nearest(name, of_task or datasets)}")
        found = datasets[name]
        if found.task != task.name:
            raise source.error((*key, role), f"dataset {name!r} belongs to task {found.task}, not to {task.name}")
        split = "train" if role == "train" else "test"
        if split not in found.splits:
            having = [d.name for d in datasets.values() if d.task == task.name and split in d.splits]
            raise source.error(
                (*key, role), f"dataset {name!r} has no {split} rows; with {split} rows: {', '.join(having) or 'none'}"
            )
        return found

    train = find("train", train_name) if train_name else None
    in_domain = tuple(find("in_domain", name) for name in in_names)
    out_of_domain = tuple(find("out_of_domain", name) for name in out_names)
    both = {dataset.name for dataset in in_domain} & {dataset.name for dataset in out_of_domain}
    if both:
        raise source.error((*key, "out_of_domain"), f"{sorted(both)[0]!r} stands under in_domain, too; keep one")
    anchor = train or (in_domain[0] if in_domain else None)
    if anchor:
        _check_domains(source, key, anchor, in_domain, out_of_domain)
    return TaskUse(task, train, in_domain, out_of_domain)


def _check_domains(
    source: StudySource, key: Key, anchor: Dataset, inside: Iterable[Dataset], outside: Iterable[Dataset]
) -> None:
    """Roles must follow from the declared domains; the study may change a domain, visibly."""
    for role, expected, sets in (("in_domain", "in_domain", inside), ("out_of_domain", "out_of_domain", outside)):
        for dataset in sets:
            if relation(anchor, dataset) != expected:
                other = "out_of_domain" if role == "in_domain" else "in_domain"
                raise source.error(
                    (*key, role),
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
        raise source.error(("methods", index), f"unknown method {entry.method!r}: {nearest(entry.method, METHODS.names())}")
    method = METHODS.get(entry.method)
    key: Key = ("methods", index, entry.method)
    words = tasks | {"classification", "generation"}
    params: dict[str, Params] = {}
    for name, task in trained.items() if method.trains else ():
        values: dict[str, Any] = {}
        for param, value in entry.params.items():
            if isinstance(value, dict):
                wrong = [word for word in value if word not in words]
                if wrong:
                    raise source.error((*key, param), f"{wrong[0]!r} is no task of the study and no task kind: {nearest(str(wrong[0]), words)}")
                if name not in value and task.kind not in value:
                    continue
                value = value.get(name, value.get(task.kind))
            values[param] = value
        try:
            params[name] = method.params.model_validate(values)
        except ValidationError as error:
            raise first_mistake(source, error, key, method.params) from None
    if not method.trains:
        try:
            method.params.model_validate(entry.params)
        except ValidationError as error:
            raise first_mistake(source, error, key, method.params) from None
    return MethodUse(method, str(entry.params.get("name") or entry.method), params)


def _check_evaluation(source: StudySource, study: Study) -> None:
    """Check what `eval` and `train` say against the tasks."""
    words = {"classification", "generation", *study.tasks}
    for name, extra in (("shots", set()), ("prompts", {"in_domain", "out_of_domain", "cross_task"})):
        value = getattr(study.spec.eval, name)
        for word in value if isinstance(value, dict) else ():
            if word not in words | extra:
                raise source.error(
                    ("eval", name, word), f"{word!r} is no task of the study and no task kind: {nearest(word, words | extra)}"
                )
    for use in study.tasks.values():
        asked: list[tuple[Key, str]] = [(("train", "prompt"), study.spec.train.prompt)] if use.train else []
        for rel in ("in_domain", "out_of_domain", "cross_task"):
            asked += [(("eval", "prompts"), prompt) for prompt in study.prompts(use.task, rel)]  # type: ignore[arg-type]
        for key, prompt in asked:
            if prompt not in use.task.prompts:
                raise source.error(
                    key, f"task {use.task.name} has no prompt {prompt!r}: {nearest(prompt, use.task.prompts)}"
                )
