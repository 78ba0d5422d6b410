"""What the weights of a model are, at a glance: to tell whether it is what it was, and to make it so again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hanka.models.loading import quiet

if TYPE_CHECKING:
    import torch

    State = dict[str, tuple[int, int]]
    "Identity and sum by name."


def state_of(model: Any) -> State:
    """Return identity and sum of the bits of every weight (a fused optimizer does not raise torch's version counters)."""
    import torch

    words = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return {
        name: (id(value), int(value.detach().view(words[value.element_size()]).sum(dtype=torch.int64)))
        for name, value in model.named_parameters()
    }


def copies_of(model: Any) -> dict[str, torch.Tensor]:
    """Return a copy of every weight in host memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.named_parameters()}


def restore(model: Any, before: State, copies: Mapping[str, torch.Tensor]) -> bool:
    """Copy back the weights that changed; tells whether all of them are there, the same ones, and could be copied."""
    import torch

    now = state_of(model)
    if {name: one[0] for name, one in now.items()} != {name: one[0] for name, one in before.items()}:
        return False
    changed = [name for name, one in now.items() if one != before[name]]
    if any(name not in copies for name in changed):
        return False
    with torch.no_grad():
        for name in changed:
            model.get_parameter(name).copy_(copies[name])
    return True


def settle(model: Any) -> None:
    """Freeze a model and switch off what training switched on."""
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    if any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        with quiet():
            model.gradient_checkpointing_disable()
        model.disable_input_require_grads()
    model.eval()
