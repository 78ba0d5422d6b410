"""A seeded subset of one dataset: with the same seed a smaller one is contained in a larger one.

Rows are ordered by the hash of their ids and the seed, so the subset does not depend on the order of the file, and sizes can be
compared without a change of sample. `balanced` lets the labels take turns in that order. Source: bottom-k sampling by hash,
Cohen & Kaplan (2007), PODC. Limits: in a source with one file per training size, subsets are nested within a file.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from hanka.datasets.splits import interleaved, sample
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough
from hanka.records import Part


class SubsetParams(RecipeParams):
    """Of which dataset, how much, chosen by which seed."""

    of: str = Field(min_length=1)
    "Dataset whose training rows are chosen from."
    seed: int = Field(default=0, ge=0)
    "Chooses the rows, whatever the seeds of the study."
    share: float | None = Field(default=None, gt=0, le=1)
    "Share of the rows the study asks for (default: all of them)."
    rows: int | None = Field(default=None, ge=1)
    "Rows at most, whatever the study asks for."
    balanced: bool = False
    "Whether the labels take turns, so that each is chosen equally often while it lasts."

    @model_validator(mode="before")
    @classmethod
    def _one_size(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("share") is not None and given.get("rows") is not None:
            raise ValueError("`share` and `rows` both say how much: write one of them")
        return given

    def size(self, asked: int) -> int:
        """Return how many rows it has where `asked` are asked; at least one."""
        if self.rows is not None:
            return min(self.rows, asked)
        return max(1, int(asked * self.share + 0.5)) if self.share is not None else asked


def make_subset(request: RecipeRequest) -> tuple[Part, ...]:
    """Choose the rows. Raises DataError where the dataset has too few."""
    params: SubsetParams = request.params
    n = params.size(request.asked)
    rows = enough(request.rows(params.of, "train", request.asked), n, params.of, "train")
    ordered = sample(rows, len(rows), "seeded", params.seed, params.of)
    chosen = (interleaved(ordered) if params.balanced else ordered)[:n]
    return (Part(request.task(params.of).name, params.of, tuple(chosen)),)


SUBSET = Recipe(
    name="subset",
    reference="Cohen & Kaplan (2007), PODC",
    description="a seeded subset of one dataset; smaller ones are contained in larger ones",
    params=SubsetParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: params.size(asked),
    make=make_subset,
)
