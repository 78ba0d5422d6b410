"""What plan.json says of the rows of every trained variant: rows asked, and by data set how many there are, what for, and how varied.

plan → **training rows** → questions, which know no recipe. Rows that are yet to be made out of answers of variants are counted as planned.
"""

from __future__ import annotations

from typing import Any

from hanka.plan.records import Plan, PlannedVariant
from hanka.study.rows import RowsOfTask


def training_rows_json(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return by variant id what it is trained on, where a recipe says what its data sets are there for."""
    return {one.variant.id: _rows(one) for one in plan.variants.values() if one.training is not None and _roles(one)}


def _roles(planned: PlannedVariant) -> dict[str, str]:
    own = next((train for train in planned.use.trains if train.name == planned.variant.train_dataset), None)
    return {} if own is None or own.recipe is None else dict(own.recipe.use.entry.roles(own.recipe.use.params))


def _rows(planned: PlannedVariant) -> dict[str, Any]:
    training, roles = planned.training, _roles(planned)
    assert training is not None
    return {"asked": training.asked, "parts": [_part(part, roles) for part in training.parts]}


def _part(part: RowsOfTask, roles: dict[str, str]) -> dict[str, Any]:
    return {
        "dataset": part.dataset.name,
        "task": part.task.name,
        "role": roles.get(part.dataset.name, "learnt"),
        "n": len(part.examples),
    }
