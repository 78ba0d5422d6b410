"""`reduce_intruders`: a variant with the intruder dimensions of its matrices scaled down. Nothing is trained."""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.reduce_intruders.params import ReduceIntrudersParams
from hanka.records import Parent


def _parents(params: Any) -> tuple[Parent, ...]:
    assert isinstance(params, ReduceIntrudersParams)
    return (params.of.parent,)


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.reduce_intruders.adapt import adapt_reduced

    return adapt_reduced(request)


REDUCE_INTRUDERS = Method(
    name="reduce_intruders",
    reference="Shuttleworth et al. 2024, arXiv 2410.21228, section 5",
    description="a variant whose matrices have their intruder dimensions scaled down",
    params=ReduceIntrudersParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    stands_on="together",
    is_seeded=False,
)
