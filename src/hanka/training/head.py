"""Cross-entropy of a linear head at target positions, a chunk at a time: logits are never all there at once.

The gradient is computed with the loss, so no logits are kept and none are computed twice.
Source: the idea is that of Liger Kernel's fused linear cross-entropy, Hsu et al. (2024), arXiv 2410.10989.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

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


def summed_cross_entropy(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the summed cross-entropy (nats) of `targets` (n,) given hidden states (n, width)."""
    loss: torch.Tensor = _LinearCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss and gradients of a linear head in one go."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the summed loss; the gradients are ready then, too."""
        for_hidden, for_weight = ctx.needs_input_grad[:2]
        d_hidden = torch.empty_like(hidden) if for_hidden else None
        d_weight = torch.zeros_like(weight) if for_weight else None
        total = hidden.new_zeros((), dtype=torch.promote_types(hidden.dtype, torch.float32))
        for start in range(0, len(targets), CHUNK):
            part, wanted = hidden[start : start + CHUNK], targets[start : start + CHUNK, None]
            logits = torch.nn.functional.linear(part, weight).to(total.dtype)
            norm = logits.logsumexp(-1, keepdim=True)
            total += (norm - logits.gather(1, wanted)).sum()
            if d_hidden is None and d_weight is None:
                continue
            slope = logits.sub_(norm).exp_().scatter_add_(1, wanted, -torch.ones_like(norm)).to(part.dtype)
            if d_hidden is not None:
                d_hidden[start : start + CHUNK] = slope @ weight
            if d_weight is not None:
                d_weight += slope.t() @ part.to(slope.dtype)
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
