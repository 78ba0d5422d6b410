"""`lora`: low-rank adapters beside linear layers, W x + (alpha / r) B A x; B begins at zero unless `init` says otherwise.

Inits that begin with a share of the weights (PiSSA and its like) train beside what is left of them. What is saved is the change from
the base, an ordinary adapter of twice the rank, so that it loads on the base as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from hanka.errors import UnitError
from hanka.tuners.adapters import IN_PLACE, Kind, peft_tuner, save_adapter, wrapped
from hanka.tuners.layer_types import DropoutParams, counter, targets_of
from hanka.tuners.shapes import Linear

if TYPE_CHECKING:
    import torch

    from hanka.models.loading import LoadedModel
    from hanka.prompting import Encoded

READING = ("eva", "corda", "lora_ga")
"Inits that follow from what the model makes of training rows."
SPLITTING = ("pissa", "olora", "corda", "lora_ga")
"Inits that begin with a share of the weights."
Init = Literal["kaiming", "gaussian", "orthogonal", "mica", "pissa", "olora", "eva", "corda", "lora_ga"]


class LoraParams(DropoutParams):
    """Parameters of `lora`."""

    r: int = Field(default=8, ge=1)
    "Rank."
    alpha: float | None = Field(default=None, gt=0)
    "Scaling numerator (default 2 r)."
    init: Init = "kaiming"
    "First weights. kaiming, gaussian: A drawn, B zero; orthogonal: both drawn, their product zero; mica: B the minor directions of the weights, frozen; pissa: A and B their principal directions; olora: a QR decomposition; eva: A the principal directions of the layer's input on training rows; corda: directions of weights and inputs on training rows; lora_ga: directions of the first gradient on training rows."
    use_rslora: bool = False
    "Scale by alpha / √r instead of alpha / r (rsLoRA)."
    use_dora: bool = False
    "Train the length of every output's weights apart from their direction (DoRA)."
    later: ClassVar[tuple[str, ...]] = ("init", "use_rslora", "use_dora")

    @property
    def at_start(self) -> str:
        """Say where first weights are no plain zero."""
        if self.init in SPLITTING:
            return f"{self.init} splits the weights into an adapter and a rest, equal to its base but for rounding"
        if self.init == "orthogonal":
            return "orthogonal begins with two matrices whose product is zero but for rounding"
        if self.use_dora:
            return (
                "use_dora scales weights by lengths it measured itself, in bfloat16 equal to its base but for rounding"
            )
        return ""

    @model_validator(mode="after")
    def _fit_together(self) -> LoraParams:
        if self.use_dora and self.init != "kaiming":
            raise ValueError(
                f"use_dora begins at the base's weights, and init {self.init} elsewhere; leave one of them out"
            )
        if self.init == "orthogonal" and self.r % 2:
            raise ValueError(f"init orthogonal takes an even rank, not {self.r}")
        return self


def configuration(params: LoraParams) -> Any:
    """Return PEFT's configuration."""
    from peft import LoraConfig
    from peft.tuners.lora.config import CordaConfig, EvaConfig, LoraGAConfig

    more = {
        "eva": {"eva_config": EvaConfig(rho=1.0)},
        "corda": {"corda_config": CordaConfig(verbose=False)},
        "lora_ga": {"lora_ga_config": LoraGAConfig()},
    }
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=params.r,
        lora_alpha=params.alpha or 2 * params.r,
        lora_dropout=params.dropout,
        target_modules=targets_of(params),
        init_lora_weights=True if params.init == "kaiming" else params.init,
        use_rslora=params.use_rslora,
        use_dora=params.use_dora,
        **more.get(params.init, {}),
    )


def _configure(model: Any, params: LoraParams, seed: int) -> Any:
    if params.init in READING:
        raise ValueError(f"init {params.init} reads training rows, and there are none here")
    return configuration(params)


def _count(one: Linear, params: LoraParams) -> int:
    if params.init == "mica":
        return params.r * one.n_in
    return params.r * (one.n_in + one.n_out) + params.use_dora * one.n_out


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    """Scale B: the change of a layer is (alpha / r) B A, linear in it."""
    strange = sorted(name for name in saved if ".lora_A." not in name and ".lora_B." not in name)
    if strange:
        raise UnitError(f"an adapter with {strange[0]} is more than A and B, and B alone does not scale it")
    return {name: value * weight if ".lora_B." in name else value for name, value in saved.items()}


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.tuners.lora_start import write_change

    save_adapter(loaded, folder, lambda stage: write_change(loaded.model, stage))


def _on_rows(loaded: LoadedModel, params: LoraParams, seed: int, rows: Sequence[Encoded]) -> Any:
    from hanka.tuners.lora_start import wrapped_on_rows

    if params.init not in READING:
        return LORA.wrap(loaded.model, params, seed)
    return wrapped_on_rows(loaded, rows, params.init, lambda: configuration(params), seed)


_PLAIN = peft_tuner(
    Kind(
        name="lora",
        reference="Hu et al. 2021, arXiv 2106.09685",
        description="low-rank adapters beside linear layers",
        params=LoraParams,
        configure=_configure,
        n_trained=counter(_count),
        size="r",
        scale=_scale,
        save=_save,
        on_rows=_on_rows,
    )
)


def _wrap(model: Any, params: LoraParams, seed: int) -> Any:
    from hanka.tuners.lora_start import remember_start

    found = wrapped("lora", model, lambda drawn: _configure(model, params, drawn), seed, aside=params.init in IN_PLACE)
    remember_start(found)
    return found


LORA = replace(_PLAIN, wrap=_wrap)
