"""`tasks: {lm_eval: …}`: tasks of lm-evaluation-harness beside a study's own, each with its test set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from hanka.datasets.base import Dataset
from hanka.declared.messages import first_mistake
from hanka.errors import HankaError, PathError
from hanka.registry import OneOrMore, Params
from hanka.store.paths import as_path
from hanka.study.schema import StudySpec
from hanka.study.source import Key, StudySource

if TYPE_CHECKING:
    from hanka.harness.found import HarnessUse

NAME = "lm_eval"
KEY: Key = ("tasks", NAME)


class HarnessSpec(Params):
    """Tasks of lm-evaluation-harness; a bare list stands for its `tasks`."""

    tasks: OneOrMore
    "Tasks or groups, by their names there; a group is one test set."
    shots: int | None = Field(default=None, ge=0)
    "Demonstrations that the harness puts before a question (default: as each task says)."
    include: str | None = None
    "Folder with further task files, relative to the study file."


def declared_harness(source: StudySource) -> tuple[dict[str, Any], HarnessSpec | None]:
    """Return a study's values without what it says of the harness, and that. Raises StudyError."""
    tasks = source.values.get("tasks")
    if not isinstance(tasks, dict) or NAME not in tasks:
        return source.values, None
    given = tasks[NAME]
    try:
        spec = HarnessSpec.model_validate(given if isinstance(given, dict) else {"tasks": given})
    except ValidationError as error:
        raise first_mistake(source, error, HarnessSpec, KEY) from None
    return source.values | {"tasks": {name: own for name, own in tasks.items() if name != NAME}}, spec


def resolve_harness(
    source: StudySource, spec: StudySpec, given: HarnessSpec, base_dir: Path, datasets: Mapping[str, Dataset]
) -> dict[str, HarnessUse]:
    """Return the harness' tasks that a study names, by name. Raises StudyError."""
    from hanka.harness.found import harness_task
    from hanka.metrics.measured import declare, stored

    include = _folder(source, given.include, base_dir)
    found: dict[str, HarnessUse] = {}
    for index, name in enumerate(given.tasks):
        here: Key = (*KEY, index) if (*KEY, index) in source.lines else (*KEY, "tasks", index)
        if name in spec.tasks:
            raise source.error(here, f"{name!r} is a task of the study, too; give that one another name")
        try:
            found[name] = harness_task(name, given.shots, include)
            declare(stored(found[name].measures))
        except HankaError as error:
            raise source.error(here, str(error)) from error
        if found[name].test_set in datasets:
            raise source.error(
                here, f"{found[name].test_set!r} is a data set of the study, too; give that one another name"
            )
    return found


def _folder(source: StudySource, given: str | None, base_dir: Path) -> Path | None:
    if given is None:
        return None
    try:
        folder = as_path(given, base_dir).resolve()
    except PathError as error:
        raise source.error((*KEY, "include"), str(error)) from None
    if not folder.is_dir():
        raise source.error((*KEY, "include"), f"{folder} is no folder; name one with task files (YAML) of lm-eval")
    return folder
