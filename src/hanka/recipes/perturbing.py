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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import Field

from hanka.datasets.scripts import script_of
from hanka.errors import DataError, nearest
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest
from hanka.records import Example, Part
from hanka.registry import Names
from hanka.tasks.base import Task

Expects: TypeAlias = Literal["same", "another", "none"]
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


class Changed(NamedTuple):
    """What became of one row."""

    example: Example | None
    "The changed row, with its id and group; None where it cannot be changed."
    why: str = ""
    "Why it cannot, in words that many rows share; empty where it can."
    n_units: int = 0
    "Words, phrases or fields it has."
    n_can: int = 0
    "Those that could be changed."
    n_changed: int = 0
    "Those that were."


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What is changed."""

    params: Any
    "Validated parameters of the recipe."
    rows: Sequence[Example]
    "Rows to change."
    task: Task
    "Their task, which has fields and labels."
    ids: Callable[[], frozenset[str]] = frozenset
    "Ids of all rows of the split, whatever the study asks of it."


def same_pool(params: Any, rows: Sequence[Example], task: Task) -> Sequence[Example]:
    """Show demonstrations as they are."""
    return rows


def any_shots(params: Any) -> int:
    """Ask with any number of demonstrations."""
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class Perturbing:
    """How a recipe changes rows."""

    change: Callable[[ChangeRequest], Sequence[Changed]]
    "One entry per row, in order. Raises DataError in one line where no row of this task can be changed."
    expects: Expects
    "What a right answer is afterwards."
    pool: Callable[[Any, Sequence[Example], Task], Sequence[Example]] = same_pool
    "(params, demonstrations, task) → those that stand before changed rows."
    fewest_shots: Callable[[Any], int] = any_shots
    "params → demonstrations below which a changed row is not asked: nothing would tell what is meant."


@dataclass(frozen=True, slots=True)
class PerturbedRows:
    """A changed set, and what was left out of it."""

    examples: tuple[Example, ...]
    "Changed rows, in the order of their sources."
    n_source: int
    "Rows there were to change."
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    "Reason → ids of the rows that could not be changed."
    n_units: int = 0
    "Words, phrases or fields of the changed rows."
    n_can: int = 0
    "Those that could be changed."
    n_changed: int = 0
    "Those that were."


def perturbed_rows(perturbing: Perturbing, request: ChangeRequest) -> PerturbedRows:
    """Change rows, and hold the result to the contract.

    Raises DataError, in one line, where no row can be changed, or one came out with another id or group.
    """
    found = list(perturbing.change(request))
    kept: list[Changed] = []
    left_out: dict[str, list[str]] = {}
    for row, one in zip(request.rows, found, strict=True):
        if one.example is None:
            left_out.setdefault(one.why, []).append(row.id)
            continue
        if (one.example.id, one.example.group) != (row.id, row.group):
            raise DataError(f"row {row.id!r} came out as {one.example.id!r}: a changed row keeps its id and its group")
        kept.append(one)
    if not kept:
        said = "; ".join(f"{len(ids)} {why}" for why, ids in left_out.items()) or "there are none"
        raise DataError(f"none of {len(request.rows)} rows of {request.params.of} can be changed ({said})")
    return PerturbedRows(
        tuple(one.example for one in kept if one.example is not None),
        len(found),
        {why: tuple(ids) for why, ids in left_out.items()},
        *(sum(getattr(one, name) for one in kept) for name in ("n_units", "n_can", "n_changed")),
    )


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
