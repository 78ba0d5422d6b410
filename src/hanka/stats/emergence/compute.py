"""How many times the compute of what was measured a loss is away: FLOPs ahead, by 6 · parameters · tokens.

Only between models that are there: beyond the best of them it says how far it is at least, and never goes on along a line.
Source: Kaplan et al. (2020), arXiv 2001.08361, section 2.1, for 6ND; Snell et al. (2024), arXiv 2411.16035, Table 3, for the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

PER_WEIGHT = 6.0
"Floating-point operations per weight and token of training."


class Trained(NamedTuple):
    """A model by what it took and reached."""

    flops: float
    loss: float


class Ahead(NamedTuple):
    """A multiple of the compute spent on the best model that a fit saw."""

    times: float
    "The multiple."
    is_least: bool
    "Whether it is at least so much: no model that is there reaches the loss."


def training_flops(parameters: float, tokens: float) -> float:
    """Return 6 · parameters · tokens. Raises ValueError unless both are above 0."""
    if not (parameters > 0 and tokens > 0):
        raise ValueError(f"{parameters} parameters, {tokens} tokens: both must be above 0")
    return PER_WEIGHT * parameters * tokens


def flops_ahead(loss: float, known: Sequence[Trained], seen: Sequence[Trained]) -> Ahead | None:
    """Return how far a loss lies beyond the best of the seen models; None without any.

    Between models, log FLOPs go linearly with loss along the least FLOPs by which each loss was reached. Below 1: it was passed already.
    """
    if not seen or not known:
        return None
    front = _front([*known, *seen])
    spent = _flops_at(min(one.loss for one in seen), front)
    assert spent is not None, "a model that was seen is in the front"
    needed = _flops_at(loss, front)
    return Ahead((needed or front[-1].flops) / spent, needed is None)


def _front(models: Sequence[Trained]) -> list[Trained]:
    """Return the models whose loss nothing cheaper reaches, by FLOPs."""
    kept: list[Trained] = []
    for one in sorted(models):
        if not kept or one.loss < kept[-1].loss:
            kept.append(one)
    return kept


def _flops_at(loss: float, front: Sequence[Trained]) -> float | None:
    if loss >= front[0].loss:
        return front[0].flops
    for before, after in pairwise(front):
        if after.loss <= loss:
            share = (before.loss - loss) / (before.loss - after.loss)
            return math.exp(math.log(before.flops) + share * math.log(after.flops / before.flops))
    return None
