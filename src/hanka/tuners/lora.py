"""`lora`: low-rank adapters beside linear layers, W x + (alpha / r) B A x; B begins at zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from hanka.errors import UnitError
from hanka.tuners.adapters import About, peft_tuner
from hanka.tuners.contract import TunerParams
from hanka.tuners.shapes import shapes_of

if TYPE_CHECKING:
    import torch

    from hanka.models.loading import LoadedModel


class LoraParams(TunerParams):
    """Parameters of `lora`."""

    r: int = Field(default=8, ge=1)
    "Rank."
    alpha: float | None = Field(default=None, gt=0)
    "Scaling numerator (default 2 r)."
    dropout: float = Field(default=0.0, ge=0, lt=1)
    "Of the adapters' inputs."
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    "Layers that get adapters."

    @property
    def is_random(self) -> bool:
        """Tell whether inputs of adapters are dropped."""
        return self.dropout > 0


def _configure(model: Any, params: LoraParams) -> Any:
    from peft import LoraConfig

    targets = params.target_modules
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=params.r,
        lora_alpha=params.alpha or 2 * params.r,
        lora_dropout=params.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
    )


def _n_trained(config: Mapping[str, Any], params: LoraParams) -> int | None:
    shapes = shapes_of(config)
    if shapes is None:
        return None
    every = params.target_modules == "all-linear"
    chosen = shapes.linear if every else shapes.named(params.target_modules)
    return None if chosen is None else shapes.n_layers * sum(params.r * (one.n_in + one.n_out) for one in chosen)


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    """Scale B: the change of a layer is (alpha / r) B A, linear in it."""
    strange = sorted(name for name in saved if ".lora_A." not in name and ".lora_B." not in name)
    if strange:
        raise UnitError(f"an adapter with {strange[0]} is more than A and B, and B alone does not scale it")
    return {name: value * weight if ".lora_B." in name else value for name, value in saved.items()}


LORA = peft_tuner(
    About("lora", "Hu et al. 2021, arXiv 2106.09685", "low-rank adapters beside linear layers"),
    LoraParams,
    _configure,
    _n_trained,
    _scale,
)
