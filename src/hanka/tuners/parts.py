"""`last_layers`, `head`, `attention`, `gate_up`: some of a model's own weights train, whole; all others stay.

Saved is what trained, by transformers' names: `model.load_state_dict(load_file("trained_weights.safetensors"), strict=False)` on the base
gives the variant. A head that is the embedding (tied) gets a weight of its own and the embedding stays: then the base has to
be loaded with `tie_word_embeddings=False`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import Shapes, shapes_of

if TYPE_CHECKING:
    import torch

FIRST = ("gate_proj", "up_proj", "gate_up_proj", "c_fc", "fc1", "fc_in", "dense_h_to_4h")
"First projections of a feed-forward layer, as decoders name them."
FILES = ("trained_weights_config.json", "trained_weights.safetensors")


class LastLayersParams(TunerParams):
    """Parameters of `last_layers`."""

    n_layers: int = Field(default=1, ge=1)
    "Decoder layers from the end that train, norms and biases included."


def _last(model: Any, params: LastLayersParams) -> tuple[str, ...]:
    """Return what the names of the last layers' weights begin with."""
    import torch

    n_all = model.config.get_text_config().num_hidden_layers
    stacks = [name for name, one in model.named_modules() if isinstance(one, torch.nn.ModuleList) and len(one) == n_all]
    return tuple(f"{stacks[0]}.{at}." for at in range(max(0, n_all - params.n_layers), n_all)) if stacks else ()


def _projections(model: Any, fits: Callable[[str], bool]) -> tuple[str, ...]:
    """Return what the names of some linear layers' weights begin with."""
    import torch
    from transformers.pytorch_utils import Conv1D

    return tuple(
        f"{name}."
        for name, one in model.named_modules()
        if isinstance(one, torch.nn.Linear | Conv1D) and one is not model.get_output_embeddings() and fits(name)
    )


def _attends(name: str) -> bool:
    return any("attn" in part or part == "attention" for part in name.split(".")[:-1])


def _head(model: Any) -> tuple[str, ...]:
    head = model.get_output_embeddings()
    return tuple(f"{name}." for name, one in model.named_modules() if one is head)


def _n_last(shapes: Shapes, params: LastLayersParams) -> int:
    each = sum(one.n_in * one.n_out + one.has_bias * one.n_out for one in shapes.linear)
    norms = (shapes.n_norm_weights - shapes.n_final_norm) // shapes.n_layers
    return min(params.n_layers, shapes.n_layers) * (each + norms)


def _n_projections(shapes: Shapes, fits: Callable[[str], bool]) -> int:
    chosen = [one for one in shapes.linear if fits(one.name)]
    return shapes.n_layers * sum(one.n_in * one.n_out + one.has_bias * one.n_out for one in chosen)


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    """Move every weight between the base's own and what it is."""
    from hanka.tuners.mixing import between

    own = base.model.state_dict()
    return {name: between(own[name], value, weight) for name, value in saved.items()}


def _partial(
    named: tuple[str, str, str],
    params: type[TunerParams],
    chosen: Callable[[Any, Any], tuple[str, ...]],
    count: Callable[[Shapes, Any], int],
    size: str = "",
) -> Tuner:
    """Make a tuner. named: name, paper, one line; chosen: (model, params) → beginnings of the names of what trains."""
    name, reference, description = named

    def wrap(model: Any, given: Any, seed: int) -> Any:
        """Free the chosen weights."""
        from hanka.tuners.own_weights import free_weights

        starts = chosen(model, given)
        missing = f"{name} finds no such weights in this model ({model.config.model_type}); choose another tuner"
        return free_weights(model, lambda one: bool(starts) and one.startswith(starts), missing)

    def n_trained(config: Mapping[str, Any], given: Any) -> int | None:
        """Return the number of weights that train."""
        shapes = shapes_of(config)
        return None if shapes is None else count(shapes, given)

    return Tuner(
        name=name,
        reference=reference,
        description=description,
        params=params,
        wrap=wrap,
        save=_save,
        load=_load,
        merge=_merge,
        take_out=_take_out,
        n_trained=n_trained,
        files=FILES,
        scale=_scale,
        needs_float32=True,
        size=size,
    )


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.tuners.own_weights import save_weights

    save_weights(loaded.model, folder)


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from hanka.tuners.own_weights import load_weights

    load_weights(base, folder)
    return base


def _merge(loaded: LoadedModel) -> LoadedModel:
    """Leave it: these are weights already, and what goes on top keeps them."""
    return loaded


def _take_out(model: Any) -> None:
    from hanka.tuners.own_weights import take_weights_out

    take_weights_out(model)


def _opens(name: str) -> bool:
    return name.split(".")[-1] in FIRST


LAST_LAYERS = _partial(
    ("last_layers", "Lee et al. 2023, arXiv 2210.11466", "the last decoder layers train, whole"),
    LastLayersParams,
    _last,
    _n_last,
    "n_layers",
)
HEAD = _partial(
    (
        "head",
        "Kumar et al. 2022, arXiv 2202.10054",
        "the head trains alone; where it is the embedding, a copy of its own",
    ),
    TunerParams,
    lambda model, params: _head(model),
    lambda shapes, params: shapes.head,
)
ATTENTION = _partial(
    ("attention", "Touvron et al. 2022, arXiv 2203.09795", "the projections of attention layers train, whole"),
    TunerParams,
    lambda model, params: _projections(model, _attends),
    lambda shapes, params: _n_projections(shapes, _attends),
)
GATE_UP = _partial(
    ("gate_up", "Zhu et al. 2025, arXiv 2510.08564", "the first projections of feed-forward layers train, whole"),
    TunerParams,
    lambda model, params: _projections(model, _opens),
    lambda shapes, params: _n_projections(shapes, _opens),
)
