"""What a recipe makes of single rows: changed, or left out with a reason, and held to the contract that pairs them with their sources.

Beneath the Recipe contract (`contract.Recipe.perturbs`); what recipes share is in `perturbing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from hanka.errors import DataError
from hanka.records import Example
from hanka.tasks.base import Task

Expects: TypeAlias = Literal["same", "another", "none"]
"What a right answer is after a change: as before, one that follows from a stated rule, or none."


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


def as_they_are(params: Any, rows: Sequence[Example], task: Task) -> Sequence[Example]:
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
    shown: Callable[[Any, Sequence[Example], Task], Sequence[Example]] = as_they_are
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
