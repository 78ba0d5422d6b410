"""`none`: no adapter; all weights of the model train, and the variant is a whole model in transformers' layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError
from hanka.models.loading import LoadedModel, load_full, quiet
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.saving import staged
from hanka.tuners.shapes import shapes_of

if TYPE_CHECKING:
    import torch


def _wrap(model: Any, params: TunerParams, seed: int) -> Any:
    from hanka.tuners.biases import added_biases
    from hanka.tuners.own_weights import own_head

    if added_biases(model):
        raise UnitError(
            "all weights cannot train on top of added biases, for which the model's layout has no place; "
            "make the parent with `biases: existing` or another tuner"
        )
    if own_head(model):
        raise UnitError(
            "all weights cannot train on top of a head of its own, which the model's layout ties to the embedding; "
            "make the parent with another tuner than head"
        )
    model.requires_grad_(True)
    return model


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.tuners.own_weights import own_head

    config = loaded.model.config
    tied = getattr(config, "tie_word_embeddings", False)
    try:
        if own_head(loaded.model):  # folded in below: the head is the embedding no more
            config.tie_word_embeddings = False
        with quiet(), staged(folder) as stage:
            loaded.model.save_pretrained(stage)
            loaded.tokenizer.save_pretrained(stage)
    finally:
        config.tie_word_embeddings = tied


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    """Load the whole model beside the base."""
    return load_full(base.ref, base.dtype, folder)


def _merge(loaded: LoadedModel) -> LoadedModel:
    """Leave it: these are the weights."""
    return loaded


def _take_out(model: Any) -> None:
    """Leave it: nothing was put in."""


def _n_trained(config: Mapping[str, Any], params: TunerParams) -> int | None:
    shapes = shapes_of(config)
    return None if shapes is None else shapes.n_weights


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    from hanka.tuners.mixing import between

    own = base.model.state_dict()
    strange = sorted(set(saved) - set(own))
    if strange:
        raise ModelError(f"{strange[0]} is no weight of {base.ref.name}: the variant was made from another base")
    return {name: between(own[name], value, weight) for name, value in saved.items()}


NONE = Tuner(
    name="none",
    reference="Devlin et al. 2019, arXiv 1810.04805, sec. 3.2",
    description="all weights train",
    params=TunerParams,
    wrap=_wrap,
    save=_save,
    load=_load,
    merge=_merge,
    take_out=_take_out,
    n_trained=_n_trained,
    files=("config.json",),
    scale=_scale,
    changes_weights=True,
    is_whole=True,
    needs_float32=True,
)
