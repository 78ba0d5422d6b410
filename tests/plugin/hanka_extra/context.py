"""Context `redrawn`: every query has demonstrations of its own, drawn at random.

Source: Brown et al. (2020), arXiv 2005.14165, section 2.4. Fewer shots are a part of more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.contexts.contract import Context, ContextParams, ContextRequest, without_tests
from hanka.records import Built, Example

if TYPE_CHECKING:
    import numpy as np


def _pool(request: ContextRequest) -> tuple[Example, ...]:
    return tuple(without_tests(request.pool, request.tests))


def _build(pool: tuple[Example, ...], example: Example, shots: int, rng: np.random.Generator) -> Built:
    return Built(tuple(pool[at] for at in rng.permutation(len(pool))[:shots]), {})


REDRAWN = Context(
    name="redrawn",
    reference="Brown et al. 2020, arXiv 2005.14165, sec. 2.4",
    description="demonstrations drawn anew for every query",
    params=ContextParams,
    per_query=True,
    prepare=_pool,
    build=_build,
    version=1,
)
