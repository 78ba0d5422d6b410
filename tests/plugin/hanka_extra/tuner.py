"""Tuner `norms`: only gains and biases of normalisations train. Source: Qi et al. (2022), arXiv 2211.08682.

A normalisation's own parameters are kept beside those that stand in for them and come back when it is taken out, so the
base's weights are never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError
from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Tuner, TunerParams

if TYPE_CHECKING:
    import torch

WEIGHTS, CONFIG = "norms.safetensors", "norms_config.json"
OWN = "base_parameters"
"Attribute of a normalisation that holds what it had before, by name; a dict, so that torch does not see it."


def _norms(model: Any) -> Iterator[tuple[str, Any]]:
    """Go through the normalisations of a model by name."""
    return ((name, one) for name, one in model.named_modules() if type(one).__name__.endswith("Norm"))


def _put(norm: Any, name: str, values: torch.Tensor, trains: bool) -> None:
    import torch

    norm.__dict__.setdefault(OWN, {}).setdefault(name, norm.get_parameter(name))
    setattr(norm, name, torch.nn.Parameter(values, requires_grad=trains))


def _wrap(model: Any, params: TunerParams, seed: int) -> Any:
    found = [(norm, name, value) for _, norm in _norms(model) for name, value in norm.named_parameters(recurse=False)]
    if not found:
        raise UnitError("norms trains normalisations, and this model has none with parameters: choose another tuner")
    model.requires_grad_(False)
    for norm, name, value in found:
        _put(norm, name, value.detach().clone(), trains=True)
    return model


def _save(loaded: LoadedModel, folder: Path) -> None:
    from safetensors.torch import save_file

    from hanka.tuners.saving import staged

    values = {
        f"{place}.{name}": norm.get_parameter(name).detach().cpu().contiguous()
        for place, norm in _norms(loaded.model)
        for name in norm.__dict__.get(OWN, {})
    }
    with staged(folder) as stage:
        save_file(values, stage / WEIGHTS, metadata={"format": "pt"})
        (stage / CONFIG).write_text(json.dumps({"tuner": "norms", "n_norms": len(values)}) + "\n", encoding="utf-8")


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        values = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS}: cannot be read ({error}); make the variant again") from None
    norms = dict(_norms(base.model))
    for name, value in values.items():
        place, _, own = name.rpartition(".")
        like = dict(norms[place].named_parameters(recurse=False)).get(own) if place in norms else None
        if like is None or like.shape != value.shape:
            raise ModelError(f"{folder / WEIGHTS}: {name} is no part of {base.ref.name}; it was made from another base")
        _put(norms[place], own, value.to(like.device, like.dtype), trains=False)
    base.model.requires_grad_(False)
    base.model.eval()
    return base


def _merge(loaded: LoadedModel) -> LoadedModel:
    """Leave it: a gain is a weight already, and what goes on top keeps it."""
    return loaded


def _take_out(model: Any) -> None:
    for _, norm in _norms(model):
        for name, value in norm.__dict__.pop(OWN, {}).items():
            setattr(norm, name, value)


def _n_trained(config: Mapping[str, Any], params: TunerParams) -> int | None:
    if config.get("model_type") not in ("llama", "mistral", "qwen2"):
        return None
    return int(config["hidden_size"] * (2 * config["num_hidden_layers"] + 1))


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    from hanka.tuners.mixing import between

    own = dict(base.model.named_parameters())
    return {name: between(own[name], value, weight) for name, value in saved.items()}


NORMS = Tuner(
    name="norms",
    reference="Qi et al. 2022, arXiv 2211.08682",
    description="gains and biases of normalisations train",
    params=TunerParams,
    wrap=_wrap,
    save=_save,
    load=_load,
    merge=_merge,
    take_out=_take_out,
    n_trained=_n_trained,
    files=(CONFIG, WEIGHTS),
    scale=_scale,
    needs_float32=True,
    version=1,
)
