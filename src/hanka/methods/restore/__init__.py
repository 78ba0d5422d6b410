"""`restore`: a variant whose most changed weights are the base's again. Nothing is trained."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.restore.params import RestoreParams
from hanka.records import Parent


def _parents(params: RestoreParams) -> tuple[Parent, ...]:
    return (params.of.parent,)


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.restore.adapt import adapt_restored

    return adapt_restored(request)


RESTORE = Method(
    name="restore",
    reference="follow-up of Ye et al., arXiv 2409.15825: parameter-level analysis",
    description="a variant whose most changed weights are put back to the base's",
    params=RestoreParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    stands_on="together",
    is_seeded=False,
)
