"""What plan.json says of the rows of every trained variant: rows asked, and by data set how many there are, what for, and what they cover.

plan → **training rows** → questions, which know no recipe. Written where a study has something to compare by it: a recipe that tells what its data sets
are there for, or a training that begins at another one. Rows that are yet to be made out of answers of variants cover nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hanka.datasets.coverage import coverage
from hanka.plan.records import Plan, PlannedVariant
from hanka.study.rows import RowsOfTask

MADE = "synthetic, from templates"
"How the note of a data set begins whose rows a template makes."
MOST_PAIRS = 2000
"Pairs that are written out; all are counted."


def training_rows_json(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return by variant id what it is trained on; nothing where no question could ask for it."""
    trained = [one for one in plan.variants.values() if one.training is not None and one.use.method.course]
    if not any(_roles(one) or one.parents for one in trained):
        return {}
    return {one.variant.id: _rows(one) for one in trained}


def _roles(planned: PlannedVariant) -> Mapping[str, str]:
    own = next((train for train in planned.use.trains if train.name == planned.variant.train_dataset), None)
    return {} if own is None or own.recipe is None else own.recipe.use.entry.roles(own.recipe.use.params)


def _rows(planned: PlannedVariant) -> dict[str, Any]:
    training, roles = planned.training, _roles(planned)
    assert training is not None
    return {"asked": training.asked, "parts": [_part(part, roles) for part in training.parts]}


def _part(part: RowsOfTask, roles: Mapping[str, str]) -> dict[str, Any]:
    name = part.dataset.name
    return {
        "dataset": name,
        "task": part.task.name,
        "role": roles.get(name, "learnt"),
        "n": len(part.examples),
        "synthetic": part.dataset.note.startswith(MADE),
        "coverage": _coverage(part),
    }


def _coverage(part: RowsOfTask) -> dict[str, Any] | None:
    if not part.examples:
        return None
    found = coverage((part.dataset.name, one) for one in part.examples)
    return {
        "n_pairs": found.n_pairs,
        "entropy": found.entropy,
        "pairs": [list(one) for one in found.pairs[:MOST_PAIRS]],
    }
