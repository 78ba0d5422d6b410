"""The Objective contract: a number per supervised token, and what it is computed from.

Packing and shared prefixes (`training/gradient.py`) know no objective: they hand over `Targets`, sum what comes back over
micro-batches and divide once by the number of supervised tokens of the optimizer batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hanka.registry import Params

if TYPE_CHECKING:
    import torch


class ObjectiveParams(Params):
    """Parameters of an objective; in a study they stand beside `objective:`."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What a model says at supervised places: hidden states before its head, or logits."""

    values: torch.Tensor
    "(n, width), or (n, vocabulary) where the head cannot be taken apart."
    head: torch.Tensor | None
    "(vocabulary, width), without a bias; None: values are logits."


@dataclass(frozen=True, slots=True, eq=False)
class Soft:
    """A distribution in place of each target: its largest entries and the rest in one."""

    ids: torch.Tensor
    "(n, k) token ids."
    log_probs: torch.Tensor
    "(n, k) their log-probabilities (nats)."
    tail: torch.Tensor
    "(n,) probability of all other tokens together."


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The supervised places of a micro-batch."""

    outputs: Outputs
    "Of the model that trains, one row per place."
    ids: torch.Tensor
    "(n,) the tokens to be predicted."
    weights: torch.Tensor | None = None
    "(n,) factors of the cross-entropy; None: all are 1."
    soft: Soft | None = None
    "Distributions in place of ids."
    reference: Outputs | None = None
    "Of the model before it changed, at the same places; where the objective needs it."


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What training minimises."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper."
    description: str
    "One line for `hanka list objectives`."
    params: type[ObjectiveParams]
    "Its parameters."
    loss: Callable[[Targets, Any], torch.Tensor]
    "Targets, parameters → the loss summed over supervised tokens (nats); imports torch when called."
    needs_reference: bool = False
    "Whether it compares with the model before it changed."
    needs_teacher: bool = False
    "Whether rows need distributions in place of their tokens, so that only methods with a teacher train with it."
    penalty: Callable[[Any, Any], Callable[[], Iterator[torch.Tensor]]] | None = None
    "(model before training, params) → what yields, at every step, terms of the weights alone, added to the mean loss; None: none."
    version: int = 1
    "Raised by hand when the same parameters give other numbers than before."
