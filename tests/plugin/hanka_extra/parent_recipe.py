"""Recipe `pseudo_labels`: inputs of a dataset with the answers of a variant, the surest first.

Source: Lee (2013), Pseudo-Label, ICML workshop; a threshold becomes a number of rows: as many as are asked for.
Surest is the largest gap between the best label's score and the next one's. Limits: tasks with labels.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from hanka.errors import UnitError
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest
from hanka.records import Parent, Part, Prediction


class PseudoLabelParams(RecipeParams):
    """Which rows, labelled by whom."""

    of: str = Field(min_length=1)
    "Dataset whose training rows are labelled; their own labels are not read."
    teacher: str = Field(min_length=1)
    "Entry of `methods` whose variant labels them."
    taught_on: str = ""
    "What the teacher was trained on (default: the same dataset)."


def _parents(params: PseudoLabelParams) -> tuple[Parent, ...]:
    return (Parent(params.teacher, train=params.taught_on or params.of),)


def _gap(prediction: Prediction) -> float:
    best, second = sorted(prediction.label_scores or (0.0, 0.0), reverse=True)[:2]
    return best - second


def _make(request: RecipeRequest) -> tuple[Part, ...]:
    params: PseudoLabelParams = request.params
    rows = request.rows(params.of, "train", request.asked)
    (teacher,) = _parents(params)
    answers = request.answer(teacher, [replace(row, target="") for row in rows])
    labelled = [
        (-_gap(one), at, replace(row, target=one.parsed))
        for at, (row, one) in enumerate(zip(rows, answers, strict=True))
        if one.parsed is not None
    ]
    if len(labelled) < request.asked:
        raise UnitError(f"{params.teacher} labelled {len(labelled)} of {len(rows)} rows, and {request.asked} are asked")
    surest = sorted(labelled, key=lambda one: one[:2])[: request.asked]
    return (Part(request.task(params.of).name, params.of, tuple(row for _, _, row in surest)),)


PSEUDO_LABELS = Recipe(
    name="pseudo_labels",
    reference="Lee 2013 (ICML workshop), Pseudo-Label",
    description="rows labelled by a variant, the surest first",
    params=PseudoLabelParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    make=_make,
    parents=_parents,
    version=1,
)
