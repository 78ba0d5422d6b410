"""`interpolate`: weights on the line between what a variant was made on and the variant (WiSE-FT). Nothing is trained."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.interpolate.params import InterpolateParams
from hanka.records import Parent


def _parents(params: InterpolateParams) -> tuple[Parent, ...]:
    return (params.of.parent,)


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.interpolate.adapt import adapt_between

    return adapt_between(request)


INTERPOLATE = Method(
    name="interpolate",
    reference="WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903",
    description="weights between a variant and what it was made on",
    params=InterpolateParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    stands_on="beside",
    is_seeded=False,
)
