"""Cross-entropy, and beside it the divergence from the model before it changed, at the same places.

Learning without forgetting: what the model said about the new data before it learned from them is kept as a second
target. KL(base || tuned) is that of Li and Hoiem (2017), arXiv 1606.09282, there on the outputs of old tasks;
KL(tuned || base) is the penalty of reinforcement learning from feedback, Ouyang et al. (2022), arXiv 2203.02155, there
estimated at sampled tokens, here computed over the whole vocabulary at supervised places. `beta` has no published
value for this setting; 0.1 is our default. A token's weight is a factor of its cross-entropy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets

if TYPE_CHECKING:
    import torch

Direction = Literal["base_to_tuned", "tuned_to_base"]


class KlBaseParams(ObjectiveParams):
    """How strongly the model is held where it was."""

    beta: float = Field(default=0.1, ge=0)
    "Factor of the divergence, nats per supervised token."
    direction: Direction = "base_to_tuned"
    "base_to_tuned: KL(base || tuned), keep all that the base thought likely; tuned_to_base: KL(tuned || base)."


def _loss(targets: Targets, params: KlBaseParams) -> torch.Tensor:
    from hanka.training.divergence import summed_held_cross_entropy

    return summed_held_cross_entropy(targets, params.beta, params.direction == "base_to_tuned")


KL_BASE = Objective(
    name="kl_base",
    reference="Li & Hoiem 2017, arXiv 1606.09282; Ouyang et al. 2022, arXiv 2203.02155, eq. 2, for tuned_to_base",
    description="cross-entropy, and the KL divergence from the base at the supervised tokens",
    params=KlBaseParams,
    loss=_loss,
    needs_reference=True,
)
