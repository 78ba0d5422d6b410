"""Rows that a recipe changes, as tests ask for them: on sentiment or inference, under any parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanka.recipes import RECIPES
from hanka.recipes.changes import ChangeRequest, PerturbedRows, perturbed_rows
from hanka.records import Example
from hanka.tasks import TASKS
from hanka.tasks.base import Task

SENTIMENT, INFERENCE = TASKS.get("sentiment"), TASKS.get("inference")


def example(text: str, target: str = "positive", name: str = "r1", group: str = "") -> Example:
    """A row of a task with one field."""
    return Example(name, {"input": text}, target, group)


def changed(
    name: str, rows: Sequence[Example], task: Task = SENTIMENT, ids: Sequence[str] = (), **params: Any
) -> PerturbedRows:
    """What a recipe makes of rows. ids: of the whole split, where it has more."""
    recipe = RECIPES.get(name)
    assert recipe.perturbs is not None
    known = frozenset(ids or [row.id for row in rows])
    given = recipe.params.model_validate({"of": "reviews", **params})
    return perturbed_rows(recipe.perturbs, ChangeRequest(given, rows, task, lambda: known))
