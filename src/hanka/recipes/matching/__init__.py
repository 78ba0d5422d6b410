"""Recipes for labelled pairs: rows with explanations, filters, generated corner cases, and pairs near a model's errors.

Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185 (TailorMatch). All of them draw their rows from the training rows of one data set
the way a study does by itself (`sample`), so that arms which differ in what is done with rows start from the same ones.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanka.datasets.splits import sample
from hanka.errors import DataError
from hanka.recipes.contract import RecipeParams, RecipeRequest, enough
from hanka.records import Example

REFERENCE = "Steiner, Peeters & Bizer (2024), arXiv 2409.08185"


class PairsParams(RecipeParams):
    """Which pairs."""

    of: str = Field(min_length=1)
    "Data set of pairs whose training rows are taken."
    sample: Literal["balanced", "seeded", "first"] = "balanced"
    "Which of them: labels in turn, as they come in the order of the seed, or the first ones; as `train.sample` draws them."


def drawn(request: RecipeRequest) -> list[Example]:
    """Return the rows that the study asks for. Raises DataError where there are fewer, or they are no pairs."""
    return ordered(request)[: request.asked]


def ordered(request: RecipeRequest) -> list[Example]:
    """Return all training rows in the order of the draw: those that are asked stand first. Raises DataError."""
    params: PairsParams = request.params
    rows = enough(request.rows(params.of, "train", request.asked), request.asked, params.of, "train")
    missing = next((name for name in ("left", "right") for row in rows[:1] if name not in row.fields), None)
    if missing:
        raise DataError(
            f"rows of data set {params.of} have no field {missing!r}: it takes pairs of descriptions (task matching)"
        )
    labelled = bool(request.task(params.of).labels)
    return sample(rows, len(rows), params.sample, request.seed, params.of, labelled)
