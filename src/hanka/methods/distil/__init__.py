"""`distil`: a model learns to say without a text what a teacher says with the text at hand: prompt distillation."""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, Method, start_of
from hanka.methods.distil.params import DistilParams
from hanka.records import Parent


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.distil.adapt import adapt_distilled

    return adapt_distilled(request)


def _parents(params: Any) -> tuple[Parent, ...]:
    assert isinstance(params, DistilParams)
    return (*start_of(params), *((params.teacher.parent,) if params.teacher else ()))


DISTIL = Method(
    name="distil",
    reference="Kujanpää et al. (2024), arXiv 2412.14964",
    description="fine-tuning towards what a teacher says with a text at hand that the model itself is not shown",
    params=DistilParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    course=True,
    objectives=("kl_teacher",),
    stands_on="start",
)
