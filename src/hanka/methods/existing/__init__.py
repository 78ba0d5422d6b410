"""`existing`: weights that were tuned elsewhere, as a variant with verdicts against its base. Nothing is trained."""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.existing.params import ExistingParams, located, pinned


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.existing.adapt import adopt

    return adopt(request)


def _trained_on(params: Any) -> tuple[str, ...] | None:
    assert isinstance(params, ExistingParams)
    return params.trained_on


EXISTING = Method(
    name="existing",
    reference="PEFT's and transformers' layouts of saved weights",
    description="an adapter, a checkpoint or a merged model that is already there",
    params=ExistingParams,
    per="base",
    adapt=_adapt,
    located=located,
    pinned=pinned,
    trained_on=_trained_on,
    is_elsewhere=True,
    is_seeded=False,
)
