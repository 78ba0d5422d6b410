"""`sft`: supervised fine-tuning on prompt → target, loss on the target only; full weights or LoRA."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, TrainingParams


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.sft.adapt import adapt

    return adapt(request)


SFT = Method(
    name="sft",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3; LoRA: Hu et al. 2021, arXiv 2106.09685",
    description="fine-tuning on prompt and target, loss on the target",
    params=TrainingParams,
    trains=True,
    adapt=_adapt,
)
