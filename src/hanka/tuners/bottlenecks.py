"""The networks of `bottleneck`, put around layers of a model and taken out again; the heavy half."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hanka.errors import ModelError, UnitError
from hanka.identity import stream_seed
from hanka.models.loading import LoadedModel
from hanka.models.randomness import seed_torch
from hanka.tuners.saving import staged

WEIGHTS, CONFIG = "bottleneck.safetensors", "bottleneck_config.json"
ATTENDING = ("self_attn", "attn", "attention", "self_attention")
FEEDING = ("mlp", "feed_forward", "ffn")
LAST_OF_ATTENTION = ("o_proj", "c_proj", "out_proj", "dense", "wo")
LAST_OF_FEEDING = ("down_proj", "c_proj", "fc2", "fc_out", "dense_4h_to_h", "w2")
"Names of layers within a decoder layer."


@dataclass(frozen=True, slots=True)
class Network:
    """What every network of a model is like."""

    placement: str
    "houlsby, pfeiffer or parallel."
    adapter_size: int
    "Inner width."
    activation: str
    "Of torch.nn.functional."
    scaling: float
    "Of what it adds."


class Bottleneck(torch.nn.Module):
    """A layer of the model with a network behind or beside it."""

    def __init__(self, base_layer: torch.nn.Module, width: int, params: Network, like: torch.Tensor) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.down = torch.nn.Linear(width, params.adapter_size, device=like.device)
        self.up = torch.nn.Linear(params.adapter_size, width, device=like.device)
        torch.nn.init.zeros_(self.up.weight)
        torch.nn.init.zeros_(self.up.bias)
        self.act: Any = getattr(torch.nn.functional, params.activation)
        self.scaling, self.beside = params.scaling, params.placement == "parallel"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output and what the network adds: of that output, or of its input."""
        found: torch.Tensor = self.base_layer(x)
        read = (x if self.beside else found).to(self.down.weight.dtype)
        added: torch.Tensor = self.scaling * self.up(self.act(self.down(read)))
        return found + added.to(found.dtype)


def _places(model: Any, placement: str) -> Iterator[str]:
    """Yield the names of the layers that get a network."""
    n_layers = model.config.get_text_config().num_hidden_layers
    for name, stack in model.named_modules():
        if isinstance(stack, torch.nn.ModuleList) and len(stack) == n_layers:
            for at, layer in enumerate(stack):
                for child, _ in layer.named_children():
                    yield from _inside(layer, f"{name}.{at}", child, placement)


def _inside(layer: Any, name: str, child: str, placement: str) -> Iterator[str]:
    if child in FEEDING and placement == "parallel":
        yield f"{name}.{child}"
        return
    ends = LAST_OF_FEEDING if child in FEEDING else LAST_OF_ATTENTION if child in ATTENDING else ()
    if child in ATTENDING and placement != "houlsby":
        return
    for own, _ in getattr(layer, child).named_children():
        if own in ends:
            yield f"{name}.{child}.{own}"


def put_bottlenecks(model: Any, params: Network, seed: int) -> Any:
    """Put networks on a model, and let them alone train. Raises UnitError where the model has no such layers."""
    n_layers = model.config.get_text_config().num_hidden_layers
    places = list(_places(model, params.placement))
    if len(places) != n_layers * (2 if params.placement == "houlsby" else 1):
        raise UnitError(
            f"bottleneck ({params.placement}) does not know the layers of this model ({model.config.model_type}); "
            "choose another tuner"
        )
    seed_torch(stream_seed(seed, "bottleneck"))
    model.requires_grad_(False)
    weight = model.get_input_embeddings().weight
    for name in places:
        made = Bottleneck(model.get_submodule(name), weight.shape[1], params, weight)
        model.set_submodule(name, made.train(model.training))
    return model


def _networks(model: Any) -> dict[str, Bottleneck]:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, Bottleneck)}


def _tensors(model: Any) -> dict[str, torch.nn.Parameter]:
    return {
        f"{name}.{part}.{own}": value
        for name, layer in _networks(model).items()
        for part in ("down", "up")
        for own, value in getattr(layer, part).named_parameters()
    }


def save_bottlenecks(model: Any, folder: Path) -> None:
    """Save the networks and how they are placed."""
    layer = next(iter(_networks(model).values()))
    after_attention = any("attn" in name or "attention" in name for name in _networks(model))
    said = {
        "placement": "parallel" if layer.beside else "houlsby" if after_attention else "pfeiffer",
        "adapter_size": layer.down.out_features,
        "activation": layer.act.__name__,
        "scaling": layer.scaling,
    }
    with staged(folder) as stage:
        tensors = {name: value.detach().cpu().contiguous() for name, value in _tensors(model).items()}
        save_file(tensors, stage / WEIGHTS, metadata={"format": "pt"})
        (stage / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def load_bottlenecks(base: LoadedModel, folder: Path) -> None:
    """Put saved networks onto a base, frozen. Raises ModelError for damaged or foreign files."""
    try:
        values = load_file(folder / WEIGHTS)
        said = Network(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        text = " ".join(str(error).split())[:160]
        raise ModelError(f"{folder / WEIGHTS}: cannot be read ({text}); make the variant again") from None
    put_bottlenecks(base.model, said, 0)
    own = _tensors(base.model)
    if own.keys() != values.keys() or any(own[name].shape != value.shape for name, value in values.items()):
        take_bottlenecks_out(base.model)
        raise ModelError(
            f"{folder / WEIGHTS}: these networks do not fit {base.ref.name}; the variant was made from another base"
        )
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)
    base.model.requires_grad_(False)
    base.model.eval()


def take_bottlenecks_out(model: Any) -> None:
    """Put the layers back that have a network."""
    for name, layer in _networks(model).items():
        model.set_submodule(name, layer.base_layer)
