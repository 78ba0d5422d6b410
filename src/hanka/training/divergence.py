"""Losses against a distribution: of the model before it changed, or of a teacher's largest probabilities.

Computed as the cross-entropy is (`head.py`): a chunk of places at a time, gradients with the loss. With p fixed, q the
softmax of logits z, and log-probabilities in nats: the gradient of KL(p || q) by z is q - p, that of KL(q || p) is
q (log q - log p - KL). With the probabilities outside a teacher's k largest in one bucket (t of the teacher, T here)
it is q - p within the k and q (1 - t / T) outside; where logits are divided by a temperature first, the gradient is, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.training.head import logits_at, summed_cross_entropy, summed_loss

if TYPE_CHECKING:
    import torch

    from hanka.training.objectives.contract import Outputs, Soft, Targets


def summed_held_cross_entropy(targets: Targets, beta: float, base_to_tuned: bool) -> torch.Tensor:
    """Return cross-entropy + beta · KL between reference and model, summed over places (nats); one set of logits."""
    outputs, reference, ids, weights = targets.outputs, targets.reference, targets.ids, targets.weights
    assert reference is not None
    if outputs.head is None:
        return summed_cross_entropy(outputs, ids, weights) + beta * _summed_divergence(
            outputs, reference, base_to_tuned
        )

    def rule(logits: torch.Tensor, part: slice, for_gradient: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the loss of some places and its gradient."""
        wanted = ids[part, None]
        norm = logits.logsumexp(-1, keepdim=True)
        losses = norm - logits.gather(1, wanted)
        factor = None if weights is None else weights[part, None].to(losses.dtype)
        log_q = logits.sub_(norm)
        gap, slope = _divergence(log_q, logits_at(reference, part).log_softmax(-1), base_to_tuned)
        total = (losses if factor is None else losses * factor).sum() + beta * gap
        if not for_gradient:
            return total, None
        own = log_q.exp_().scatter_add_(1, wanted, -norm.new_ones(norm.shape))
        if factor is not None:
            own.mul_(factor)
        return total, own.add_(slope, alpha=beta)

    return summed_loss(outputs, rule)


def _summed_divergence(outputs: Outputs, reference: Outputs, base_to_tuned: bool) -> torch.Tensor:
    def rule(logits: torch.Tensor, part: slice, for_gradient: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the divergence at some places and its gradient."""
        return _divergence(logits.log_softmax(-1), logits_at(reference, part).log_softmax(-1), base_to_tuned)

    return summed_loss(outputs, rule)


def _divergence(log_q: torch.Tensor, log_p: torch.Tensor, base_to_tuned: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the summed divergence of rows of log-probabilities and its gradient by the logits of q."""
    q = log_q.exp()
    if base_to_tuned:
        p = log_p.exp()
        return (p * (log_p - log_q)).sum(), q.sub_(p)
    gap = log_q - log_p
    divergence = (q * gap).sum(-1, keepdim=True)
    return divergence.sum(), q.mul_(gap.sub_(divergence))


def summed_soft_divergence(outputs: Outputs, soft: Soft, temperature: float = 1.0, agree: float = 0.0) -> torch.Tensor:
    """Return KL(teacher || model), summed over places (nats), all tokens but the teacher's largest in one bucket.

    temperature: what the model's logits are divided by; `soft` is at the same one. agree: total variation below which a place counts as
    equal, with neither loss nor gradient.
    """

    def rule(logits: torch.Tensor, part: slice, for_gradient: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the divergence at some places and its gradient."""
        ids, log_p, tail = soft.ids[part], soft.log_probs[part].to(logits.dtype), soft.tail[part].to(logits.dtype)
        log_q = (logits if temperature == 1.0 else logits.div_(temperature)).log_softmax(-1)
        q, p, log_largest = log_q.exp(), log_p.exp(), log_q.gather(1, ids)
        # Summed over the others themselves: one minus the largest loses all digits where they are almost all.
        rest = q.scatter(1, ids, 0.0).sum(-1).clamp_min(_least(q))
        divergence = (p * (log_p - log_largest)).sum(-1) + tail.xlogy(tail) - tail * rest.log()
        largest = q.gather(1, ids) - p
        slope = (q * (1 - tail / rest)[:, None]).scatter_(1, ids, largest)
        if agree:
            differs = ((largest.abs().sum(-1) + (rest - tail).abs()) / 2 >= agree).to(divergence.dtype)
            divergence, slope = divergence * differs, slope.mul_(differs[:, None])
        return divergence.sum(), slope if temperature == 1.0 else slope.div_(temperature)

    return summed_loss(outputs, rule)


def _least(values: torch.Tensor) -> float:
    import torch

    return torch.finfo(values.dtype).tiny
