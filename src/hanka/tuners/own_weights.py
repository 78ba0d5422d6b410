"""Weights that stand in for a model's own, whole; the heavy half of `parts`.

The base's parameter is kept beside the one that stands in for it and comes back untouched; a stack of variants makes a chain. A head
that is the embedding gets a weight of its own, and the embedding stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hanka.errors import ModelError, UnitError
from hanka.models.loading import LoadedModel
from hanka.tuners.saving import staged

WEIGHTS, CONFIG = "trained_weights.safetensors", "trained_weights_config.json"


class OwnWeight(torch.nn.Parameter):
    """A variant's weight."""

    replaced: torch.nn.Parameter
    "What it stands in for."


def _weights(model: Any) -> Iterator[tuple[str, Any, str, torch.nn.Parameter]]:
    """Go through weights, one that several layers share once for each: name, layer, name there, weight."""
    for name, layer in model.named_modules():
        for own, weight in layer.named_parameters(recurse=False):
            yield f"{name}.{own}", layer, own, weight


def _put(layer: Any, own: str, values: torch.Tensor, replaced: torch.nn.Parameter, trains: bool) -> None:
    weight = OwnWeight(values, requires_grad=trains)
    weight.replaced = replaced
    setattr(layer, own, weight)


def free_weights(model: Any, trains: Callable[[str], bool], missing: str) -> Any:
    """Return the model with the weights of some names free, and nothing else. Raises UnitError with `missing` where there is none."""
    found = [one for one in _weights(model) if trains(one[0])]
    if not found:
        raise UnitError(missing)
    model.requires_grad_(False)
    for _, layer, own, weight in found:
        _put(layer, own, weight.detach().clone(), weight, trains=True)
    return model


def save_weights(model: Any, folder: Path) -> None:
    """Save the weights that stand in for the base's, by transformers' names, and the small file that says what they are."""
    own = {name: weight for name, _, _, weight in _weights(model) if isinstance(weight, OwnWeight)}
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in own.items()}
    with staged(folder) as stage:
        save_file(tensors, stage / WEIGHTS, metadata={"format": "pt"})
        said = {
            "n_tensors": len(tensors),
            "n_weights": sum(one.numel() for one in tensors.values()),
            "own_head": own_head(model),
        }
        (stage / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def load_weights(base: LoadedModel, folder: Path) -> None:
    """Put saved weights onto a base, in its dtype, frozen. Raises ModelError for damaged or foreign files."""
    try:
        values = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS}: cannot be read ({error}); make the variant again") from None
    places = {name: (layer, own, weight) for name, layer, own, weight in _weights(base.model)}
    for name, value in values.items():
        if name not in places or places[name][2].shape != value.shape:
            raise ModelError(
                f"{folder / WEIGHTS}: {name} {list(value.shape)} is no weight of {base.ref.name}; "
                "the variant was made from another base"
            )
    for name, value in values.items():
        layer, own, weight = places[name]
        _put(layer, own, value.to(weight.device, weight.dtype), weight, trains=False)
    base.model.requires_grad_(False)
    base.model.eval()


def own_head(model: Any) -> bool:
    """Tell whether a head that was the embedding has a weight of its own."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    return isinstance(head.weight, OwnWeight) and _first(head.weight) is _first(embedding.weight)


def take_weights_out(model: Any) -> None:
    """Give every layer the weights back that it had."""
    for _, layer, own, weight in list(_weights(model)):
        if isinstance(weight, OwnWeight):
            setattr(layer, own, _first(weight))


def _first(weight: torch.nn.Parameter) -> torch.nn.Parameter:
    while isinstance(weight, OwnWeight):
        weight = weight.replaced
    return weight
