"""Cross-entropy, and beside it half the squared distance of the weights from where training began.

Minimised is, at every optimizer step, the mean cross-entropy per supervised token (nats) + beta / 2 ||w - w0||^2 (L2-SP: Li,
Grandvalet and Davoine 2018, arXiv 1802.01483, equation 2, there with the pre-trained weights as w0, as here unless `start:` names
others). The penalty is part of the gradient, so it is clipped and scaled by the optimizer with it; unlike `weight_decay` it pulls
towards w0, not towards 0. `beta` has no published value for this setting; 0.01 is our default. What the distance is of an
adapter stands in `training/distance.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets

if TYPE_CHECKING:
    import torch


class L2BaseParams(ObjectiveParams):
    """How strongly the weights are held where they were."""

    beta: float = Field(default=0.01, ge=0)
    "Factor of half the squared distance."


def _loss(targets: Targets, params: L2BaseParams) -> torch.Tensor:
    from hanka.training.head import summed_cross_entropy

    return summed_cross_entropy(targets.outputs, targets.ids, targets.weights)


def _penalty(model: Any, params: L2BaseParams) -> Callable[[], Iterator[torch.Tensor]]:
    from hanka.training.distance import Distance

    distance = Distance.from_here(model)
    return lambda: (params.beta / 2 * term for term in distance.squares())


L2_BASE = Objective(
    name="l2_base",
    reference="Li, Grandvalet & Davoine 2018, arXiv 1802.01483, eq. 2",
    description="cross-entropy, and the squared distance from the weights before training",
    params=L2BaseParams,
    loss=_loss,
    penalty=_penalty,
)
