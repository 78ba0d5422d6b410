"""Objective `label_smoothing`: cross-entropy with a share of each target spread evenly over the vocabulary.

Source: Szegedy et al. (2016), arXiv 1512.00567, section 7. A token's weight is a factor of its whole loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from hanka.training.objectives import Objective, ObjectiveParams, Targets

if TYPE_CHECKING:
    import torch


class LabelSmoothingParams(ObjectiveParams):
    """How much is spread."""

    smoothing: float = Field(default=0.1, ge=0, lt=1)
    "Share of a target that is spread; the published value is 0.1."


def _loss(targets: Targets, params: LabelSmoothingParams) -> torch.Tensor:
    import torch

    from hanka.training.head import summed_loss

    def rule(logits: torch.Tensor, part: slice, for_gradient: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the loss at some places and its gradient."""
        log_q = logits.log_softmax(-1)
        wanted = torch.full_like(log_q, params.smoothing / log_q.shape[-1])
        wanted.scatter_add_(1, targets.ids[part, None], torch.full_like(log_q[:, :1], 1 - params.smoothing))
        factor = None if targets.weights is None else targets.weights[part, None].to(log_q.dtype)
        losses = -(wanted * log_q).sum(-1, keepdim=True)
        slope = log_q.exp() - wanted
        total = (losses if factor is None else losses * factor).sum()
        return total, (slope if factor is None else slope * factor) if for_gradient else None

    return summed_loss(targets.outputs, rule)


LABEL_SMOOTHING = Objective(
    name="label_smoothing",
    reference="Szegedy et al. 2016, arXiv 1512.00567, sec. 7",
    description="cross-entropy with smoothed targets",
    params=LabelSmoothingParams,
    loss=_loss,
    version=1,
)
