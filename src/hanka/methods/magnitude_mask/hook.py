"""The step hook of `magnitude_mask`: the largest weights of every tensor are put back after each step, bit for bit.

    w <- w0 where |w0| >= q,  q: the size that the frozen share of the tensor's weights has at least

What pre-training made large stays, and the task is learnt by the small weights: the baseline that Huang et al. (ICML 2025, arXiv
2411.10928) set SPIDER against; half of every tensor is frozen there. The optimizer's moments and the clipped norm are of all weights, as in `spider`.
Weights that tie with the smallest frozen one are frozen, too, so a constant tensor stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def is_large(values: torch.Tensor, share: float) -> torch.Tensor:
    """Tell which weights of a tensor are among the largest `share` by size; ties with the smallest of these are."""
    n_frozen = round(share * values.numel())
    if not n_frozen:
        return values.new_zeros(values.shape).bool()
    sizes = values.abs().float()
    return sizes >= sizes.flatten().kthvalue(values.numel() - n_frozen + 1).values


class MagnitudeHook:
    """Gives the largest weights back; keeps w0 and which are frozen beside each weight."""

    name = "magnitude_mask"

    def __init__(self, share: float) -> None:
        self._share = share
        self._start: dict[str, torch.Tensor] = {}
        self._frozen: dict[str, torch.Tensor] = {}

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        """Keep the weights as they are, and which are large."""
        for name, value in parameters.items():
            self._start[name] = value.detach().clone()
            self._frozen[name] = is_large(self._start[name], self._share)

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        """Put the frozen weights back."""
        for name, value in parameters.items():
            weight = value.detach()  # shares its memory
            weight.copy_(self._start[name].where(self._frozen[name], weight))

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return nothing: all follows from the weights before training."""
        return {}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on; there is nothing to take back."""
