"""Biases that stand in for a model's own, or where it has none; the heavy half of `bitfit`.

The base's parameter is kept beside the one that stands in for it and comes back untouched; a stack of variants makes
a chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hanka.errors import ModelError, UnitError
from hanka.models.loading import LoadedModel
from hanka.tuners.saving import staged

WEIGHTS, CONFIG = "biases.safetensors", "bitfit_config.json"


class OwnBias(torch.nn.Parameter):
    """A variant's bias."""

    replaced: torch.nn.Parameter | None = None
    "What it stands in for; None: the layer had no bias."


def _biases(model: Any) -> Iterator[tuple[str, Any, torch.nn.Parameter]]:
    """Go through layers that have a bias: name of the bias, layer, bias."""
    for name, layer in model.named_modules():
        for own, bias in layer.named_parameters(recurse=False):
            if own == "bias":
                yield f"{name}.bias", layer, bias


def _put(layer: Any, values: torch.Tensor, replaced: torch.nn.Parameter | None, trains: bool) -> None:
    bias = OwnBias(values, requires_grad=trains)
    bias.replaced = replaced
    layer.bias = bias


def free_biases(model: Any, add: bool) -> Any:
    """Return the model with its biases free, and nothing else; add: give linear layers without one a bias of zero.

    Raises UnitError where there is none.
    """
    found = list(_biases(model))
    bare = [] if not add else [layer for layer in model.modules() if _takes_bias(model, layer)]
    if not found and not bare:
        raise UnitError(
            "bitfit trains bias terms, and this model has none: `biases: added` gives every linear layer one of zero; "
            "or choose another tuner"
        )
    model.requires_grad_(False)
    for _, layer, bias in found:
        _put(layer, bias.detach().clone(), bias, trains=True)
    for layer in bare:
        _put(layer, layer.weight.new_zeros(layer.out_features), None, trains=True)
    return model


def _takes_bias(model: Any, layer: Any) -> bool:
    """Tell whether a layer is linear, has no bias and is not the head."""
    if not isinstance(layer, torch.nn.Linear) or layer is model.get_output_embeddings():
        return False
    return "bias" not in dict(layer.named_parameters(recurse=False))


def save_biases(model: Any, folder: Path) -> None:
    """Save the biases that stand in for the base's."""
    own = {name: bias for name, _, bias in _biases(model) if isinstance(bias, OwnBias)}
    write_biases({name: bias.detach().cpu().contiguous() for name, bias in own.items()}, folder)


def write_biases(values: dict[str, torch.Tensor], folder: Path) -> None:
    """Write biases by name, and the small file that says what they are."""
    with staged(folder) as stage:
        save_file(values, stage / WEIGHTS, metadata={"format": "pt"})
        said = {"tuner": "bitfit", "n_biases": len(values), "n_weights": sum(one.numel() for one in values.values())}
        (stage / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def load_biases(base: LoadedModel, folder: Path) -> None:
    """Put saved biases onto a base, in its dtype, frozen. Raises ModelError for damaged or foreign files."""
    try:
        values = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS}: cannot be read ({error}); make the variant again") from None
    layers = dict(base.model.named_modules())
    for name, value in values.items():
        layer = layers.get(name.removesuffix(".bias"))
        own = dict(layer.named_parameters(recurse=False)).get("bias") if layer is not None else None
        like = own if own is not None else layer.weight[:, 0] if isinstance(layer, torch.nn.Linear) else None
        if like is None or value.shape != like.shape:
            raise ModelError(
                f"{folder / WEIGHTS}: {name} {list(value.shape)} is no bias of {base.ref.name}; "
                "the variant was made from another base"
            )
        _put(layer, value.to(like.device, like.dtype), own, trains=False)
    base.model.requires_grad_(False)
    base.model.eval()


def added_biases(model: Any) -> list[str]:
    """Name the biases of layers that had none."""
    return [name for name, _, bias in _biases(model) if isinstance(bias, OwnBias) and _first(bias) is None]


def take_biases_out(model: Any) -> None:
    """Give every layer the bias back that it had, or none."""
    for _, layer, bias in list(_biases(model)):
        if isinstance(bias, OwnBias):
            layer.bias = _first(bias)


def _first(bias: torch.nn.Parameter | None) -> torch.nn.Parameter | None:
    while isinstance(bias, OwnBias):
        bias = bias.replaced
    return bias
