"""PEFT's types that train vectors a model has, or that stand beside them: norms, added biases, rows of the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from hanka.tuners.adapters import Kind, peft_tuner
from hanka.tuners.contract import TunerParams
from hanka.tuners.layer_types import LayerParams, LayerType, Targets, layer_tuner
from hanka.tuners.shapes import shapes_of


class LnTuningParams(TunerParams):
    """Parameters of `ln_tuning`."""

    target_modules: tuple[str, ...] | None = None
    "Norms that train (default: all of the model)."


class BeftParams(LayerParams):
    """Parameters of `beft`."""

    target_modules: Targets = ("v_proj",)
    "Layers that get a bias beside their own (default: values, as most decoders name them)."


class TrainableTokensParams(TunerParams):
    """Parameters of `trainable_tokens`."""

    token_indices: tuple[Annotated[int, Field(ge=0)], ...] = ()
    "Ids of the tokens whose embeddings train; at least one."


def _norms(model: Any, params: LnTuningParams, seed: int) -> Any:
    from peft import LNTuningConfig

    named = params.target_modules
    found = sorted({name.split(".")[-1] for name, layer in model.named_modules() if "Norm" in type(layer).__name__})
    return LNTuningConfig(task_type="CAUSAL_LM", target_modules=found if named is None else list(named))


def _n_norms(config: Mapping[str, Any], params: LnTuningParams) -> int | None:
    shapes = shapes_of(config)
    return None if shapes is None or params.target_modules is not None else shapes.n_norm_weights


def _tokens(model: Any, params: TrainableTokensParams, seed: int) -> Any:
    from peft import TrainableTokensConfig

    n_rows = model.get_input_embeddings().weight.shape[0]
    if not params.token_indices:
        raise ValueError("token_indices names no token; give the ids of those that shall train")
    if max(params.token_indices) >= n_rows:
        raise ValueError(f"token_indices names {max(params.token_indices)}, and there are {n_rows} embeddings")
    return TrainableTokensConfig(task_type="CAUSAL_LM", token_indices=sorted(set(params.token_indices)))


def _n_tokens(config: Mapping[str, Any], params: TrainableTokensParams) -> int | None:
    shapes = shapes_of(config)
    return None if shapes is None else len(set(params.token_indices)) * shapes.width


LN_TUNING = peft_tuner(
    Kind(
        "ln_tuning", "Zhao et al. 2023, arXiv 2312.11420", "norms train", LnTuningParams, _norms, _n_norms,
    )
)  # fmt: skip
BEFT = layer_tuner(
    LayerType(
        "beft", "BeftConfig", "arXiv 2509.15974", "a bias beside that of the layer that makes values", BeftParams,
        lambda one, params: one.n_out, size="", not_merged="its bias stands beside a layer that may have none",
    )
)  # fmt: skip
TRAINABLE_TOKENS = peft_tuner(
    Kind(
        "trainable_tokens", "PEFT's documentation of trainable tokens", "embeddings of named tokens train",
        TrainableTokensParams, _tokens, _n_tokens,
    )
)  # fmt: skip
