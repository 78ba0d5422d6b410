"""`ia3`: learned factors on keys, values and the inner width of feed-forward layers; all begin at one.

The factors sit inside linear layers, so packed passes hold. Layers are PEFT's for the kind of model; where it
names none, the paper's: keys, values, and the last projection of the feed-forward layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hanka.errors import UnitError
from hanka.tuners.adapters import Kind, peft_tuner
from hanka.tuners.contract import TunerParams
from hanka.tuners.shapes import shapes_of

if TYPE_CHECKING:
    import torch

    from hanka.models.loading import LoadedModel

PAPER = ("k_proj", "v_proj", "down_proj")
"Keys, values and the feed-forward layer's last projection, as most decoders name them."


class Ia3Params(TunerParams):
    """Parameters of `ia3`."""

    target_modules: tuple[str, ...] | None = None
    "Layers that get factors (default: by the kind of model)."
    feedforward_modules: tuple[str, ...] | None = None
    "Those of them whose input is scaled, not their output (default: by the kind of model)."


def _targets(model: Any, params: Ia3Params) -> tuple[list[str], list[str]]:
    """Return target and feed-forward modules. Raises UnitError where they are to be named."""
    from peft.utils.constants import (
        TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
        TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
    )

    kind = model.config.model_type
    names = {name.split(".")[-1] for name, _ in model.named_modules()}
    targets, feeding = params.target_modules, params.feedforward_modules
    usual = TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(kind, PAPER if names.issuperset(PAPER) else None)
    usual_feeding = TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(kind, PAPER[2:])
    if targets is None and usual is None:
        raise UnitError(
            f"ia3 does not know which layers of a {kind} model make keys, values and feed-forward outputs: "
            "name them with target_modules, and those whose input is scaled with feedforward_modules"
        )
    chosen = list(usual if targets is None else targets)
    return chosen, [name for name in usual_feeding if name in chosen] if feeding is None else list(feeding)


def _configure(model: Any, params: Ia3Params, seed: int) -> Any:
    from peft import IA3Config

    targets, feeding = _targets(model, params)
    return IA3Config(task_type="CAUSAL_LM", target_modules=targets, feedforward_modules=feeding)


_USUAL = {
    "gpt2": ("c_attn", "mlp.c_proj"),
    **dict.fromkeys(("llama", "mistral"), PAPER),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text", "qwen2", "qwen3"), ("q_proj", "v_proj", "down_proj")),
}
"PEFT's default targets, for planning without PEFT; a test compares them. Other known kinds: the paper's."


def _n_trained(config: Mapping[str, Any], params: Ia3Params) -> int | None:
    shapes = shapes_of(config)
    if shapes is None:
        return None
    chosen = shapes.named(params.target_modules or _USUAL.get(config["model_type"], PAPER))
    usual = ("mlp.c_proj", "down_proj")
    feeding = params.feedforward_modules if params.feedforward_modules is not None else usual
    if chosen is None:
        return None
    total = 0
    for one in chosen:
        scales_input = any(one.name.endswith(name) for name in feeding)
        total += one.n_in if scales_input else one.n_out
    return shapes.n_layers * total


def _scale(saved: Mapping[str, torch.Tensor], base: LoadedModel, weight: float) -> dict[str, torch.Tensor]:
    """Move every factor between one and what it is: a layer's weights are linear in it."""
    import torch

    from hanka.tuners.mixing import between

    strange = sorted(name for name in saved if ".ia3_l" not in name)
    if strange:
        raise UnitError(f"{strange[0]} is no factor of ia3")
    return {name: between(torch.ones_like(value), value, weight) for name, value in saved.items()}


IA3 = peft_tuner(
    Kind(
        name="ia3",
        reference="Liu et al. 2022, arXiv 2205.05638",
        description="factors on keys, values and feed-forward layers",
        params=Ia3Params,
        configure=_configure,
        n_trained=_n_trained,
        scale=_scale,
    )
)
