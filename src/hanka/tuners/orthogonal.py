"""PEFT's types that turn a layer's weights instead of adding to them, and OSF, which trains their minor directions whole.

Defaults are PEFT's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanka.tuners.layer_types import DropoutParams, LayerParams, LayerType, layer_tuner
from hanka.tuners.shapes import Linear

REFLECTED = (
    "{} multiplies by its identity in floating point, so that an untrained one differs from its base by rounding"
)


class OftParams(LayerParams):
    """Parameters of `oft`."""

    oft_block_size: int = Field(default=32, ge=2)
    "Width of the blocks that are turned; divides a layer's input width."
    block_share: bool = False
    "Whether all blocks of a layer turn alike."
    coft: bool = False
    "Whether the turn is kept small (constrained OFT)."


class BoftParams(LayerParams):
    """Parameters of `boft`."""

    boft_block_size: int = Field(default=4, ge=2)
    "Width of the blocks; divides a layer's input width."
    boft_n_butterfly_factor: int = Field(default=1, ge=1)
    "Factors of the butterfly; 1: blocks alone."
    dropout: float = Field(default=0.0, ge=0, lt=1)
    "Share of blocks that stay unturned in a pass of training."

    @property
    def is_random(self) -> bool:
        """Tell whether blocks are dropped."""
        return self.dropout > 0


class HraParams(LayerParams):
    """Parameters of `hra`."""

    r: int = Field(default=8, ge=2, multiple_of=2)
    "Reflections, in pairs that undo each other at first."
    apply_GS: bool = False  # noqa: N815 (PEFT's name)
    "Whether the reflections are kept orthogonal to each other."

    @property
    def at_start(self) -> str:
        """Say what reflecting twice leaves."""
        return REFLECTED.format("hra")


class RoadParams(LayerParams):
    """Parameters of `road`."""

    variant: Literal["road_1", "road_2", "road_4"] = "road_1"
    "How many angles and lengths a pair of outputs has: one, two or four of each."
    group_size: int = Field(default=64, ge=2)
    "Outputs that are paired within a group; divides a layer's output width."


class PsoftParams(DropoutParams):
    """Parameters of `psoft`."""

    r: int = Field(default=32, ge=2)
    "Singular directions of the weights that are turned."
    alpha: float = Field(default=32.0, gt=0)
    "Scaling numerator."


class OsfParams(LayerParams):
    """Parameters of `osf`."""

    effective_rank: float = Field(default=0.5, gt=0, lt=1)
    "Share of the singular directions, the leading ones, that is kept; all others train."

    @property
    def at_start(self) -> str:
        """Say that the base is put together anew."""
        return "osf puts the weights together from their singular directions, equal to its base but for rounding"


def _oft(one: Linear, params: OftParams) -> int:
    size = params.oft_block_size
    n_blocks = 1 if params.block_share else one.n_in // size
    return n_blocks * size * (size - 1) // 2


def _osf(one: Linear, params: OsfParams) -> int:
    narrow = min(one.n_in, one.n_out)
    kept = max(min(narrow, int(narrow * params.effective_rank)), 0)
    return (narrow - kept) * (one.n_in + one.n_out + 1)


OFT = layer_tuner(
    LayerType(
        "oft", "OFTConfig", "Qiu et al. 2023, arXiv 2306.07280", "blocks of a layer's input are turned", OftParams, _oft,
        size="oft_block_size", size_divides=True,
    )
)  # fmt: skip
BOFT = layer_tuner(
    LayerType(
        "boft", "BOFTConfig", "Liu et al. 2024, arXiv 2311.06243", "as oft, by a butterfly of sparse turns", BoftParams,
        lambda one, params: params.boft_n_butterfly_factor * params.boft_block_size * one.n_in + one.n_out,
        size="boft_block_size", size_divides=True, renames={"dropout": "boft_dropout"},
    )
)  # fmt: skip
HRA = layer_tuner(
    LayerType(
        "hra", "HRAConfig", "Yuan et al. 2024, arXiv 2405.17484", "a layer's input is reflected a few times", HraParams,
        lambda one, params: params.r * one.n_in,
    )
)  # fmt: skip
ROAD = layer_tuner(
    LayerType(
        "road", "RoadConfig", "Liao & Monz 2024, arXiv 2409.00119", "pairs of a layer's outputs are turned and scaled",
        RoadParams, lambda one, params: int(params.variant[-1]) * one.n_out, size="",
    )
)  # fmt: skip
PSOFT = layer_tuner(
    LayerType(
        "psoft", "PsoftConfig", "openreview FSHrinMArK", "leading singular directions are turned and scaled", PsoftParams,
        lambda one, params: params.r * (params.r - 1) // 2 + 2 * params.r,
        renames={"dropout": "psoft_dropout", "alpha": "psoft_alpha"}, seed="random_seed",
    )
)  # fmt: skip
OSF = layer_tuner(
    LayerType(
        "osf", "OSFConfig", "Nayak et al. 2025, arXiv 2504.07097", "minor singular directions train, leading ones stay",
        OsfParams, _osf, size="effective_rank",
    )
)  # fmt: skip
