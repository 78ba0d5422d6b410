"""Passages looked up for each query by BM25 and inserted before it; the most relevant one stands last.

Passages are the `passages` split of a dataset. Demonstrations, where shots are asked, are those of `drawn`: the same before
every query and without passages, so that they stay shared. A passage that shares no word with the query is not inserted;
where none does, nothing is. Source: Robertson & Zaragoza (2009), Foundations and Trends in IR 3(4), 333-389; Lewis et
al. (2020), arXiv 2005.11401, for answering from what was retrieved. Limits: passages are inserted whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from hanka.contexts.bm25 import LIBRARIES, Index
from hanka.contexts.contract import Context, ContextRequest
from hanka.contexts.drawn import drawn_order
from hanka.contexts.inserted import PLACE, InsertedParams, filled
from hanka.errors import DataError
from hanka.records import Built, Example

if TYPE_CHECKING:
    import numpy as np


class RetrieveParams(InsertedParams):
    """Which passages are looked up, how many, and how they stand before the query."""

    k: int = Field(default=2, ge=1)
    "Passages inserted at most."


@dataclass(frozen=True, slots=True)
class Library:
    """Passages that can be searched, with the demonstrations all queries share."""

    demonstrations: tuple[Example, ...]
    "In the order of the draw."
    passages: tuple[str, ...]
    "Texts in their file's order."
    index: Index
    "Of the texts."
    params: RetrieveParams
    "How many, and how they stand."


def _sources(params: RetrieveParams) -> tuple[str, ...]:
    return (params.passages,)


def index_passages(request: ContextRequest) -> Library:
    """Index the passages. Raises DataError where there are none."""
    params: RetrieveParams = request.params
    texts = tuple("\n".join(row.fields.values()) for row in request.rows(params.passages, "passages"))
    if not texts:
        raise DataError(f"context retrieve: dataset {params.passages} has no passage: name one with passages")
    return Library(drawn_order(request), texts, Index.of(texts), params)


def build_with_passages(prepared: Library, example: Example, shots: int, rng: np.random.Generator) -> Built:
    """Show the shared demonstrations, then the passages most relevant to the query, the most relevant last."""
    query, params = "\n".join(example.fields.values()), prepared.params
    scores = prepared.index.scores(query)
    best = [place for place in prepared.index.ranked(query)[: params.k] if scores[place] > 0]
    text = "\n".join(prepared.passages[place] for place in reversed(best))
    inserted = {PLACE: filled(params.template, text)} if best else {}
    return Built(prepared.demonstrations[:shots], inserted)


RETRIEVE = Context(
    name="retrieve",
    reference="Robertson & Zaragoza (2009), Foundations and Trends in IR 3(4)",
    description="passages of a dataset looked up by BM25 and inserted before each query (needs bm25s)",
    params=RetrieveParams,
    per_query=True,
    prepare=index_passages,
    build=build_with_passages,
    sources=_sources,
    inserts=True,
    libraries=LIBRARIES,
)
