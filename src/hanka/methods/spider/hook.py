"""The step hook of SPIDER: how far each weight follows the step, by rank of pre-trained size against accumulated gradient.

Per tensor, with R(x) = sigmoid((|x| - mean |x|) / std |x|), std with n - 1 as torch has it:

    I = R(w0) once;   after step t:   S += g,  G = R(S),   m = G / (I + G) where G > I, else 0
    m <- min(1, m / mean of the non-zero m);   w <- (1 - m) w0 + m w_t

The anchor w0 is the weight before training, not that of the step before: an entry with m = 0 is reset exactly, one with
m < 1 is drawn back at every step. g is the gradient the optimizer saw, clipped, signed, and its sum never decays.
The optimizer's moments are not masked. Meant for full weights: the B of an adapter starts at zero.

Where R is undefined: an all-zero tensor ranks 0 everywhere (as published), any other constant one 1/2, its value at the
mean. Source: Huang et al., ICML 2025, arXiv 2411.10928, and what its released trainer computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Mask = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"Ranks of the accumulated gradient, ranks of the pre-trained weight → m, between 0 and 1."


def ranks(values: torch.Tensor) -> torch.Tensor:
    """Return R(x): by how many standard deviations each size exceeds the tensor's mean size, between 0 and 1."""
    sizes = values.abs()
    least, most = sizes.aminmax()
    if not most > 0:
        return sizes
    if least == most:
        return sizes.new_full(sizes.shape, 0.5)
    return ((sizes - sizes.mean()) / sizes.std(correction=1)).sigmoid()


def importance_mask(gradient_ranks: torch.Tensor, weight_ranks: torch.Tensor) -> torch.Tensor:
    """Return m: zero where pre-training ranks a weight at least as high as the task does, at most 1 elsewhere."""
    raw = gradient_ranks / (weight_ranks + gradient_ranks)
    raw = raw.where(gradient_ranks > weight_ranks, 0.0)
    n_followed = raw.count_nonzero()
    if not n_followed:
        return raw
    return (raw / (raw.sum() / n_followed)).clamp(max=1.0)


class SpiderHook:
    """Draws weights back to where they were before training; keeps w0, I and S beside each weight, in float32."""

    name = "spider"

    def __init__(self, mask: Mask = importance_mask) -> None:
        self._mask = mask
        self._start: dict[str, torch.Tensor] = {}
        self._weight_ranks: dict[str, torch.Tensor] = {}
        self._gradient_sums: dict[str, torch.Tensor] = {}

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        """Keep the weights as they are and their ranks."""
        for name, value in parameters.items():
            start = value.detach().clone()
            self._start[name] = start
            wide = _wide(start)
            self._weight_ranks[name] = ranks(wide)
            self._gradient_sums[name] = wide.new_zeros(wide.shape)

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        """Add up the gradients and draw every weight back as far as its mask says."""
        for name, value in parameters.items():
            total, start = self._gradient_sums[name], self._start[name]
            if value.grad is not None:
                total += _wide(value.grad.detach())
            mask = self._mask(ranks(total), self._weight_ranks[name])
            weight = value.detach()  # shares its memory
            # lerp gives either end exactly: m = 1 keeps the step, m = 0 the start.
            weight.copy_(_wide(start).lerp(_wide(weight), mask))

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return the sums of gradients; the rest follows from the weights before training."""
        return self._gradient_sums

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from sums of gradients."""
        for name, value in self._gradient_sums.items():
            value.copy_(tensors[name])


def _wide(values: torch.Tensor) -> torch.Tensor:
    """Return values in at least float32."""
    return values.float() if values.element_size() < 4 else values
