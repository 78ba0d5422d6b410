"""The datasets of a study: those of its source, its own files, and rows of the source asked as another task.

Names and files are checked, no row is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset, Roles
from hanka.datasets.files import READERS
from hanka.datasets.hub_rows import PREFIX
from hanka.datasets.splits import Shares
from hanka.errors import HankaError, PathError, StudyError, nearest
from hanka.records import Example, Split
from hanka.store.paths import as_path, beside, shown
from hanka.study.schema import DatasetSpec, DataSpec, SplitSpec, StudySpec
from hanka.study.source import Key, StudySource
from hanka.tasks import TASKS
from hanka.tasks.base import Task

if TYPE_CHECKING:
    from hanka.datasets.own_rows import OwnSpec

FOLDER = "HANKA_DATA"
"Environment variable: folder of a source's files, for studies that name none."
SPLITS = ("train", "test", "demonstrations", "validation", "passages")
"Keys of a data set that name files."
ROWS = (*SPLITS, "recipe", "split", "slices")
"Keys of a data set that say where rows come from, or something of their files alone."
UNSTATED = "not stated"
"Licence of a data set whose entry says none."


def resolve_datasets(
    source: StudySource, spec: StudySpec, tasks: Mapping[str, Task], base_dir: Path
) -> tuple[dict[str, Dataset], Mapping[str, Roles]]:
    """Return all datasets by name, and the source's default roles by task. Raises StudyError."""
    datasets: dict[str, Dataset] = {}
    roles: Mapping[str, Roles] = {}
    if spec.data is not None:
        if spec.data.source not in SOURCES:
            raise source.error(
                ("data", "source"), f"unknown source {spec.data.source!r}: {nearest(spec.data.source, SOURCES.names())}"
            )
        found = SOURCES.get(spec.data.source)
        folder = _data_folder(source, spec.data, found.needs_path, base_dir)
        try:
            datasets.update(found.catalogue(folder))
        except HankaError as error:
            raise source.error(("data", "path"), str(error)) from None
        roles = found.roles
    of_source = tuple(datasets)
    for name, entry in spec.datasets.items():
        key = ("datasets", name)
        if entry.recipe is not None or entry.of is not None:
            continue
        has_files = any(getattr(entry, split) for split in SPLITS)
        if entry.slices and not has_files:
            raise source.error((*key, "slices"), f"{name!r} has no file whose columns these could be; take it out")
        if not has_files and name in datasets and entry.domain:
            datasets[name] = replace(datasets[name], domain=entry.domain)
        elif name in datasets:
            raise source.error(key, f"the name is taken by a dataset of source {datasets[name].source}; choose another")
        elif not has_files and entry.domain and entry.task and entry.task in tasks and name in _tuned_elsewhere(spec):
            datasets[name] = Dataset(name, entry.task, entry.domain, "declared", entry.licence, (), _no_rows)
        elif not has_files and datasets:
            raise source.error(key, f"no dataset of the source, and without files: {nearest(name, datasets)}")
        else:
            datasets[name] = _own(source, key, name, spec, tasks, base_dir)
    known = {name: datasets[name] for name in of_source}  # with the domains that the study gives them
    for name, entry in spec.datasets.items():
        if entry.of is not None:
            key = ("datasets", name)
            if name in datasets:
                taken = datasets[name].source
                raise source.error(key, f"the name is taken by a dataset of source {taken}; choose another")
            datasets[name] = _of(source, key, name, spec, tasks, known)
    return datasets, roles


def _tuned_elsewhere(spec: StudySpec) -> set[str]:
    """Return the names that entries of `methods` give for what weights from elsewhere were tuned on."""
    said = [entry.params.get("trained_on") for entry in spec.methods]
    listed = [names if isinstance(names, list) else [names] for names in said]
    return {name for names in listed for name in names if isinstance(name, str)}


def _no_rows(split: Split, size: int | None) -> list[Example]:
    """Stand for the rows of a data set that is declared by task and domain alone: it has no split to ask for."""
    raise AssertionError(split)


def with_data_folder(spec: StudySpec, given: str | None) -> StudySpec:
    """Return the study with the folder of its source: the one given, else its own `path`, else HANKA_DATA.

    given: `--data`, from the working directory. Raises StudyError where the study's source reads no folder.
    """
    data = spec.data
    needed = data is not None and data.source in SOURCES and SOURCES.get(data.source).needs_path
    if given and not needed:
        said = f"source {data.source} reads none" if data else "the study names no source"
        raise StudyError(f"--data {given!r} is the folder of a source's files, and {said}; leave it out")
    named = given or (None if data is None or data.path else os.environ.get(FOLDER, "").strip())
    if not (data and needed and named):
        return spec
    said = "--data" if given else FOLDER
    try:
        folder = as_path(named).resolve()
    except PathError as error:
        raise StudyError(f"{said}: {error}") from None
    if not folder.is_dir():
        raise StudyError(f"{said}: {shown(named)} is no folder; name that of source {data.source}")
    return spec.model_copy(update={"data": data.model_copy(update={"path": str(folder)})})


def data_folder(path: str, base_dir: Path) -> Path:
    """Start from the study file's folder; where nothing is there, from the working directory."""
    near_study, here = as_path(path, base_dir), as_path(path, Path.cwd())
    return here if here.is_dir() and not near_study.is_dir() else near_study


def own_places(entry: DatasetSpec, base_dir: Path) -> dict[str, str]:
    """Return the places of an own dataset's rows by split: absolute paths, and hub addresses as they are."""
    given = {split: getattr(entry, split) for split in SPLITS if getattr(entry, split)}
    return {
        split: place if place.startswith(PREFIX) else str(as_path(place, base_dir).resolve())
        for split, place in given.items()
    }


def _data_folder(source: StudySource, data: DataSpec, needed: bool, base_dir: Path) -> Path | None:
    if not data.path:
        if needed:
            found = SOURCES.get(data.source)
            raise source.error(
                ("data", "path"), f"source {data.source} reads {found.description}; say where they are with --data DIR, "
                f"{FOLDER} or `path:`"
            )  # fmt: skip
        return None
    try:
        folder = data_folder(data.path, base_dir)
    except PathError as error:
        raise source.error(("data", "path"), str(error)) from None
    if needed and not folder.is_dir():
        raise source.error(
            ("data", "path"), f"{data.path!r} is no folder ({folder}); a path starts at the study file's folder"
        )
    return folder


def with_splits(spec: StudySpec) -> StudySpec:
    """Return the study with `split` written out for every data set that is tested on and has one file, `train`."""
    datasets = dict(spec.datasets)
    for name, entry in spec.datasets.items():
        split = entry.split
        if entry.train and not entry.test and split is None and _is_tested(spec, name):
            split = SplitSpec()
            if spec.train.validation:  # the study sets training rows aside by itself
                split = SplitSpec(validation=0.0)
        if split is not None and entry.validation:
            split = split.model_copy(update={"validation": 0.0})
        if split is not entry.split:
            datasets[name] = entry.model_copy(update={"split": split})
    return spec.model_copy(update={"datasets": datasets})


def _is_tested(spec: StudySpec, name: str) -> bool:
    """Tell whether a task names a data set for testing, or trains on it and names none."""
    return any(
        name in (*task.in_domain, *task.out_of_domain)
        or (task.train == name and not task.in_domain and not task.out_of_domain)
        for task in spec.tasks.values()
    )


def _own(
    source: StudySource, key: Key, name: str, spec: StudySpec, tasks: Mapping[str, Task], base_dir: Path
) -> Dataset:
    entry = spec.datasets[name]
    if entry.passages is not None:
        return _passages(source, key, name, spec, base_dir)
    task = _task_of(source, key, entry, tasks)
    if not entry.train and not entry.test:
        raise source.error(key, "neither `train:` nor `test:` is given; name at least one file")
    if entry.split is not None and (entry.test or not entry.train):
        said = "`test` has a file of its own" if entry.test else "there is no `train`"
        raise source.error((*key, "split"), f"divides the rows of `train`, and {said}; leave it out")
    _check_columns(source, key, entry, task)
    for split in SPLITS:
        place = getattr(entry, split)
        if place is not None:
            _check_place(source, (*key, split), place, base_dir)
    from hanka.datasets.own import own_dataset

    own = replace(
        _asked(entry, task, spec),
        domain=entry.domain or name,
        train=entry.train,
        test=entry.test,
        demonstrations=entry.demonstrations,
        validation=entry.validation,
        slices=entry.slices,
        turns=entry.turns,
        split=None if entry.split is None else Shares(entry.split.test, entry.split.validation, entry.split.seed),
    )
    try:
        return own_dataset(name, own, base_dir)
    except HankaError as error:
        raise source.error(key, str(error)) from None


def _task_of(source: StudySource, key: Key, entry: DatasetSpec, tasks: Mapping[str, Task]) -> Task:
    """Return the task that the rows of an entry are examples of."""
    if entry.task is None:
        raise source.error((*key, "task"), f"the key is missing; write `task: …`, one of {', '.join(tasks)}")
    if entry.task not in tasks:
        raise source.error((*key, "task"), f"unknown task {entry.task!r}: {nearest(entry.task, tasks)}")
    return tasks[entry.task]


def _asked(entry: DatasetSpec, task: Task, spec: StudySpec) -> OwnSpec:
    """Return what an entry says of its rows as examples of a task, wherever they come from."""
    from hanka.datasets.own_rows import OwnSpec

    return OwnSpec(
        task=task.name,
        domain=entry.domain or "",
        inputs=task.inputs,
        fields=entry.fields,
        labels=entry.labels,
        licence=entry.licence,
        words=task.labels,
        refusal=None if task.labels or task.verifier == "text" else task.refusal,
        unknown=_allowed(entry, entry.unknown, spec.unknown),
        broken=_allowed(entry, entry.broken, spec.broken),
    )


def _of(
    source: StudySource,
    key: Key,
    name: str,
    spec: StudySpec,
    tasks: Mapping[str, Task],
    of_source: Mapping[str, Dataset],
) -> Dataset:
    """Return the rows of a data set of the source, asked as another task."""
    entry, of = spec.datasets[name], str(spec.datasets[name].of)
    here = (*key, "of")
    if not of_source:
        raise source.error(here, f"{of!r} is to be a dataset of the source, and the study names none; add `data: …`")
    if of not in of_source:
        raise source.error(here, f"unknown dataset {of!r} of the source: {nearest(of, of_source)}")
    said = [word for word in ROWS if getattr(entry, word)] + ["turns"] * (entry.turns != "last")
    said += [f"fields.{word}" for word in ("id", "group") if word in entry.fields]
    if said:
        raise source.error(
            (*key, *said[0].split(".")),
            f"{name!r} has the rows of {of}, so `{said[0]}` has nothing to say; take it out",
        )
    task, origin = _task_of(source, key, entry, tasks), of_source[of]
    _check_columns(source, key, entry, task)
    made_for = TASKS.get(origin.task).labels if origin.task in TASKS else ()
    from hanka.datasets.other_task import as_other_task

    own = replace(
        _asked(entry, task, spec),
        domain=entry.domain or origin.domain,
        licence=origin.licence if entry.licence == UNSTATED else entry.licence,
    )
    return as_other_task(name, own, origin, () if "output" in entry.fields else made_for)


def _allowed(entry: DatasetSpec, own: float | None, of_study: float) -> float:
    """Return which share of a data set's rows may be left out: its own, else the study's; none where it is strict."""
    return 0.0 if entry.strict else of_study if own is None else own


def _passages(source: StudySource, key: Key, name: str, spec: StudySpec, base_dir: Path) -> Dataset:
    """Return a data set that holds passages to look up; it belongs to no task."""
    entry = spec.datasets[name]
    for word in ("task", "train", "test", "demonstrations", "validation", "labels", "slices", "split", "unknown"):
        if getattr(entry, word):
            raise source.error((*key, word), f"{name!r} holds passages, which are no examples of a task; take it out")
    place = str(entry.passages)
    _check_place(source, (*key, "passages"), place, base_dir)
    from hanka.datasets.own import own_dataset
    from hanka.datasets.own_rows import OwnSpec

    own = OwnSpec(
        task="",
        domain=entry.domain or name,
        inputs=(),
        passages=place,
        fields=entry.fields,
        licence=entry.licence,
        broken=_allowed(entry, entry.broken, spec.broken),
    )
    try:
        return own_dataset(name, own, base_dir)
    except HankaError as error:
        raise source.error(key, str(error)) from None


def _check_columns(source: StudySource, key: Key, entry: DatasetSpec, task: Task) -> None:
    """Check the left side of `fields:` and the right side of `labels:` against the task."""
    allowed = {*task.inputs, "output", "id", "group"}
    for field in entry.fields:
        if field not in allowed:
            raise source.error(
                (*key, "fields", field), f"task {task.name} has no field {field!r}: {nearest(field, allowed)}"
            )
    for value, word in entry.labels.items():
        if word is not None and word not in task.labels:
            raise source.error(
                (*key, "labels", value),
                f"{word!r} is not a label of task {task.name}: {nearest(word, task.labels)}",
            )


def _check_place(source: StudySource, key: Key, place: str, base_dir: Path) -> None:
    """Check that a file is there and of a kind that can be read; hub addresses are checked by their reader."""
    if place.startswith(PREFIX):
        return
    try:
        path = as_path(place, base_dir)
    except PathError as error:
        raise source.error(key, str(error)) from None
    if path.suffix.lower() not in READERS:
        raise source.error(key, f"{place!r} has suffix {path.suffix!r}; allowed: {', '.join(READERS)}")
    if path.is_dir():
        raise source.error(key, f"{place!r} is a folder; name a file in it")
    if not path.is_file():
        readable = [one for one in beside(path) if Path(one).suffix.lower() in READERS]
        hint = nearest(path.name, readable[:12]) if readable else f"no data file is in {path.parent}"
        raise source.error(key, f"{place!r} does not exist; {hint}")
