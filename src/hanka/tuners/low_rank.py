"""PEFT's types whose change of a layer is built of narrow matrices, LoRA aside (`lora.py`, `adalora.py`).

Counts follow from the papers' definitions; d_in and d_out are a layer's widths. Defaults are PEFT's.
"""

from __future__ import annotations

from pydantic import Field

from hanka.tuners.layer_types import DropoutParams, LayerParams, LayerType, layer_tuner
from hanka.tuners.shapes import Linear


class LohaParams(LayerParams):
    """Parameters of `loha`."""

    r: int = Field(default=8, ge=1)
    "Rank of each of the two products; their product elementwise has up to r²."
    alpha: float = Field(default=8.0, gt=0)
    "Scaling numerator; the change is scaled by alpha / r."


class LokrParams(LohaParams):
    """Parameters of `lokr`."""

    r: int = Field(default=8, ge=1)
    "Rank of the larger factor, which stays whole where that is no larger."
    decompose_factor: int = Field(default=-1, ge=-1)
    "Wanted size of the small factor; -1: near the square root of a layer's width."
    decompose_both: bool = False
    "Whether the small factor is of low rank, too."


class HiraParams(DropoutParams):
    """Parameters of `hira`."""

    r: int = Field(default=32, ge=1)
    "Rank."


class GraloraParams(DropoutParams):
    """Parameters of `gralora`."""

    r: int = Field(default=32, ge=1)
    "Rank over all blocks of a row."
    gralora_k: int = Field(default=2, ge=1)
    "Blocks along each side of a weight matrix; divides r and the widths."
    alpha: float = Field(default=64.0, gt=0)
    "Scaling numerator."


class GloraParams(LayerParams):
    """Parameters of `glora`."""

    r: int = Field(default=8, ge=1)
    "Rank of the two changes of the weights, one of them multiplied by the weights themselves."


class DeloraParams(LayerParams):
    """Parameters of `delora`."""

    r: int = Field(default=8, ge=1)
    "Rank."
    delora_lambda: int = Field(default=15, ge=1)
    "Bound of the change's strength before training; it trains."


class DeftParams(DropoutParams):
    """Parameters of `deft`."""

    r: int = Field(default=8, ge=1)
    "Rank of what is taken out of the weights and put in."

    @property
    def at_start(self) -> str:
        """Say that what is taken out is put back."""
        return "deft takes directions out of the weights and puts them back, equal to its base but for rounding"


class MissParams(DropoutParams):
    """Parameters of `miss`."""

    r: int = Field(default=64, ge=1)
    "Width of the pieces a layer's input is cut into, all of which share one matrix."


class PeanutParams(LayerParams):
    """Parameters of `peanut`."""

    r: int = Field(default=32, ge=1)
    "Width of the small network that makes the change out of the weights."
    depth: int = Field(default=0, ge=0)
    "Pairs of further layers in it."


class AdamssParams(LayerParams):
    """Parameters of `adamss`."""

    r: int = Field(default=100, ge=1)
    "Singular directions of a weight matrix that are clustered into subspaces."
    num_subspaces: int = Field(default=5, ge=1)
    "Clusters."
    subspace_rank: int = Field(default=1, ge=1)
    "Rank of the change in each."


def both(one: Linear) -> int:
    """Return d_in + d_out."""
    return one.n_in + one.n_out


def _factors(width: int, factor: int) -> tuple[int, int]:
    """Return two numbers whose product is a width, the smaller first: the factor itself, or as near to a square as it allows."""
    if factor > 0 and width % factor == 0:
        return min(factor, width // factor), max(factor, width // factor)
    most = width if factor <= 0 else factor
    small = max(one for one in range(1, int(width**0.5) + 1) if width % one == 0 and one <= most)
    return small, width // small


def _lokr(one: Linear, params: LokrParams) -> int:
    (out_small, out_large), (in_small, in_large) = (
        _factors(width, params.decompose_factor) for width in (one.n_out, one.n_in)
    )
    narrow = params.decompose_both and params.r < max(out_small, in_small) / 2
    small = params.r * (out_small + in_small) if narrow else out_small * in_small
    low = params.r < max(out_large, in_large) / 2
    return small + (params.r * (out_large + in_large) if low else out_large * in_large)


def _adamss(one: Linear, params: AdamssParams) -> int:
    """Count the clusters' own directions, and one factor for every output row, whichever cluster it falls into."""
    return params.subspace_rank * (params.num_subspaces * min(params.r, one.n_in, one.n_out) + one.n_out)


LOHA = layer_tuner(
    LayerType(
        "loha", "LoHaConfig", "Hyeon-Woo et al. 2022 (FedPara), arXiv 2108.06098",
        "product, elementwise, of two low-rank matrices", LohaParams, lambda one, params: 2 * params.r * both(one),
    )
)  # fmt: skip
LOKR = layer_tuner(
    LayerType(
        "lokr", "LoKrConfig", "Edalati et al. 2022 (KronA), arXiv 2212.10650; Yeh et al. 2024, arXiv 2309.14859",
        "Kronecker product of a small and a low-rank matrix", LokrParams, _lokr,
    )
)  # fmt: skip
HIRA = layer_tuner(
    LayerType(
        "hira", "HiraConfig", "Huang et al. 2025 (ICLR), openreview TwJrTz9cRS", "weights times a low-rank matrix, elementwise",
        HiraParams, lambda one, params: params.r * both(one), renames={"dropout": "hira_dropout"},
    )
)  # fmt: skip
GRALORA = layer_tuner(
    LayerType(
        "gralora", "GraloraConfig", "Jung et al. 2025, arXiv 2505.20355", "a low-rank adapter for every block of a matrix",
        GraloraParams, lambda one, params: params.r * both(one), renames={"dropout": "gralora_dropout"},
    )
)  # fmt: skip
GLORA = layer_tuner(
    LayerType(
        "glora", "GloraConfig", "Chavan et al. 2023, arXiv 2306.07967", "low-rank change beside and inside the weights",
        GloraParams, lambda one, params: 2 * params.r * both(one) + (params.r * (1 + one.n_in) + 2 if one.has_bias else 0),
    )
)  # fmt: skip
DELORA = layer_tuner(
    LayerType(
        "delora", "DeloraConfig", "Bini et al. 2025, arXiv 2503.18225", "low-rank adapters of bounded strength", DeloraParams,
        lambda one, params: params.r * both(one) + 1,
    )
)  # fmt: skip
DEFT = layer_tuner(
    LayerType(
        "deft", "DeftConfig", "PEFT's documentation of DEFT", "a projection takes directions out, a matrix puts others in",
        DeftParams, lambda one, params: params.r * both(one), renames={"dropout": "deft_dropout"},
    )
)  # fmt: skip
MISS = layer_tuner(
    LayerType(
        "miss", "MissConfig", "Kang & Yin 2024, arXiv 2409.15371", "one matrix shared by pieces of a layer's input",
        MissParams, lambda one, params: params.r * one.n_out, renames={"dropout": "miss_dropout"},
    )
)  # fmt: skip
PEANUT = layer_tuner(
    LayerType(
        "peanut", "PeanutConfig", "Zhong et al. 2024, arXiv 2410.01870", "a small network makes the change out of the weights",
        PeanutParams, lambda one, params: 2 * params.r * one.n_out + 2 * params.depth * params.r**2,
    )
)  # fmt: skip
ADAMSS = layer_tuner(
    LayerType(
        "adamss", "AdamssConfig", "PEFT's documentation of AdaMSS", "low-rank changes within clustered subspaces of the weights",
        AdamssParams, _adamss, size="num_subspaces", seed="random_seed",
    )
)  # fmt: skip
