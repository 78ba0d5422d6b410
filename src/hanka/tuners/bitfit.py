"""`bitfit`: only bias terms train.

Models built like Llama have none: `biases: added` gives every linear layer but the head a bias of zero, which
changes no number. A bias stands in for the base's own while it is on (`biases.OwnBias`), so the base's
weights are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import shapes_of

if TYPE_CHECKING:
    import torch


class BitfitParams(TunerParams):
    """Parameters of `bitfit`."""

    biases: Literal["existing", "added"] = "existing"
    "existing: those the model has; added: also one on every linear layer, the head aside, that has none."


def _wrap(model: Any, params: BitfitParams, seed: int) -> Any:
    from hanka.tuners.biases import free_biases

    return free_biases(model, params.biases == "added")


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.tuners.biases import save_biases

    save_biases(loaded.model, folder)


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from hanka.tuners.biases import load_biases

    load_biases(base, folder)
    return base


def _merge(loaded: LoadedModel) -> LoadedModel:
    """Leave it: a bias is a weight already, and what goes on top keeps it."""
    return loaded


def _take_out(model: Any) -> None:
    from hanka.tuners.biases import take_biases_out

    take_biases_out(model)


def _n_trained(config: Mapping[str, Any], params: BitfitParams) -> int | None:
    shapes = shapes_of(config)
    if shapes is None:
        return None
    each = sum(one.n_out for one in shapes.linear if one.has_bias or params.biases == "added")
    return shapes.n_layers * each + shapes.n_other_biases


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    """Move every bias between the base's own, zero where it has none, and what it is."""
    import torch

    from hanka.tuners.mixing import between

    own = dict(base.model.named_parameters())
    return {name: between(own.get(name, torch.zeros_like(value)), value, weight) for name, value in saved.items()}


BITFIT = Tuner(
    name="bitfit",
    reference="Ben Zaken et al. 2022, arXiv 2106.10199",
    description="bias terms train, those of the model or added ones",
    params=BitfitParams,
    wrap=_wrap,
    save=_save,
    load=_load,
    merge=_merge,
    take_out=_take_out,
    n_trained=_n_trained,
    files=("bitfit_config.json", "biases.safetensors"),
    scale=_scale,
    not_elsewhere="added biases have no place in transformers' model (a model's own load with load_state_dict)",
    needs_float32=True,
)
