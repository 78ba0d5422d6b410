"""Data sets that a recipe makes out of others: `datasets: {mix: {recipe: {concat: {…}}}}`, with the content of the files it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hanka.datasets.base import Dataset
from hanka.errors import HankaError, nearest
from hanka.recipes import RECIPES, Recipe
from hanka.study.entry_declarations import EntryUse, resolve_entry
from hanka.study.schema import StudySpec
from hanka.study.source import StudySource
from hanka.tasks.base import Task


@dataclass(frozen=True, slots=True, eq=False)
class RecipeUse:
    """A data set of the study that a recipe makes."""

    name: str
    "As the study names it."
    use: EntryUse[Recipe]
    "The recipe with its parameters."
    sources: tuple[str, ...]
    "Data sets it takes rows of."
    teaches: tuple[str, ...] = ()
    "Data sets that the rows it makes belong to."


def resolve_recipes(
    source: StudySource,
    spec: StudySpec,
    datasets: Mapping[str, Dataset],
    tasks: Mapping[str, Task],
    base_dir: Path,
) -> dict[str, RecipeUse]:
    """Return the made data sets by name. Raises StudyError for unknown recipes and sources."""
    found: dict[str, RecipeUse] = {}
    for name, entry in spec.datasets.items():
        if entry.recipe is None:
            continue
        key = ("datasets", name, "recipe")
        if name in datasets:
            raise source.error(
                ("datasets", name), f"the name is taken by a dataset of source {datasets[name].source}; choose another"
            )
        others = sorted(entry.model_fields_set - {"recipe"})
        if others:
            raise source.error(
                ("datasets", name, others[0]),
                f"{name!r} is made by a recipe, so `{others[0]}` has nothing to say; take it out",
            )
        use = _loaded(source, resolve_entry(source, key, entry.recipe, RECIPES), base_dir)
        sources = tuple(use.entry.sources(use.params))
        teaches = sources if use.entry.teaches is None else tuple(use.entry.teaches(use.params))
        for one in dict.fromkeys((*sources, *teaches)):
            if one not in datasets:
                raise source.error((*use.key, "of"), f"unknown data set {one!r}: {nearest(one, datasets)}")
            if datasets[one].task not in tasks:
                raise source.error(
                    (*use.key, "of"), f"data set {one!r} belongs to task {datasets[one].task}, which the study does not "
                    f"name under `tasks:`; add it there"
                )  # fmt: skip
            if use.entry.perturbs is None and one in sources and "train" not in datasets[one].splits:
                raise source.error((*use.key, "of"), f"data set {one!r} has no train rows")
        found[name] = RecipeUse(name, use, sources, teaches)
    return found


def _loaded(source: StudySource, use: EntryUse[Recipe], base_dir: Path) -> EntryUse[Recipe]:
    """Return an entry with the content of the files that its parameters name."""
    if use.entry.load is None:
        return use
    try:
        return replace(use, params=use.entry.load(use.params, base_dir))
    except HankaError as error:
        raise source.error(use.key, str(error)) from None
