"""The very document that a query is about, inserted before it: the upper bound of what looking things up could give.

Documents are the `passages` split of a dataset; a query's is the one whose id is the query's group, as rows that share a source text
share a group. Demonstrations, where shots are asked, are those of `drawn`, and stand without documents, so that they stay shared.
Source: the open-book setting of Roberts et al. (2020), arXiv 2002.08910; Kujanpää et al. (2024), arXiv 2412.14964, for the bound.
Limits: documents are inserted whole; a prompt that does not fit is a failed row with its reason, never a cut document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hanka.contexts.contract import Context, ContextRequest
from hanka.contexts.drawn import drawn_order
from hanka.contexts.inserted import PLACE, InsertedParams, filled
from hanka.errors import DataError
from hanka.records import Built, Example

if TYPE_CHECKING:
    import numpy as np


class OpenBookParams(InsertedParams):
    """Which documents, and how one stands before the query."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Documents by id, with the demonstrations all queries share."""

    demonstrations: tuple[Example, ...]
    "In the order of the draw."
    documents: Mapping[str, str]
    "Id → text."
    params: OpenBookParams
    "How they stand."


def _sources(params: OpenBookParams) -> tuple[str, ...]:
    return (params.passages,)


def shelve(request: ContextRequest) -> Shelf:
    """Look every query's document up. Raises DataError for a query that is about none of them."""
    params: OpenBookParams = request.params
    documents = {row.id: "\n".join(row.fields.values()) for row in request.rows(params.passages, "passages")}
    for row in request.tests:
        if row.group not in documents:
            said = f"its group {row.group!r} is the id of none of the {len(documents)} passages of {params.passages}"
            raise DataError(
                f"context open_book: row {row.id} of {request.dataset} is about no document: {said}; let `group` be the id of the document"
            )
    return Shelf(drawn_order(request), documents, params)


def build_with_document(prepared: Shelf, example: Example, shots: int, rng: np.random.Generator) -> Built:
    """Show the shared demonstrations, then the query's document."""
    return Built(
        prepared.demonstrations[:shots], {PLACE: filled(prepared.params.template, prepared.documents[example.group])}
    )


OPEN_BOOK = Context(
    name="open_book",
    reference="Roberts et al. (2020), arXiv 2002.08910; Kujanpää et al. (2024), arXiv 2412.14964",
    description="the document that each query is about, inserted before it",
    params=OpenBookParams,
    per_query=True,
    prepare=shelve,
    build=build_with_document,
    sources=_sources,
    inserts=True,
)
