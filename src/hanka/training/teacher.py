"""What a teacher says at the supervised places of rows, kept small: its largest probabilities, the rest in one bucket.

Rows are passed as in training (packed, no dropout, no gradient), and of each place only k log-probabilities stay: of 49,152 tokens 64
take a thousandth of the memory. Beside them stand the log-probabilities of the tokens themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.prompting.encoded import SoftTargets
from hanka.training.batching import supervised


class Told(NamedTuple):
    """What a teacher says of one row."""

    soft: SoftTargets
    "At the temperature that was asked."
    log_likelihoods: tuple[float, ...]
    "Of the supervised tokens themselves (nats), at temperature 1."


def told_by(
    model: Any,
    rows: Sequence[Encoded],
    top_k: int,
    temperature: float,
    token_budget: int,
    autocast: Callable[[], Any] = nullcontext,
) -> list[Told]:
    """Return what a model says of rows, in their order; every row has a supervised token.

    Raises UnitError where it says no number.
    """
    import torch

    from hanka.training.gradient import Gradient
    from hanka.training.head import logits_at

    if not rows:
        return []
    found: dict[int, Told] = {}
    for cut, outputs in Gradient(model, autocast).said(rows, token_budget):
        at = 0
        for row in cut:
            part = slice(at, at + supervised(row))
            at = part.stop
            logits = logits_at(outputs, part)
            if not bool(torch.isfinite(logits).all()):
                raise UnitError("the teacher gives no number here: its weights are damaged, or its training diverged")
            found[id(row)] = _told(logits, row.ids[-supervised(row) :], top_k, temperature)
    return [found[id(row)] for row in rows]


def _told(logits: Any, tokens: Sequence[int], top_k: int, temperature: float) -> Told:
    """Keep what is said at the places of one row; logits: (places, vocabulary)."""
    import torch

    log_probs = (logits / temperature).log_softmax(-1)
    largest, ids = log_probs.topk(min(top_k, log_probs.shape[-1]), dim=-1)
    # Summed over the others themselves: one minus the largest loses all digits where they are almost all.
    tail = log_probs.exp().scatter(-1, ids, 0.0).sum(-1)
    own = logits.log_softmax(-1).gather(-1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0]
    soft = SoftTargets(tuple(map(tuple, ids.tolist())), tuple(map(tuple, largest.tolist())), tuple(tail.tolist()))
    return Told(soft, tuple(own.tolist()))
