"""`sft` and `fticl`: supervised fine-tuning; they differ in the demonstrations before an example: none, or k."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, TrainingParams
from hanka.methods.supervised.params import FticlParams


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.supervised.adapt import adapt_supervised

    return adapt_supervised(request)


SFT = Method(
    name="sft",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3; LoRA: Hu et al. 2021, arXiv 2106.09685",
    description="fine-tuning on prompt and target, loss on the target",
    params=TrainingParams,
    trains=True,
    adapt=_adapt,
)

FTICL = Method(
    name="fticl",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3 and 5.3",
    description="fine-tuning with k demonstrations before each example, loss on the last target",
    params=FticlParams,
    trains=True,
    adapt=_adapt,
)
