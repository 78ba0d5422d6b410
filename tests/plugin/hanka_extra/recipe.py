"""Recipe `unique`: rows of one dataset, each input once. Source: Lee et al. (2022), arXiv 2107.06499, exact duplicates.

The first of equal rows stays. Inputs are equal where they are up to case, width and white space.
"""

from __future__ import annotations

from pydantic import Field

from hanka.datasets.overlap import normalised_text
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough
from hanka.records import Part


class UniqueParams(RecipeParams):
    """Of which dataset."""

    of: str = Field(min_length=1)
    "Dataset whose training rows are taken."


def _make(request: RecipeRequest) -> tuple[Part, ...]:
    params: UniqueParams = request.params
    first = {normalised_text(row): row for row in reversed(request.rows(params.of, "train", request.asked))}
    rows = enough(list(reversed(first.values())), request.asked, params.of, "train")[: request.asked]
    return (Part(request.task(params.of).name, params.of, tuple(rows)),)


UNIQUE = Recipe(
    name="unique",
    reference="Lee et al. 2022, arXiv 2107.06499",
    description="rows of one dataset without duplicates",
    params=UniqueParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    make=_make,
    version=1,
)
