"""How far weights are from where training began, as a number that has a gradient.

Of a layer with an adapter s B A that begins at zero (`lora`), it is the distance of the layer's weight, ||s B A||^2, whatever the
factors: it is the trace of (B'B)(AA'), r by r, and the product is never formed. Of everything else that trains it is
||w - w0||^2 of the trained tensor itself: a weight or a bias of the base where one trains, and where a tuner trains factors or
vectors of another kind, these. Limits: the start of what trains is held in memory once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A low-rank change of one weight."""

    down: torch.Tensor
    "A, (r, n_in)."
    up: torch.Tensor
    "B, (n_out, r)."
    scale: float
    "s."

    def square(self) -> torch.Tensor:
        """Return ||s B A||^2."""
        down, up = self.down.float(), self.up.float()
        return self.scale**2 * ((up.T @ up) * (down @ down.T)).sum()


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """Distance from a start."""

    products: tuple[Product, ...]
    "Changes that began at zero."
    moved: tuple[tuple[torch.nn.Parameter, torch.Tensor], ...]
    "Other tensors that train, each with its start."

    @classmethod
    def from_here(cls, model: Any) -> Distance:
        """Measure from the weights as they are."""
        products = tuple(_products(model))
        inside = {id(one) for product in products for one in (product.down, product.up)}
        others = (one for one in model.parameters() if one.requires_grad and id(one) not in inside)
        return cls(products, tuple((one, one.detach().clone()) for one in others))

    def squares(self) -> Iterator[torch.Tensor]:
        """Yield the squared distance of one tensor after the other; their sum is that of the model."""
        for product in self.products:
            yield product.square()
        for value, start in self.moved:
            yield (value.float() - start.float()).square().sum()


def _products(model: Any) -> Iterator[Product]:
    """Yield the plain low-rank adapters of linear layers: both factors train, the product is zero, nothing else is in it."""
    from peft.tuners.lora import LoraLayer
    from torch.nn import Linear

    for layer in model.modules():
        if not isinstance(layer, LoraLayer):
            continue
        for name in layer.active_adapters:
            if name not in layer.lora_A or name in layer.lora_magnitude_vector:
                continue
            down, up = layer.lora_A[name], layer.lora_B[name]
            if isinstance(down, Linear) and isinstance(up, Linear) and not up.weight.any():
                yield Product(down.weight, up.weight, float(layer.scaling[name]))
