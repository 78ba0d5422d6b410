"""Turn a study file into a Study: names become tasks, datasets, methods and model references.

Everything that can be checked before a model is loaded is checked here; each mistake is one StudyError
that names file, line, key, value, and the allowed or nearest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanka.datasets.base import Dataset, Roles, relation
from hanka.errors import nearest
from hanka.models.catalogue import ModelRef
from hanka.prompting import TextPolicy
from hanka.records import RELATIONS, TASK_KINDS, Relation
from hanka.study.base_declarations import resolve_bases
from hanka.study.context_declarations import ContextUse, resolve_contexts
from hanka.study.dataset_declarations import resolve_datasets, with_data_folder, with_splits
from hanka.study.messages import first_mistake
from hanka.study.method_declarations import Declared, MethodUse, TrainingUse, resolve_methods
from hanka.study.probe_declarations import ProbeUse, resolve_probes
from hanka.study.recipe_declarations import RecipeUse, resolve_recipes
from hanka.study.schema import BaseModelSpec, StudySpec, TaskSpec, for_task
from hanka.study.source import Key, StudySource, read_source
from hanka.study.task_declarations import resolve_task
from hanka.tasks.base import FIELD, Task
from hanka.tasks.messages import MESSAGES, asks_messages


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
    datasets: Mapping[str, Dataset]
    "Data sets by name, those of the source among them."
    recipes: Mapping[str, RecipeUse]
    "Data sets that are made out of others."
    contexts: tuple[ContextUse, ...]
    "What may stand before a query; the first one is the default."
    probes: tuple[ProbeUse, ...]
    "Diagnostics of every adapted variant."
    methods: tuple[MethodUse, ...]
    "Methods, each after those it is made from; base first."
    source: StudySource
    "The file, so that later checks can name its lines."
    replaced: str = ""
    "What to add to an error about a base, where the command line replaced those of the file."

    @property
    def scoring(self) -> str:
        """How labels are chosen: full, normalised or first_token."""
        return _scoring(self.spec)

    @property
    def demonstrations(self) -> str:
        """How demonstrations are ordered where a context does not choose for each query: drawn or first."""
        return self.spec.eval.demonstrations or ("first" if self.spec.protocol == "paper" else "drawn")

    @property
    def policy(self) -> TextPolicy:
        """How text becomes tokens."""
        return _policy(self.spec)

    @property
    def reference(self) -> ModelRef:
        """Return the base that is asked unadapted where a variant's own base cannot be: the first that can write."""
        return next((model for model in self.models if model.kind != "encoder"), self.models[0])

    def answering(self, task: Task) -> dict[str, Any]:
        """How a task's answers come out: label scoring, writing with cap and stops, or the text's own likelihood."""
        if task.kind == "likelihood":
            return {"scoring": "text"}
        if task.kind == "classification":
            return {"scoring": self.scoring, "ends": self.policy.scores_ends, "judging": task.judging}
        return {
            "max_new_tokens": self.spec.eval.max_new_tokens,
            "stop": list(task.stop),
            "judging": task.judging,
        }

    def shots(self, task: Task) -> tuple[int, ...]:
        """Shot counts a test set of this task is asked with; none where nothing is asked."""
        if task.kind == "likelihood":
            return (0,)
        found: tuple[int, ...] = for_task(self.spec.eval.shots, task.name, task.kind, (0,))
        return found

    def prompts(self, task: Task, asked: Relation) -> tuple[str, ...]:
        """Prompt sets a test set of this task is asked with at this relation; the empty one where nothing is asked."""
        if task.kind == "likelihood":
            return ("p1",)
        value = self.spec.eval.prompts
        if isinstance(value, dict) and asked in value:
            return tuple(value[asked])
        found: tuple[str, ...] = for_task(value, task.name, task.kind, ("p1",))
        return found


def _scoring(spec: StudySpec) -> str:
    return spec.eval.scoring or ("first_token" if spec.protocol == "paper" else "full")


def _policy(spec: StudySpec) -> TextPolicy:
    return TextPolicy(**spec.tokens.model_dump(), protocol=spec.protocol, ends=_scoring(spec) != "first_token")


def load_study(path: Path, base: str | None = None, limit: int | None = None, data: str | None = None) -> Study:
    """Read, check and resolve a study file.

    base: replaces the file's base models. limit: caps training and test rows alike. data: folder of the source's files.
    Raises StudyError with one line for the first mistake.
    """
    return resolve(read_source(path), base, limit, data)


def resolve(source: StudySource, base: str | None = None, limit: int | None = None, data: str | None = None) -> Study:
    """Check and resolve what a study file says; see `load_study`."""
    try:
        spec = StudySpec.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error) from None
    if base is not None:
        spec = spec.model_copy(update={"base": (BaseModelSpec(model=base),)})
    if limit is not None:
        spec = _limited(spec, limit)
    spec = with_splits(with_data_folder(spec, data))
    base_dir = source.path.resolve().parent
    tasks = {name: resolve_task(source, name, task) for name, task in spec.tasks.items()}
    datasets, roles = resolve_datasets(source, spec, tasks, base_dir)
    uses = {name: _task_use(source, spec.tasks[name], tasks[name], datasets, roles) for name in tasks}
    models = resolve_bases(source, spec, base_dir, base is not None)
    if all(model.kind == "encoder" for model in models):
        raise source.error(("base",), "an encoder has nothing to be compared with; add a language model, such as "
                           "smollm2-135m-instruct")  # fmt: skip
    recipes = resolve_recipes(source, spec, datasets, tasks)
    contexts = resolve_contexts(source, spec, datasets)
    policy = _policy(spec)
    replaced = f" (--base {base} replaced the bases of the file: leave it out, or this entry)" if base else ""
    declared = Declared(
        source, spec, models, tasks, _defaults(uses), _trainable(datasets, recipes, tasks), policy, replaced
    )
    methods = resolve_methods(declared)
    probes = resolve_probes(source, spec)
    study = Study(spec, base_dir, models, uses, datasets, recipes, contexts, probes, methods, source, replaced)
    _check_evaluation(source, study)
    _check_chat(source, study)
    return study


def _check_chat(source: StudySource, study: Study) -> None:
    """Say which settings need the model's chat template, and which prompts ask conversations."""
    tokens = study.spec.tokens
    for key, is_set in (("system", tokens.system is not None), ("thinking", tokens.thinking != "off")):
        if is_set and tokens.template == "plain":
            raise source.error(("tokens", key), "a plain prompt has no turns; add `template: chat`, or leave it out")
    for name, use in study.tasks.items():
        for prompt, template in use.task.prompts.items():
            if MESSAGES not in FIELD.findall(template):
                continue
            if not asks_messages(template):
                raise source.error(
                    ("tasks", name), f"prompt {prompt} has text around {{{MESSAGES}}}, and turns are no text; write it as "
                    f"'{{{MESSAGES}}}', and what every chat begins with as tokens.system"
                )  # fmt: skip
            if tokens.template == "plain":
                raise source.error(
                    ("tasks", name), f"prompt {prompt} asks conversations, and a plain prompt has no turns; say "
                    f"`tokens: {{template: chat}}`"
                )  # fmt: skip


def _defaults(uses: Mapping[str, TaskUse]) -> tuple[TrainingUse, ...]:
    """Return the training set of each task that has one."""
    return tuple(TrainingUse(use.train.name, (use.train,), (use.task,)) for use in uses.values() if use.train)


def _trainable(
    datasets: Mapping[str, Dataset], recipes: Mapping[str, RecipeUse], tasks: Mapping[str, Task]
) -> dict[str, TrainingUse]:
    """Return everything that variants may train on, by name."""
    found = {
        name: TrainingUse(name, (dataset,), (tasks[dataset.task],))
        for name, dataset in datasets.items()
        if "train" in dataset.splits and dataset.task in tasks
    }
    for name, use in recipes.items():
        sources = tuple(datasets[one] for one in use.sources)
        found[name] = TrainingUse(name, sources, tuple({one.task: tasks[one.task] for one in sources}.values()), use)
    return found


def _limited(spec: StudySpec, limit: int) -> StudySpec:
    cross = spec.eval.cross_task_sizes
    methods = []
    for entry in spec.methods:
        own = entry.params.get("sizes")
        capped = {} if own is None else {"sizes": _capped(own, limit)}
        capped |= {
            name: value | {"size": _capped(value["size"], limit)}
            for name, value in entry.params.items()
            if isinstance(value, dict) and {"of", "size"} <= set(value)  # a parent
        }
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
    """Cap a size, a list of them or a map from task or kind to these; what is neither is left to the later check."""
    if isinstance(sizes, dict):
        return {name: _capped(value, limit) for name, value in sizes.items()}
    if isinstance(sizes, list):
        return list(dict.fromkeys(min(size, limit) if isinstance(size, int) else size for size in sizes))
    return min(sizes, limit) if isinstance(sizes, int) and not isinstance(sizes, bool) else sizes


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
    if train_name and not in_names and not out_names:
        trained = datasets.get(train_name)
        is_own = trained is not None and trained.reading is not None
        in_names = (train_name,) if trained is not None and is_own and "test" in trained.splits else ()
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


def _check_evaluation(source: StudySource, study: Study) -> None:
    """Check what `eval` and `train` say against tasks and methods."""
    words = {*TASK_KINDS, *study.tasks}
    for name, extra in (("shots", set()), ("prompts", set(RELATIONS))):
        value = getattr(study.spec.eval, name)
        for word in value if isinstance(value, dict) else ():
            if word not in words | extra:
                raise source.error(
                    ("eval", name, word),
                    f"{word!r} is no task of the study and no task kind: {nearest(word, words | extra)}",
                )
    for use in study.tasks.values():
        if use.task.kind == "likelihood":
            _check_nothing_asked(source, study, use.task)
            continue
        asked: list[tuple[Key, str]] = []
        for rel in RELATIONS:
            asked += [(("eval", "prompts"), prompt) for prompt in study.prompts(use.task, rel)]
        for key, prompt in asked:
            if prompt not in use.task.prompts:
                raise source.error(
                    key, f"task {use.task.name} has no prompt {prompt!r}: {nearest(prompt, use.task.prompts)}"
                )
    _check_cross_task_sizes(source, study)
    _check_askings(source, study)


def _check_askings(source: StudySource, study: Study) -> None:
    """What an entry is meant to be asked with must be asked somewhere in the study."""
    contexts = [use.label for use in study.contexts]
    counts = sorted({count for use in study.tasks.values() for count in study.shots(use.task)})
    for method in study.methods:
        for asking in (one.own.asking for one in method.adaptations.values() if one.own.asking is not None):
            for label in asking.contexts or ():
                if label not in contexts:
                    raise source.error(
                        (*method.key, "asking", "contexts"),
                        f"{label!r} is no context of the study: {nearest(label, contexts)} (add it to eval.contexts)",
                    )
            for count in asking.shots or ():
                if count not in counts:
                    raise source.error(
                        (*method.key, "asking", "shots"),
                        f"{count} shots are asked nowhere in the study; it asks {', '.join(map(str, counts))} (eval.shots)",
                    )


def _check_nothing_asked(source: StudySource, study: Study, task: Task) -> None:
    """Shots and prompts may be given for all tasks, but not for one that asks nothing."""
    for name in ("shots", "prompts"):
        value = getattr(study.spec.eval, name)
        for word in (task.name, task.kind):
            if isinstance(value, dict) and value.get(word, ("p1",)) not in ((0,), ("p1",)):
                raise source.error(
                    ("eval", name, word), f"task {task.name} scores text and asks nothing; leave {word!r} out"
                )


def _check_cross_task_sizes(source: StudySource, study: Study) -> None:
    trained = [one for method in study.methods for one in method.adaptations.values() if one.row_keys]
    sizes = {*study.spec.train.sizes, *(size for one in trained for size in one.train.sizes)}
    for size in study.spec.eval.cross_task_sizes or ():
        if size not in sizes and study.spec.eval.cross_task:
            allowed = ", ".join(map(str, sorted(sizes)))
            raise source.error(("eval", "cross_task_sizes"), f"no method trains on {size} rows; sizes are {allowed}")
