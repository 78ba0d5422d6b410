"""`base`: no adaptation; what every other variant is compared with."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, Params


def _adapt(request: AdaptRequest) -> Adapted:
    return Adapted(weights="base", n_trained_parameters=0, record={})


BASE = Method(
    name="base",
    reference="the model as published",
    description="no adaptation",
    params=Params,
    trains=False,
    adapt=_adapt,
)
