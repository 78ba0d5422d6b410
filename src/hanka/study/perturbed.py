"""Test sets whose rows a recipe changes: `datasets: {typos: {recipe: {typos: {of: reviews}}}}`.

The changed copy is asked wherever its source is tested, with the same shots, prompts, draws and demonstrations, so that every row is
paired with the row it came from. It is no role of a task: a claim or a decision never rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanka.datasets.base import Dataset
from hanka.errors import nearest
from hanka.recipes import RECIPES
from hanka.records import Example, Split
from hanka.study.method_declarations import MethodUse
from hanka.study.recipe_declarations import RecipeUse
from hanka.study.resolved import TaskUse
from hanka.study.source import Key, StudySource


def perturbed_tests(
    source: StudySource,
    recipes: Mapping[str, RecipeUse],
    datasets: Mapping[str, Dataset],
    uses: Mapping[str, TaskUse],
    methods: Sequence[MethodUse],
) -> dict[str, tuple[Dataset, ...]]:
    """Return test set → its changed copies. Raises StudyError for one that nothing tests or trains on, and for two that are equal."""
    tested = {test.name: test for use in uses.values() for test in use.tests}
    trained = {name for use in methods for name in use.adaptations}
    found: dict[str, tuple[Dataset, ...]] = {}
    known: dict[str, str] = {}
    for name, one in recipes.items():
        if one.use.entry.perturbs is None:
            continue
        content = repr(one.use.content)
        if content in known:
            raise source.error(("datasets", name), f"makes the same rows as {known[content]!r}; take one of them out")
        known[content] = name
        of = one.use.params.of
        if of in tested:
            found[of] = (*found.get(of, ()), _copy(name, one, tested[of]))
        elif name not in trained:
            raise source.error(
                (*one.use.key, "of"),
                f"no task tests {of!r}, and no method trains `on: {name}`: tested are {nearest(of, tested)}",
            )
    return found


def _copy(name: str, one: RecipeUse, source: Dataset) -> Dataset:
    """Return the data set that stands for changed test rows; they are made of those that the study asks."""
    return Dataset(
        name,
        source.task,
        source.domain,
        f"{one.use.entry.name} of {source.name}",
        source.licence,
        ("test",),
        _made_elsewhere,
        note=source.note,
        changed_from=source,
    )


def _made_elsewhere(split: Split, size: int | None) -> list[Example]:
    """Stand for rows that `StudyData.test` makes: they depend on which rows of their source are asked."""
    raise AssertionError(split)


def refuse_role(source: StudySource, key: Key, name: str) -> None:
    """Refuse a changed test set where a role is given: it is asked by itself."""
    given = source.values.get("datasets")
    entry = given.get(name) if isinstance(given, dict) else None
    recipe = entry.get("recipe") if isinstance(entry, dict) else None
    for kind, said in recipe.items() if isinstance(recipe, dict) else ():
        if kind in RECIPES and RECIPES.get(kind).perturbs is not None:
            of = said.get("of") if isinstance(said, dict) else None
            raise source.error(
                key, f"{name!r} is a changed copy of {of!r} and asked wherever that is; take it out here"
            )
