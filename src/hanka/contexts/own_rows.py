"""Demonstrations that are the rows the asked variant was trained on: all of them, in the order in which they were drawn.

For the comparison of k labelled rows as demonstrations and as training rows. Of a variant's rows, those of the test set's task are
shown, before every query the same; the number of shots is theirs. With `train: {sample: seeded}` or `balanced` the order is the
seed's, and k rows begin the 2k rows of the same seed. A row whose input is that of a test row is not shown, under either protocol.
A variant without rows of the task is not asked this way. Limits: rows that a recipe makes during the run are not known when
the plan is made, so a variant trained on such rows is not asked this way either.
Source: Mosbach et al. (2023), arXiv 2305.16938 (the same rows and model either way); Liu et al. (2022), arXiv 2205.05638.
"""

from __future__ import annotations

from hanka.contexts.contract import Context, ContextParams, ContextRequest, without_tests
from hanka.contexts.drawn import build_first
from hanka.records import Example


class OwnRowsParams(ContextParams):
    """None: the rows are the variant's, and so is their order."""


def in_training_order(request: ContextRequest) -> tuple[Example, ...]:
    """Keep the variant's rows in their order, without those of the test set."""
    return tuple(without_tests(request.pool, request.tests))


OWN_ROWS = Context(
    name="own_rows",
    reference="Mosbach et al. (2023), arXiv 2305.16938; Liu et al. (2022), arXiv 2205.05638",
    description="all rows the variant was trained on, the same before every query",
    params=OwnRowsParams,
    per_query=False,
    prepare=in_training_order,
    build=build_first,
    is_drawn=False,
    shows_own=True,
)
