"""Method `ensemble`: a base model and a variant of it answer together. Nothing is trained or saved."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hanka.methods.contract import Adapted, AdaptRequest, Method, MethodParams, ParentRef
from hanka.records import Parent


class EnsembleParams(MethodParams):
    """Who answers, and how much each counts."""

    of: ParentRef
    "Entry whose variants answer beside their base."
    weight: float = Field(default=0.5, gt=0, lt=1)
    "Of the variant's probabilities."


def _parents(params: EnsembleParams) -> tuple[Parent, ...]:
    return (params.of.parent,)


def _adapt(request: AdaptRequest) -> Adapted:
    return Adapted(tuner="", n_trained_parameters=0, record={})


def _engine_params(params: Any) -> float:
    assert isinstance(params, EnsembleParams)
    return params.weight


ENSEMBLE = Method(
    name="ensemble",
    reference="Wortsman et al. 2022, arXiv 2109.01903, sec. 5",
    description="a base and its variant answer together, the mean of their probabilities",
    params=EnsembleParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    engine="ensemble",
    roles=("tuned",),
    engine_params=_engine_params,
    is_seeded=False,
    version=1,
)
