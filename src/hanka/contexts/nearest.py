"""The demonstrations nearest to each query, by BM25 over their inputs; the most similar one stands last.

The pool is the test set's own, or the training rows of the dataset that `of` names. A row whose input is the query's, or
that of any test row, is never shown, under either protocol: it would tell the answer. Where fewer rows share a word
with the query than are asked for, the others follow in the order of the pool.
Source: Liu et al. (2022), arXiv 2101.06804 (choice and order); Rubin et al. (2022), arXiv 2112.08633 (BM25 as the
baseline that is hard to beat).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from hanka.contexts.bm25 import LIBRARIES, Index
from hanka.contexts.contract import Context, ContextParams, ContextRequest, without_tests
from hanka.datasets.overlap import normalised_text
from hanka.errors import DataError
from hanka.records import Built, Example

if TYPE_CHECKING:
    import numpy as np


class NearestParams(ContextParams):
    """Where demonstrations are looked for."""

    of: str | None = Field(default=None, min_length=1)
    "Dataset of the same task whose training rows are the pool (default: the test set's demonstrations)."


@dataclass(frozen=True, slots=True)
class Searchable:
    """A pool that can be searched."""

    pool: tuple[Example, ...]
    "Demonstrations in their file's order."
    index: Index
    "Of their inputs."


def _sources(params: NearestParams) -> tuple[str, ...]:
    return (params.of,) if params.of else ()


def index_pool(request: ContextRequest) -> Searchable:
    """Index the pool without the rows of the test set. Raises DataError where its rows are of another task."""
    params: NearestParams = request.params
    rows = request.rows(params.of, "train") if params.of else request.pool
    for row in rows[:1]:
        missing = [name for name in request.task.inputs if name not in row.fields]
        if missing:
            raise DataError(
                f"context nearest: rows of dataset {params.of} have no field {missing[0]!r}, which task "
                f"{request.task.name} asks with: name a dataset of that task in `of`"
            )
    pool = tuple(without_tests(rows, request.tests))
    return Searchable(pool, Index.of([_input(row) for row in pool]))


def build_nearest(prepared: Searchable, example: Example, shots: int, rng: np.random.Generator) -> Built:
    """Show the `shots` demonstrations nearest to the query, the nearest last."""
    if not shots:
        return Built((), {})
    asked = normalised_text(example)
    ranked = (prepared.pool[place] for place in prepared.index.ranked(_input(example)))
    chosen = list(islice((row for row in ranked if normalised_text(row) != asked), shots))
    return Built(tuple(reversed(chosen)), {})


def _input(example: Example) -> str:
    return "\n".join(example.fields.values())


NEAREST = Context(
    name="nearest",
    reference="Liu et al. (2022), arXiv 2101.06804; Rubin et al. (2022), arXiv 2112.08633",
    description="the demonstrations nearest to each query by BM25, the most similar last (needs bm25s)",
    params=NearestParams,
    per_query=True,
    prepare=index_pool,
    build=build_nearest,
    sources=_sources,
    reads="train",
    is_drawn=False,
    libraries=LIBRARIES,
)
