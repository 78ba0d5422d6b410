"""What is left of a base's weights where an adapter begins with a share of them: PiSSA and its like.

PEFT writes W − s B A over W. Here the base's own parameter is kept beside the stand-in, without a copy, and comes back when
the adapter is taken out; a merged adapter leaves its sum behind, as any other does.
"""

from __future__ import annotations

from typing import Any

import torch


class Rest(torch.nn.Parameter):
    """Stands in for a weight of the base."""

    replaced: torch.nn.Parameter
    "The base's own."


def weights_of(model: Any, aside: bool = False) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Return a model's parameters with what they hold, before an adapter goes on.

    aside: the model goes on with copies, for a type that writes into them in place.
    """
    before = {value: value.data for value in model.parameters()}
    for value in before if aside else ():
        value.data = value.data.clone()
    return before


def put_rests(model: Any, before: dict[torch.nn.Parameter, torch.Tensor]) -> None:
    """Let stand-ins hold what an adapter made of weights, and give the base's own back what they held."""
    for layer in model.modules():
        for name, value in list(layer.named_parameters(recurse=False)):
            held, made = before.get(value), value.data
            if held is None or made.data_ptr() == held.data_ptr():
                continue
            value.data = held
            if not torch.equal(made, held):
                rest = Rest(made, requires_grad=False)
                rest.replaced = value
                setattr(layer, name, rest)


def take_rests_out(model: Any) -> None:
    """Put the base's own weights back."""
    for layer in model.modules():
        for name, value in list(layer.named_parameters(recurse=False)):
            if isinstance(value, Rest):
                setattr(layer, name, value.replaced)


def fold_rests(model: Any) -> None:
    """Write what the stand-ins hold into the base's own weights, in place, and put those back."""
    for layer in model.modules():
        for name, value in list(layer.named_parameters(recurse=False)):
            if isinstance(value, Rest):
                with torch.no_grad():
                    value.replaced.copy_(value)
                setattr(layer, name, value.replaced)
