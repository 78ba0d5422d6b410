"""PEFT's types that train few entries of a change: of its transform, of its circulant blocks, or of the weights themselves.

Which entries those are is drawn by the training seed, but for `supertuning`, which takes the largest weights. Defaults are PEFT's.
"""

from __future__ import annotations

from pydantic import Field

from hanka.tuners.layer_types import DropoutParams, LayerParams, LayerType, layer_tuner
from hanka.tuners.low_rank import both
from hanka.tuners.shapes import Linear


class FourierftParams(LayerParams):
    """Parameters of `fourierft`."""

    n_frequency: int = Field(default=1000, ge=1)
    "Coefficients of a layer's change that train."
    scaling: float = Field(default=150.0, gt=0)
    "Of the change."
    init_weights: bool = False
    "Whether coefficients begin at zero; the paper and PEFT draw them."

    @property
    def at_start(self) -> str:
        """Say that coefficients begin at random."""
        return "" if self.init_weights else "fourierft draws its coefficients, so that it begins beside its base"


class WaveftParams(LayerParams):
    """Parameters of `waveft`."""

    n_frequency: int = Field(default=2592, ge=1)
    "Wavelet coefficients of a layer's change that train."
    scaling: float = Field(default=25.0, gt=0)
    "Of the change."


class C3aParams(LayerParams):
    """Parameters of `c3a`."""

    block_size: int = Field(default=256, ge=1)
    "Width of the circulant blocks; divides the widths of all layers. The smaller, the more weights train."

    @property
    def at_start(self) -> str:
        """Say that the blocks begin at random."""
        return "c3a draws its blocks at random, so that it begins beside its base"


class ShiraParams(LayerParams):
    """Parameters of `shira`."""

    r: int = Field(default=32, ge=1)
    "As many weights train as in LoRA of this rank."


class SupertuningParams(LayerParams):
    """Parameters of `supertuning`."""

    sparsity: float = Field(default=0.99, ge=0, lt=1)
    "Share of a layer's weights that stays; of the others, the largest, each trains."


class FrodParams(DropoutParams):
    """Parameters of `frod`."""

    sparse_rate: float = Field(default=0.01, ge=0, le=1)
    "Share of a square matrix between the factors of the weights that trains beside its diagonal."

    @property
    def at_start(self) -> str:
        """Say that the base is put together anew."""
        return "frod puts the weights together from factors that layers share, equal to its base but for rounding"


def _frod(one: Linear, params: FrodParams) -> int:
    """Count a diagonal and a share of the places beside it, at least one unless there are none."""
    return one.n_in + (max(1, int(one.n_in**2 * params.sparse_rate)) if params.sparse_rate else 0)


FOURIERFT = layer_tuner(
    LayerType(
        "fourierft", "FourierFTConfig", "Gao et al. 2024, arXiv 2405.03003", "a few Fourier coefficients of the change",
        FourierftParams, lambda one, params: params.n_frequency, size="n_frequency", seed="random_loc_seed",
    )
)  # fmt: skip
WAVEFT = layer_tuner(
    LayerType(
        "waveft", "WaveFTConfig", "Bilican et al. 2025, arXiv 2505.12532", "a few wavelet coefficients of the change",
        WaveftParams, lambda one, params: params.n_frequency, size="n_frequency", seed="random_loc_seed",
    )
)  # fmt: skip
C3A = layer_tuner(
    LayerType(
        "c3a", "C3AConfig", "Chen et al. 2024, arXiv 2407.19342", "a change of circulant blocks", C3aParams,
        lambda one, params: one.n_in * one.n_out // params.block_size, size="block_size", size_divides=True,
    )
)  # fmt: skip
SHIRA = layer_tuner(
    LayerType(
        "shira", "ShiraConfig", "Bhardwaj et al. 2024, arXiv 2406.13175", "single weights, drawn, train", ShiraParams,
        lambda one, params: params.r * both(one), seed="random_seed",
    )
)  # fmt: skip
SUPERTUNING = layer_tuner(
    LayerType(
        "supertuning", "SupertuningConfig", "arXiv 2607.09287", "the largest weights of a layer train", SupertuningParams,
        lambda one, params: int(one.n_in * one.n_out * (1 - params.sparsity)), size="sparsity",
    )
)  # fmt: skip
FROD = layer_tuner(
    LayerType(
        "frod", "FrodConfig", "PEFT's documentation of FRoD", "sparse change between factors of the weights", FrodParams, _frod,
        size="sparse_rate", renames={"dropout": "frod_dropout"}, fixed={"progressbar": False}, seed="projection_prng_key",
    )
)  # fmt: skip
