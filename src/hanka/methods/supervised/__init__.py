"""`sft` and `fticl`: supervised fine-tuning; they differ in the demonstrations before an example: none, or k."""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, CourseMethodParams, Method, ShownInTraining, start_of
from hanka.methods.supervised.params import FticlParams


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.supervised.adapt import adapt_supervised

    return adapt_supervised(request)


def _shown(params: Any) -> ShownInTraining:
    assert isinstance(params, FticlParams)
    return ShownInTraining(params.shots, params.draw == "per_example")


SFT = Method(
    name="sft",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3; LoRA: Hu et al. 2021, arXiv 2106.09685",
    description="fine-tuning on prompt and target, loss on the target",
    params=CourseMethodParams,
    per="training_set",
    adapt=_adapt,
    parents=start_of,
    course=True,
    stands_on="parent",
)

FTICL = Method(
    name="fticl",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3 and 5.3",
    description="fine-tuning with k demonstrations before each example, loss on the last target",
    params=FticlParams,
    per="training_set",
    adapt=_adapt,
    parents=start_of,
    shows=_shown,
    course=True,
    stands_on="parent",
)
