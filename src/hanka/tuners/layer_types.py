"""What the types of PEFT that put an adapter on linear layers share: a type is its parameters, PEFT's configuration and a count.

Parameters are named as in PEFT's configuration, but for `alpha` and `dropout`, which it spells anew for every type. What a type draws
once and never trains (projections, places of coefficients) is drawn by the training seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from hanka.tuners.adapters import Kind, peft_tuner
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import Linear, shapes_of

Targets = tuple[str, ...] | Literal["all-linear"]


class LayerParams(TunerParams):
    """Parameters of every type that goes onto linear layers."""

    target_modules: Targets = "all-linear"
    "Layers that get adapters; all-linear: every linear layer but the head."


class DropoutParams(LayerParams):
    """Parameters of a type that drops out."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    "Of the adapters' inputs."

    @property
    def is_random(self) -> bool:
        """Tell whether inputs of adapters are dropped."""
        return self.dropout > 0


@dataclass(frozen=True, slots=True)
class LayerType:
    """A type of PEFT on linear layers."""

    name: str
    "What `peft:` of a study says."
    config: str
    "PEFT's configuration, by class name."
    reference: str
    "Paper."
    description: str
    "One line."
    params: type[LayerParams]
    "Its parameters."
    count: Callable[[Linear, Any], int]
    "(layer, params) → weights that train there."
    size: str = "r"
    "Parameter that sets how many weights train; empty: none does."
    size_divides: bool = False
    "Whether that has to divide the widths of the layers."
    shared: Callable[[Sequence[Linear], int, Any], int] | None = None
    "(targets of one decoder layer, decoder layers, params) → weights that layers share."
    renames: Mapping[str, str] = field(default_factory=dict)
    "Our name of a parameter → PEFT's, where they differ."
    seed: str = ""
    "PEFT's name of the seed of what is drawn and not trained."
    fixed: Mapping[str, Any] = field(default_factory=dict)
    "What is always said."
    not_merged: str = ""
    "Why it cannot be folded into weights."


def chosen_layers(config: Mapping[str, Any], targets: Targets) -> tuple[tuple[Linear, ...], int] | None:
    """Return the layers of one decoder layer that targets mean, and how many decoder layers there are; None: not known."""
    shapes = shapes_of(config)
    if shapes is None:
        return None
    chosen = shapes.linear if targets == "all-linear" else shapes.named(targets)
    return None if chosen is None else (chosen, shapes.n_layers)


def counter(
    count: Callable[[Linear, Any], int], shared: Callable[[Sequence[Linear], int, Any], int] | None = None
) -> Callable[[Mapping[str, Any], Any], int | None]:
    """Return a count of a model's trained weights made of one of each layer's and of what layers share."""

    def n_trained(config: Mapping[str, Any], params: Any) -> int | None:
        """Return the number of weights that train."""
        found = chosen_layers(config, params.target_modules)
        if found is None:
            return None
        layers, n_layers = found
        own = n_layers * sum(count(one, params) for one in layers)
        return own + (shared(layers, n_layers, params) if shared else 0)

    return n_trained


def targets_of(params: LayerParams) -> str | list[str]:
    """Return the targets as PEFT takes them."""
    return params.target_modules if isinstance(params.target_modules, str) else list(params.target_modules)


def linear_names(model: Any) -> list[str]:
    """Name every linear layer but the head, as within a decoder layer."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head, kinds = model.get_output_embeddings(), (torch.nn.Linear, Conv1D)
    named = ((name, layer) for name, layer in model.named_modules() if isinstance(layer, kinds) and layer is not head)
    return sorted({name.split(".")[-1] for name, _ in named})


def layer_tuner(kind: LayerType) -> Tuner:
    """Make a tuner of a type."""

    def configure(model: Any, params: LayerParams, seed: int) -> Any:
        """Return PEFT's configuration."""
        import peft

        given = {kind.renames.get(name, name): value for name, value in params if value is not None}
        given |= {**kind.fixed, "target_modules": targets_of(params), "task_type": "CAUSAL_LM"}
        if kind.seed:
            given[kind.seed] = seed
        return getattr(peft, kind.config)(**given)

    return peft_tuner(
        Kind(
            name=kind.name,
            reference=kind.reference,
            description=kind.description,
            params=kind.params,
            configure=configure,
            n_trained=counter(kind.count, kind.shared),
            size=kind.size,
            size_divides=kind.size_divides,
            not_merged=kind.not_merged,
        )
    )
