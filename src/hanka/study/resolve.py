"""Turn a study file into a Study: names become tasks, datasets, methods and model references.

Everything that can be checked before a model is loaded is checked here; each mistake is one StudyError
that names file, line, key, value, and the allowed or nearest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanka.datasets.base import Dataset, Roles, relation
from hanka.declared.messages import first_mistake
from hanka.errors import StudyError, nearest
from hanka.records import TASK_KINDS
from hanka.study.base_declarations import resolve_bases
from hanka.study.base_schema import BaseModelSpec
from hanka.study.checks import check_chat, check_evaluation, check_harness, check_trained_on
from hanka.study.context_declarations import resolve_contexts
from hanka.study.dataset_declarations import resolve_datasets, with_data_folder, with_splits
from hanka.study.guardrail_declarations import resolve_guardrails
from hanka.study.harness_declarations import declared_harness, resolve_harness
from hanka.study.method_declarations import Declared, TrainingUse, resolve_methods
from hanka.study.mix_declarations import with_mixes
from hanka.study.perturbed import perturbed_tests, refuse_role
from hanka.study.places import read_placed
from hanka.study.probe_declarations import resolve_probes
from hanka.study.recipe_declarations import RecipeUse, resolve_recipes
from hanka.study.resolved import Study, TaskUse, policy_of
from hanka.study.schema import StudySpec, TaskSpec
from hanka.study.set_aside import with_rows_to_validate_on
from hanka.study.source import Key, StudySource
from hanka.study.task_declarations import resolve_task
from hanka.study.validated import validation_tests
from hanka.tasks.base import Task


def load_study(
    path: Path,
    base: str | None = None,
    limit: int | None = None,
    data: str | None = None,
    train: Sequence[str] = (),
) -> Study:
    """Read, check and resolve a study file.

    base: replaces the file's base models. limit: caps training and test rows alike. data: folder of the source's files.
    train: the only tasks whose own training sets are trained on; empty: all. Raises StudyError with one line for the
    first mistake.
    """
    return resolve(read_placed(path), base, limit, data, train)


def resolve(
    source: StudySource,
    base: str | None = None,
    limit: int | None = None,
    data: str | None = None,
    train: Sequence[str] = (),
) -> Study:
    """Check and resolve what a study file says; see `load_study`."""
    values, given = declared_harness(source)
    try:
        spec = StudySpec.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, StudySpec) from None
    source, spec = with_mixes(source, spec)
    if base is not None:
        spec = spec.model_copy(update={"base": (BaseModelSpec(model=base),)})
    if limit is not None:
        spec = _limited(spec, limit)
    spec = with_splits(with_data_folder(spec, data))
    base_dir = source.path.resolve().parent
    tasks = {name: resolve_task(source, name, task) for name, task in spec.tasks.items()}
    datasets, roles = resolve_datasets(source, spec, tasks, base_dir)
    uses = {name: _task_use(source, spec.tasks[name], tasks[name], datasets, roles) for name in tasks}
    uses = _trained_alone(uses, train) if train else uses
    harness = {} if given is None else resolve_harness(source, spec, given, base_dir, datasets)
    if not uses and not harness:
        raise source.error(("tasks",), "names no task; name at least one, such as `sentiment: {}`")
    uses |= {name: TaskUse(use.task(), None, (use.dataset(),), ()) for name, use in harness.items()}
    models = resolve_bases(source, spec, base_dir, base is not None)
    if not any(model.is_language_model for model in models):
        raise source.error(("base",), "an encoder has nothing to be compared with; add a language model, such as "
                           "smollm2-135m-instruct")  # fmt: skip
    recipes = resolve_recipes(source, spec, datasets, tasks, base_dir)
    contexts = resolve_contexts(source, spec, datasets)
    policy = policy_of(spec)
    replaced = f" (--base {base} replaced the bases of the file: leave it out, or this entry)" if base else ""
    declared = Declared(
        source, spec, models, tasks, _defaults(uses), _trainable(datasets, recipes, tasks), policy, replaced
    )
    methods = with_rows_to_validate_on(resolve_methods(declared), spec.train)
    probes = resolve_probes(source, spec)
    datasets |= {test.name: test for name in harness for test in uses[name].tests}
    perturbed = perturbed_tests(source, recipes, datasets, uses, methods)
    datasets |= {one.name: one for copies in perturbed.values() for one in copies}
    validated = validation_tests(source, datasets, uses, spec.eval.validation)
    datasets |= {one.name: one for one in validated.values()}
    study = Study(
        spec,
        base_dir,
        models,
        uses,
        datasets,
        recipes,
        contexts,
        probes,
        methods,
        source,
        replaced,
        given,
        harness,
        bool(train),
        resolve_guardrails(source, spec, base_dir),
        perturbed,
        validated,
    )
    check_evaluation(source, study)
    check_trained_on(source, study)
    check_chat(source, study)
    check_harness(source, study)
    return study


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
        if all("train" in datasets[one].splits for one in use.sources):
            taught = tuple(datasets[one] for one in use.teaches)
            tasks_of = {one.task: tasks[one.task] for one in taught}
            found[name] = TrainingUse(name, taught, tuple(tasks_of.values()), use)
    return found


def _limited(spec: StudySpec, limit: int) -> StudySpec:
    cross = spec.eval.cross_task_sizes
    methods = []
    for entry in spec.methods:
        own = entry.params.get("sizes")
        capped = {} if own is None else {"sizes": _capped(own, limit)}
        capped |= {name: _capped_parents(value, limit) for name, value in entry.params.items() if name != "sizes"}
        methods.append(entry.model_copy(update={"params": {**entry.params, **capped}}))
    evaluation = {
        "limit": _capped_rows(spec.eval.limit, limit),
        "cross_task_sizes": None if cross is None else tuple(_capped(list(cross), limit)),
    }
    return spec.model_copy(
        update={
            "train": spec.train.model_copy(update={"sizes": tuple(_capped(list(spec.train.sizes), limit))}),
            "eval": spec.eval.model_copy(update=evaluation),
            "methods": tuple(methods),
        }
    )


def _trained_alone(uses: Mapping[str, TaskUse], train: Sequence[str]) -> dict[str, TaskUse]:
    """Let tasks other than those of `--train` be tested only."""
    having = [name for name, use in uses.items() if use.train]
    for name in train:
        if name not in having:
            raise StudyError(f"--train {name}: no task of the study that has a training set: {nearest(name, having)}")
    return {name: use if name in train else replace(use, train=None) for name, use in uses.items()}


def _capped_rows(asked: Any, limit: int) -> Any:
    """Cap the rows of test sets; what a map leaves out has all of them, and is capped by kind."""
    if not isinstance(asked, dict):
        return min(asked or limit, limit)
    return dict.fromkeys((*TASK_KINDS, "harness"), limit) | {
        word: min(rows or limit, limit) for word, rows in asked.items()
    }


def _capped_parents(value: Any, limit: int) -> Any:
    """Cap the size that a parent, or each of a list of them, is named with; leave what names none as it is."""
    if isinstance(value, list):
        return [_capped_parents(one, limit) for one in value]
    if isinstance(value, dict) and {"of", "size"} <= set(value):
        return value | {"size": _capped(value["size"], limit)}
    return value


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
    only_trained = bool(train_name) and "in_domain" in said and not spec.in_domain and not spec.out_of_domain
    if only_trained:  # said so: what is trained on it is asked other tasks
        in_names, out_names = (), ()
    if not in_names and not out_names and not only_trained:
        raise source.error(
            key, "has no test set; name at least one under `in_domain:` or `out_of_domain:`, or write `in_domain: []` beside "
            "`train:` for a task that is trained and not tested"
        )  # fmt: skip

    def find(role: str, name: str, index: int = 0) -> Dataset:
        """Return the dataset a role names, or say what is wrong with it."""
        here = (*key, role, index)
        having = [one.name for one in datasets.values() if one.task == task.name]
        if name not in datasets:
            refuse_role(source, here, name)
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
