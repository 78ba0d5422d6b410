"""`base`: no adaptation; what every other variant is compared with."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, MethodParams
from hanka.models.catalogue import LANGUAGE_MODELS
from hanka.records import UNADAPTED


def _adapt(request: AdaptRequest) -> Adapted:
    return Adapted(tuner="", n_trained_parameters=0, record={})


BASE = Method(
    name=UNADAPTED,
    reference="the model as published",
    description="no adaptation",
    params=MethodParams,
    per="base",
    adapt=_adapt,
    kinds=(*LANGUAGE_MODELS, "served"),
    changes_weights=False,
)
