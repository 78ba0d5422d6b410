"""`proxy`: a base model steered while it answers by what tuning changed in a small one. Nothing is trained or saved."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hanka.engines.contract import Steering
from hanka.methods.contract import Adapted, AdaptRequest, Method, MethodParams, ParentParams, ParentRef
from hanka.models.catalogue import LANGUAGE_MODELS
from hanka.records import UNADAPTED, Parent


class ProxyParams(MethodParams):
    """Who steers, and how strongly."""

    expert: ParentRef
    "Entry whose variants are added: a tuned small model with the same tokenizer."
    anti: ParentRef = ParentParams(of=UNADAPTED)
    "What is subtracted (default: the expert's own base as it is)."
    alpha: float = Field(default=1.0, allow_inf_nan=False)
    "Weight of the difference; the published value is 1."
    top: int | None = Field(default=None, ge=1)
    "Tokens that a served base is asked to list for each place (default: 20); a base in memory is heard whole, and takes none."

    @property
    def left_out_of_ids(self) -> tuple[str, ...]:
        """Leave out what is said of a served base where it is not said."""
        return ("top",) if self.top is None else ()


def _parents(params: ProxyParams) -> tuple[Parent, ...]:
    anti = params.anti
    if anti.of == UNADAPTED and not anti.base:
        anti = anti.model_copy(update={"base": params.expert.base})
    return (params.expert.parent, anti.parent)


def _adapt(request: AdaptRequest) -> Adapted:
    return Adapted(tuner="", n_trained_parameters=0, record={})


def _engine_params(params: Any) -> Steering:
    assert isinstance(params, ProxyParams)
    return Steering(params.alpha, params.top)


PROXY = Method(
    name="proxy",
    reference="Liu et al. 2024, arXiv 2401.08565",
    kinds=(*LANGUAGE_MODELS, "served"),
    description="a model steered by the difference of a tuned small one and an untuned one",
    params=ProxyParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    engine="combined",
    roles=("expert", "anti"),
    engine_params=_engine_params,
    is_seeded=False,
)
