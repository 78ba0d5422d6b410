"""Recipes that change rows one by one: test sets of which every row is paired with the row it came from.

study → **changed rows** → ask both → what the change cost, on the same rows. A changed row keeps the id and the group of its source,
so that evidence pairs them without a key of its own. A row that cannot be changed is no row of the changed set, and is counted with its
reason; the other side of the pair leaves it out, too. The same change makes training rows (`on: NAME`).

A change says in `expects` what a right answer is afterwards: the `same`, `another` one (its target follows from a stated rule), or
`none` that follows from what is left. Randomness is per row, from (seed, recipe, row id): no row depends on which others are asked.
Limits: languages are told by script, row by row; Han without kana counts as Japanese.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field

from hanka.datasets.scripts import script_of
from hanka.errors import DataError, nearest
from hanka.recipes.changes import ChangeRequest, Perturbing, perturbed_rows
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest
from hanka.records import Part
from hanka.registry import Names
from hanka.tasks.base import Task

Language: TypeAlias = Literal["en", "ja"]
LANGUAGES: Mapping[str, Language] = {"latin": "en", "ja": "ja", "han": "ja"}
"Script → the language that its rows are read as."
NO_LANGUAGE = "neither English nor Japanese"
"Reason of a row in another script."


class PerturbParams(RecipeParams):
    """Whose rows are changed."""

    of: str = Field(min_length=1)
    "Data set whose rows are changed; the changed test set is asked wherever this one is, as it is asked."


class TextParams(PerturbParams):
    """Whose rows, which of their fields, and by which seed."""

    fields: Names = ()
    "Input fields that are changed (default: all of the task)."
    seed: int = Field(default=0, ge=0)
    "Draws what is changed, whatever the seeds of the study."


def perturbation(
    name: str,
    params: type[PerturbParams],
    perturbing: Perturbing,
    *,
    reference: str,
    description: str,
    load: Callable[[Any, Path], Any] | None = None,
) -> Recipe:
    """Return the recipe that changes rows so: test rows one by one, training rows as many as are asked."""
    return Recipe(
        name=name,
        reference=reference,
        description=description,
        params=params,
        makes="both",
        sources=lambda given: (given.of,),
        n_rows=lambda given, asked: asked,
        make=lambda request: _training_rows(perturbing, request),
        perturbs=perturbing,
        load=load,
    )


def _training_rows(perturbing: Perturbing, request: RecipeRequest) -> tuple[Part, ...]:
    """Return the first rows that can be changed, as many as are asked. Raises DataError where there are too few."""
    of = request.params.of
    task, rows = request.task(of), request.rows(of, "train", request.asked)
    asking = ChangeRequest(request.params, rows, task, lambda: frozenset(row.id for row in rows))
    found = perturbed_rows(perturbing, asking)
    if len(found.examples) < request.asked:
        raise DataError(
            f"{request.asked} train rows are asked and {len(found.examples)} of {len(rows)} of {of} can be changed: ask for fewer"
        )
    return (Part(task.name, of, found.examples[: request.asked]),)


def language_of(text: str) -> Language | None:
    """Return the language a text is read as; None for scripts that are neither."""
    return LANGUAGES.get(script_of(text))


def fields_of(params: Any, task: Task) -> tuple[str, ...]:
    """Return the fields that are changed: those named, else all of the task. Raises DataError for one it does not have."""
    for name in params.fields:
        require_field(name, task)
    if not task.inputs:
        raise DataError(f"task {task.name} puts no field into its prompt, so there is nothing to change")
    return params.fields or task.inputs


def require_field(name: str, task: Task) -> None:
    """Raise DataError where a task has no such field."""
    if name not in task.inputs:
        raise DataError(f"task {task.name} has no field {name!r}: {nearest(name, task.inputs)}")


def most_common(reasons: Sequence[str]) -> str:
    """Return the reason that most fields of a row gave; of equals the first."""
    return Counter(reasons).most_common(1)[0][0]
