"""PEFT's types that put trained vectors before a row: prompts, prefixes of keys and values, and LLaMA-Adapter's.

But for LLaMA-Adapter's, rows take no packed passes and share nothing: they are read side by side at equal lengths only, as PEFT counts
positions and padding would move them. They are no change of weights, so nothing is made on top of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field

from hanka.tuners.adapters import Kind, peft_tuner
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import Shapes, shapes_of

NOT_MERGED = "it puts vectors before a row"


class PromptParams(TunerParams):
    """Parameters of every type that puts vectors before a row."""

    num_virtual_tokens: int = Field(default=20, ge=1)
    "Vectors before every row."

    @property
    def at_start(self) -> str:
        """Say that every token sees the vectors."""
        return "vectors that are not trained yet stand before every row, and every token sees them"


class PromptTuningParams(PromptParams):
    """Parameters of `prompt_tuning`."""

    prompt_init: Literal["sample_vocab", "random"] = "sample_vocab"
    "First values: embeddings of drawn tokens, or drawn numbers."


class PTuningParams(PromptParams):
    """Parameters of `p_tuning`."""

    encoder_hidden_size: int | None = Field(default=None, ge=1)
    "Width of the network that makes the vectors in training (default: the model's)."


class PrefixTuningParams(PromptParams):
    """Parameters of `prefix_tuning`."""


class CartridgeParams(PromptParams):
    """Parameters of `cartridge`."""

    num_virtual_tokens: int = Field(default=20, ge=2)
    "Places before every row, the first of which stays as it was drawn."


class AdaptionPromptParams(TunerParams):
    """Parameters of `adaption_prompt`."""

    adapter_len: int = Field(default=10, ge=1)
    "Vectors for each of the layers."
    adapter_layers: int | None = Field(default=None, ge=1)
    "Layers from the top that get them (default: all)."


def _prompts(model: Any, params: PromptTuningParams, seed: int) -> Any:
    from peft import PromptTuningConfig

    return PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=params.num_virtual_tokens,
        prompt_tuning_init=params.prompt_init.upper(),
    )


def _encoder(model: Any, params: PTuningParams, seed: int) -> Any:
    from peft import PromptEncoderConfig

    return PromptEncoderConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=params.num_virtual_tokens,
        encoder_hidden_size=params.encoder_hidden_size or model.get_input_embeddings().weight.shape[1],
    )


def _prefix(model: Any, params: PrefixTuningParams, seed: int) -> Any:
    from peft import PrefixTuningConfig

    return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=params.num_virtual_tokens)


def _cartridge(model: Any, params: CartridgeParams, seed: int) -> Any:
    from peft import CartridgeConfig

    return CartridgeConfig(task_type="CAUSAL_LM", num_virtual_tokens=params.num_virtual_tokens)


def _adaption(model: Any, params: AdaptionPromptParams, seed: int) -> Any:
    from peft import AdaptionPromptConfig

    n_layers = model.config.num_hidden_layers
    return AdaptionPromptConfig(
        task_type="CAUSAL_LM", adapter_len=params.adapter_len, adapter_layers=params.adapter_layers or n_layers
    )


def _counted(count: Callable[[Shapes, Any], int]) -> Callable[[Mapping[str, Any], Any], int | None]:
    """Return a count of trained weights that follows from a model's shapes."""

    def n_trained(config: Mapping[str, Any], params: Any) -> int | None:
        """Return the number of weights that train."""
        shapes = shapes_of(config)
        return None if shapes is None else count(shapes, params)

    return n_trained


def _n_encoder(shapes: Shapes, params: PTuningParams) -> int:
    """Count the vectors and three layers with biases."""
    width, inner = shapes.width, params.encoder_hidden_size or shapes.width
    network = (width * inner + inner) + (inner * inner + inner) + (inner * width + width)
    return params.num_virtual_tokens * width + network


def _n_prefix(shapes: Shapes, params: PromptParams) -> int:
    return params.num_virtual_tokens * 2 * shapes.n_layers * shapes.key_width


def _n_adaption(shapes: Shapes, params: AdaptionPromptParams) -> int:
    return (params.adapter_layers or shapes.n_layers) * (params.adapter_len * shapes.width + 1)


def _before_rows(
    named: tuple[str, str, str],
    params: type[TunerParams],
    configure: Callable[[Any, Any, int], Any],
    count: Callable[[Shapes, Any], int],
    attends: bool = False,
) -> Tuner:
    """Make a tuner. named: name, paper, one line; attends: layers look at the vectors apart, so that rows stay where they are."""
    size = "adapter_len" if attends else "num_virtual_tokens"
    return peft_tuner(
        Kind(*named, params, configure, _counted(count), size, not_merged=NOT_MERGED, keeps_keys_values=attends)
    )


PROMPT_TUNING = _before_rows(
    ("prompt_tuning", "Lester et al. 2021, arXiv 2104.08691", "vectors before every row's embeddings"),
    PromptTuningParams,
    _prompts,
    lambda shapes, params: params.num_virtual_tokens * shapes.width,
)
P_TUNING = _before_rows(
    ("p_tuning", "Liu et al. 2021, arXiv 2103.10385", "as prompt_tuning, made by a small network in training"),
    PTuningParams,
    _encoder,
    _n_encoder,
)
PREFIX_TUNING = _before_rows(
    ("prefix_tuning", "Li & Liang 2021, arXiv 2101.00190", "keys and values before every row, in every layer"),
    PrefixTuningParams,
    _prefix,
    _n_prefix,
)
CARTRIDGE = _before_rows(
    ("cartridge", "Eyuboglu et al. 2025, arXiv 2506.06266", "as prefix_tuning, its first place frozen"),
    CartridgeParams,
    _cartridge,
    lambda shapes, params: (params.num_virtual_tokens - 1) * 2 * shapes.n_layers * shapes.key_width,
)
ADAPTION_PROMPT = _before_rows(
    (
        "adaption_prompt",
        "Zhang et al. 2023 (LLaMA-Adapter), arXiv 2303.16199",
        "vectors that layers attend to through a gate",
    ),
    AdaptionPromptParams,
    _adaption,
    _n_adaption,
    attends=True,
)
