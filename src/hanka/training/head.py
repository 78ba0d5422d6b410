"""Losses of a linear head at target positions, a chunk at a time: logits are never all there at once.

The gradient is computed with the loss, so no logits are kept and none are computed twice.
Source: the idea is that of Liger Kernel's fused linear cross-entropy, Hsu et al. (2024), arXiv 2410.10989.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from hanka.training.objectives.contract import Outputs

CHUNK = 512
"Target positions whose logits are there at once."


class Head(NamedTuple):
    """A causal language model, taken apart before its head."""

    decoder: Any
    "Everything up to the last normalisation; returns hidden states (1, tokens, width)."
    weight: torch.Tensor
    "(vocabulary, width) of the head, which has no bias."


def find_head(model: Any) -> Head | None:
    """Take a model apart; None where its head is more than one matrix, by structure or by numbers."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return None
    linear: Any = causal.get_output_embeddings()
    if type(linear) is not torch.nn.Linear or getattr(linear, "bias", None) is not None:
        return None
    decoder = causal.get_decoder()
    probe = torch.tensor([[(29 * step + 5) % linear.weight.shape[0] for step in range(8)]], device=linear.weight.device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            whole = model(input_ids=probe, use_cache=False).logits[0]
            apart = linear(decoder(input_ids=probe, use_cache=False).last_hidden_state[0])
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return None
    finally:
        model.train(was_training)
    same = whole.shape == apart.shape and torch.allclose(whole.float(), apart.float(), rtol=1e-3, atol=1e-3)
    return Head(decoder, linear.weight) if same else None


Rule = Callable[[torch.Tensor, slice, bool], tuple[torch.Tensor, torch.Tensor | None]]
"""Logits of some places (changed in place), which places these are, whether a gradient is wanted → their summed loss and its
gradient by the logits."""


def summed_cross_entropy(outputs: Outputs, targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Return the summed cross-entropy (nats) of `targets` (n,), each times its weight (n,)."""
    if outputs.head is None:
        logits = at_least_float32(outputs.values)
        if weights is None:
            return torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        return (torch.nn.functional.cross_entropy(logits, targets, reduction="none") * weights).sum()

    def rule(logits: torch.Tensor, part: slice, for_gradient: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the cross-entropy of some places and its gradient."""
        wanted = targets[part, None]
        norm = logits.logsumexp(-1, keepdim=True)
        losses = norm - logits.gather(1, wanted)
        factor = None if weights is None else weights[part, None].to(losses.dtype)
        total = (losses if factor is None else losses * factor).sum()
        if not for_gradient:
            return total, None
        slope = logits.sub_(norm).exp_().scatter_add_(1, wanted, -torch.ones_like(norm))
        return total, slope if factor is None else slope.mul_(factor)

    return summed_loss(outputs, rule)


def at_least_float32(logits: torch.Tensor) -> torch.Tensor:
    """Return logits in which a loss can be computed."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def summed_loss(outputs: Outputs, rule: Rule) -> torch.Tensor:
    """Return the sum of what `rule` gives for all places, `CHUNK` of them at a time."""
    found: torch.Tensor
    if outputs.head is None:
        found = _LogitsLoss.apply(at_least_float32(outputs.values), rule)  # type: ignore[no-untyped-call]
    else:  # an autograd function asks each input, not the mode, whether a gradient is wanted
        head = outputs.head if torch.is_grad_enabled() else outputs.head.detach()
        found = _LinearLoss.apply(outputs.values, head, rule)  # type: ignore[no-untyped-call]
    return found


def logits_at(outputs: Outputs, part: slice) -> torch.Tensor:
    """Return the logits of some places, ready for a loss."""
    values = outputs.values[part]
    return at_least_float32(values if outputs.head is None else torch.nn.functional.linear(values, outputs.head))


class _LinearLoss(torch.autograd.Function):
    """Loss and gradients of a linear head in one go."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, rule: Rule) -> torch.Tensor:
        """Return the summed loss; the gradients are ready then, too."""
        for_hidden, for_weight = ctx.needs_input_grad[:2]
        d_hidden = torch.empty_like(hidden) if for_hidden else None
        d_weight = torch.zeros_like(weight) if for_weight else None
        total = hidden.new_zeros((), dtype=torch.promote_types(hidden.dtype, torch.float32))
        for start in range(0, len(hidden), CHUNK):
            part = slice(start, start + CHUNK)
            logits = torch.nn.functional.linear(hidden[part], weight).to(total.dtype)
            loss, slope = rule(logits, part, for_hidden or for_weight)
            total += loss
            if slope is None:
                continue
            slope = slope.to(hidden.dtype)
            if d_hidden is not None:
                d_hidden[part] = slope @ weight
            if d_weight is not None:
                d_weight += slope.t() @ hidden[part].to(slope.dtype)
        ctx.save_for_backward(d_hidden, d_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of what `forward` took."""
        d_hidden, d_weight = ctx.saved_tensors
        return (
            None if d_hidden is None else d_hidden.mul_(upstream[0].to(d_hidden.dtype)),
            None if d_weight is None else d_weight.mul_(upstream[0].to(d_weight.dtype)),
            None,
        )


class _LogitsLoss(torch.autograd.Function):
    """Loss and gradient of logits that are there already."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, rule: Rule) -> torch.Tensor:
        """Return the summed loss; the gradient is ready then, too."""
        for_logits = ctx.needs_input_grad[0]
        d_logits = torch.empty_like(logits) if for_logits else None
        total = logits.new_zeros(())
        for start in range(0, len(logits), CHUNK):
            part = slice(start, start + CHUNK)
            loss, slope = rule(logits[part].clone(), part, for_logits)
            total += loss
            if d_logits is not None and slope is not None:
                d_logits[part] = slope
        ctx.save_for_backward(d_logits)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradient of what `forward` took."""
        (d_logits,) = ctx.saved_tensors
        return None if d_logits is None else d_logits.mul_(upstream[0]), None
