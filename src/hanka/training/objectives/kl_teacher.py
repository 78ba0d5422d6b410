"""The divergence from what a teacher said at the same places, at a temperature: prompt distillation.

KL(softmax(z_T / T) || softmax(z_S / T)) per supervised token (nats): z_T of a teacher that was shown more, kept as its largest
probabilities and the rest in one bucket; z_S of the model that trains. What the bucket hides can only make it smaller. Where the two
agree up to rounding (half the sum of differences below AGREE) nothing is taught and the gradient is exactly 0: an optimizer that
divides by the size of gradients would make steps of rounding noise.
Source: Kujanpää et al. (2024), arXiv 2412.14964 (T = 2 by secondary report; whether T² is a factor is not known to us: `squared`);
Hinton, Vinyals & Dean (2015), arXiv 1503.02531, section 2, for T². `top_k` has no published value; 64 is our default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from hanka.errors import UnitError
from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets

if TYPE_CHECKING:
    import torch

AGREE = 1e-4
"Total variation below which two distributions are equal up to the rounding of logits in float32."


class KlTeacherParams(ObjectiveParams):
    """How a teacher's distributions are kept and compared."""

    temperature: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    "What the logits of both are divided by."
    top_k: int = Field(default=64, ge=1)
    "Largest probabilities of the teacher that are kept for each token; the rest is one bucket."
    squared: bool = False
    "Whether the divergence is multiplied by the square of the temperature, so that gradients keep their size."


def _loss(targets: Targets, params: KlTeacherParams) -> torch.Tensor:
    from hanka.training.divergence import summed_soft_divergence

    if targets.soft is None:
        raise UnitError("kl_teacher compares with a teacher, and these rows have none; train with method distil")
    factor = params.temperature**2 if params.squared else 1.0
    return factor * summed_soft_divergence(targets.outputs, targets.soft, params.temperature, AGREE)


KL_TEACHER = Objective(
    name="kl_teacher",
    reference="Kujanpää et al. (2024), arXiv 2412.14964",
    description="the KL divergence from a teacher's distributions at the supervised tokens",
    params=KlTeacherParams,
    loss=_loss,
    needs_teacher=True,
)
