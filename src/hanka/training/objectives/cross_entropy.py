"""Cross-entropy of supervised tokens, each with a factor where rows have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets

if TYPE_CHECKING:
    import torch


def _loss(targets: Targets, params: ObjectiveParams) -> torch.Tensor:
    from hanka.training.head import summed_cross_entropy

    return summed_cross_entropy(targets.outputs, targets.ids, targets.weights)


CROSS_ENTROPY = Objective(
    name="cross_entropy",
    reference="maximum likelihood of the target tokens",
    description="cross-entropy of the supervised tokens",
    params=ObjectiveParams,
    loss=_loss,
)
