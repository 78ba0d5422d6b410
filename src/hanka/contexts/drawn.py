"""Demonstrations that all queries share: drawn by seed and label-balanced, or the first of the file.

`drawn` is the default of the corrected protocol, `first` what the main paper did. Fewer shots are a prefix of more.
Under `protocol: paper` the pool stays as published; else rows of the test set leave it.
Source: Brown et al. (2020), arXiv 2005.14165, section 2; Yang et al. (2024), arXiv 2403.09162.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.contexts.contract import Context, ContextParams, ContextRequest, without_tests
from hanka.datasets.demonstrations import ordered_pool
from hanka.records import Built, Example

if TYPE_CHECKING:
    import numpy as np


class SharedParams(ContextParams):
    """None: the pool is the test set's, the seed the study's."""


def drawn_order(request: ContextRequest) -> tuple[Example, ...]:
    """Order the pool by a shuffle of (seed, dataset, draw) that takes labels in turn."""
    purpose = (request.seed, request.dataset, request.draw)
    return tuple(ordered_pool(_shown(request), "drawn", request.labels, *purpose))


def file_order(request: ContextRequest) -> tuple[Example, ...]:
    """Keep the order of the file."""
    return tuple(ordered_pool(_shown(request), "first", request.labels))


def _shown(request: ContextRequest) -> list[Example]:
    return list(request.pool) if request.protocol == "paper" else without_tests(request.pool, request.tests)


def build_first(prepared: tuple[Example, ...], example: Example, shots: int, rng: np.random.Generator) -> Built:
    """Show the first `shots` of an order, whatever is asked."""
    return Built(prepared[:shots], {})


DRAWN = Context(
    name="drawn",
    reference="Brown et al. (2020), arXiv 2005.14165",
    description="demonstrations drawn by seed, labels in turn, the same before every query",
    params=SharedParams,
    per_query=False,
    prepare=drawn_order,
    build=build_first,
)

FIRST = Context(
    name="first",
    reference="Yang et al. (2024), arXiv 2403.09162",
    description="the first demonstrations of the file, the same before every query",
    params=SharedParams,
    per_query=False,
    prepare=file_order,
    build=build_first,
    is_drawn=False,
)
