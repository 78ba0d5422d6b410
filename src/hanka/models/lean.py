"""Layers that keep and copy less, with the same numbers: plain LoRA layers and gated feed-forward layers.

PEFT computes W x, then B A x, then its product with the scaling, then the sum: tensors as large as the output, of
which two are dropped at once and leave holes in memory. Here the low-rank part is added into W x in place, and so are
the gradients. A gated feed-forward layer keeps four tensors of its inner width for the backward pass; two follow from
the others at the price of one activation and are computed again.

Adapters that train in float32 beside weights in half precision are brought to theirs, as autocast would. Layers that do more than
that (dropout, DoRA, several adapters, weights that autocast has to cast, clamped activations) stay as they are: their structure decides, and for feed-forward layers, once per kind, their numbers.

Source: LoRA, Hu et al. (2021), arXiv 2106.09685, equation 3; SwiGLU, Shazeer (2020), arXiv 2002.05202; computing
again what is cheap, Korthikanti et al. (2022), arXiv 2205.05198.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch.nn.functional import gelu, linear, silu


@contextlib.contextmanager
def lean_layers(model: Any) -> Iterator[None]:
    """Let a model's layers work leanly, for the time being; the backward pass belongs inside, too."""
    changed = {}
    for layer in model.modules():
        forward = _lean_feed_forward(layer) or _lean_adapter(layer)
        if forward is not None:
            changed[layer] = forward
    for layer, forward in changed.items():
        layer.forward = forward
    try:
        yield
    finally:
        for layer in changed:
            del layer.forward


HALF = (torch.bfloat16, torch.float16)


class Projection(NamedTuple):
    """What a linear layer computes, with or without an adapter: x W' + b + scaling · x A' B'."""

    weight: torch.Tensor
    "W, (out, in)"
    bias: torch.Tensor | None
    "b, (out,)"
    down: torch.Tensor | None = None
    "A, (rank, in)"
    up: torch.Tensor | None = None
    "B, (out, rank)"
    scaling: float = 1.0
    "Of the low-rank part."


class Activation(NamedTuple):
    """An elementwise function."""

    forward: Callable[[torch.Tensor], torch.Tensor]
    "x → f(x)"
    backward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    "gradient of f(x), x → gradient of x"


class Gate(NamedTuple):
    """What a gated feed-forward layer puts into its last projection: f(gate) · x, elementwise."""

    values: torch.Tensor
    "(..., in), before the activation."
    activation: Activation
    "f"


_SILU = Activation(silu, torch.ops.aten.silu_backward)
_GELU_TANH = Activation(
    lambda x: gelu(x, approximate="tanh"), lambda slope, x: torch.ops.aten.gelu_backward(slope, x, approximate="tanh")
)
ACTIVATIONS = {"SiLUActivation": _SILU, "SiLU": _SILU, "GELUTanh": _GELU_TANH}
"By class name."


def projection_of(layer: Any) -> Projection | None:
    """Take a linear layer apart; None where it is more than a `Projection`."""
    if type(layer) is torch.nn.Linear:
        return Projection(layer.weight, layer.bias)
    if not hasattr(layer, "lora_A"):
        return None
    from peft.tuners.lora.layer import Linear

    if type(layer) is not Linear or layer.disable_adapters or layer.merged or layer.fan_in_fan_out:
        return None
    base, names = layer.get_base_layer(), [name for name in layer.active_adapters if name in layer.lora_A]
    if type(base) is not torch.nn.Linear or len(names) != 1:
        return None
    (name,) = names
    dropout = layer.lora_dropout[name]
    if name in getattr(layer, "lora_variant", ()) or layer.lora_bias[name] or getattr(dropout, "p", 0.0) > 0:
        return None
    found = Projection(
        base.weight, base.bias, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]
    )
    parts = [part for part in (found.weight, found.down, found.up) if part is not None]
    narrow = found.weight.dtype in HALF  # then adapters that train are float32 beside it
    fits = len({part.dtype for part in parts[narrow:]}) == 1
    return found if fits and len({part.device for part in parts}) == 1 else None


def _lean_adapter(layer: Any) -> Callable[..., torch.Tensor] | None:
    """Return the lean forward function of a LoRA layer."""
    projection = projection_of(layer)
    if projection is None or projection.down is None:
        return None
    plainly: Callable[..., torch.Tensor] = layer.forward

    def forward(x: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
        """Return what the layer returns."""
        if args or more or not _takes(projection, x):
            return plainly(x, *args, **more)
        return project(projection, x.to(projection.weight.dtype))

    return forward


_known: dict[tuple[object, ...], bool] = {}
"Whether a kind of layer, with a kind of activation and a dtype, computes what its parts' names say."


def _lean_feed_forward(layer: Any) -> Callable[..., torch.Tensor] | None:
    """Return the lean forward function of a gated feed-forward layer."""
    parts = dict(layer.named_children())
    if not {"gate_proj", "up_proj", "down_proj", "act_fn"} <= set(parts):
        return None
    activation = ACTIVATIONS.get(type(layer.act_fn).__name__)
    before, projection = [projection_of(layer.gate_proj), projection_of(layer.up_proj)], projection_of(layer.down_proj)
    if activation is None or projection is None or None in before:
        return None
    plainly: Callable[..., torch.Tensor] = layer.forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        """Return what the layer returns."""
        if not _takes(projection, x):
            return plainly(x)
        x = x.to(projection.weight.dtype)
        return project(projection, layer.up_proj(x), Gate(layer.gate_proj(x), activation))

    kind = (type(layer), type(layer.act_fn), projection.weight.dtype)
    if kind not in _known:
        _known[kind] = _same(layer, forward)
    return forward if _known[kind] else None


def _same(layer: Any, forward: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """Tell whether a function gives a layer's numbers."""
    weight = next(layer.parameters())
    width = layer.gate_proj.in_features
    probe = torch.linspace(-3, 3, 2 * width, dtype=weight.dtype, device=weight.device).view(1, 2, width)
    rounding = 1e-4 if weight.dtype in (torch.float32, torch.float64) else 2e-2
    with torch.no_grad():
        wanted, found = layer(probe).float(), forward(probe).float()
    return bool((found - wanted).norm() <= rounding * wanted.norm())


def _takes(projection: Projection, x: torch.Tensor) -> bool:
    """Tell whether an input can be computed on as it is, or as autocast would bring it to the weights' dtype."""
    if torch.is_autocast_enabled(x.device.type):
        return projection.weight.dtype == torch.get_autocast_dtype(x.device.type)
    return x.dtype == projection.weight.dtype


def project(projection: Projection, x: torch.Tensor, gate: Gate | None = None) -> torch.Tensor:
    """Apply a projection to x or to f(gate) · x, (..., in); returns (..., out)."""
    weight, bias, down, up, scaling = projection
    if down is not None and up is not None:
        down, up = down.to(weight.dtype), up.to(weight.dtype)
    values, activation = (None, None) if gate is None else (gate.values, gate.activation)
    found: torch.Tensor = _Project.apply(x, values, weight, bias, down, up, (scaling, activation))  # type: ignore[no-untyped-call]
    return found


class _Project(torch.autograd.Function):
    """A projection that adds its low-rank part in place and keeps of its input only what it was made of."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        gate: torch.Tensor | None,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        *others: Any,
    ) -> torch.Tensor:
        """Return the output; others: A, B, (scaling, activation)."""
        down, up, (scaling, activation) = others
        taken = x if gate is None else activation.forward(gate).mul_(x)
        flat = taken.reshape(-1, x.shape[-1])
        low = None if down is None else flat @ down.t()
        if low is not None and weight.dtype in HALF:
            # One product, rounded once: a small adapter's share would be lost where it is added to what is rounded already.
            found = linear(torch.cat([flat, low], -1), torch.cat([weight, up * scaling], -1), bias)
        else:
            found = linear(flat, weight, bias)
            found = found if low is None else found.addmm_(low, up.t(), alpha=scaling)
        ctx.save_for_backward(x, gate, weight, down, up, low)
        ctx.scaling, ctx.activation = scaling, activation
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of what `forward` took."""
        x, gate, weight, down, up, low = ctx.saved_tensors
        for_x, for_gate, for_weight, for_bias, for_down, for_up, _ = ctx.needs_input_grad
        slope = upstream[0].reshape(-1, weight.shape[0])
        activated = None if gate is None else ctx.activation.forward(gate)
        d_weight = d_down = d_up = d_x = d_gate = None
        d_low = None if down is None else (slope @ up).mul_(ctx.scaling)
        if for_weight or for_down:
            flat = (x if activated is None else activated * x).reshape(-1, x.shape[-1])
            d_weight = slope.t() @ flat if for_weight else None
            d_down = d_low.t() @ flat if for_down and d_low is not None else None
        if for_up:
            d_up = (slope.t() @ low).mul_(ctx.scaling)
        if for_x or for_gate:
            d_taken = slope @ weight
            d_taken = (d_taken if d_low is None else d_taken.addmm_(d_low, down)).view_as(x)
            if activated is None:
                d_x = d_taken
            else:
                d_x = activated.mul_(d_taken)
                d_gate = ctx.activation.backward(d_taken.mul_(x), gate)
        return d_x, d_gate, d_weight, slope.sum(0) if for_bias else None, d_down, d_up, None
