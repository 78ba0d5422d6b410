"""A tensor between two others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def between(low: torch.Tensor, high: torch.Tensor, weight: float) -> torch.Tensor:
    """Return low + weight · (high − low) in the dtype of `high`, exact at 0 and 1; whole numbers are those of `high`."""
    import torch

    if not high.is_floating_point():
        return high
    wide = torch.promote_types(high.dtype, torch.float32)
    return torch.lerp(low.detach().to(high.device, wide), high.to(wide), weight).to(high.dtype)
