"""PEFT's types that train little on top of matrices drawn once, or of one small bank that all layers share.

What is drawn is saved with the adapter where PEFT can (`save_projection`), so that a variant needs no seed to be loaded. Defaults are
PEFT's.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from hanka.tuners.layer_types import DropoutParams, LayerType, layer_tuner
from hanka.tuners.low_rank import both
from hanka.tuners.shapes import Linear


class VeraParams(DropoutParams):
    """Parameters of `vera`."""

    r: int = Field(default=256, ge=1)
    "Rank of the two drawn matrices that all layers share; each layer trains r + d_out factors."
    d_initial: float = Field(default=0.1, gt=0)
    "First value of the r factors."


class PveraParams(VeraParams):
    """Parameters of `pvera`."""

    @property
    def is_random(self) -> bool:
        """Tell that what a layer adds is drawn anew in every pass of training."""
        return True


class RandloraParams(DropoutParams):
    """Parameters of `randlora`."""

    r: int = Field(default=32, ge=1)
    "Rank of each of the drawn bases; the smaller it is, the more of them there are and the more trains."
    alpha: float = Field(default=640.0, gt=0)
    "Scaling numerator."


class VbloraParams(DropoutParams):
    """Parameters of `vblora`."""

    r: int = Field(default=4, ge=1)
    "Rank."
    num_vectors: int = Field(default=256, ge=2)
    "Vectors in the bank that all layers share."
    vector_length: int = Field(default=256, ge=1)
    "Their length; divides the widths of all layers."
    topk: int = Field(default=2, ge=1)
    "Vectors that are mixed for each piece of a matrix."

    @property
    def at_start(self) -> str:
        """Say that the bank begins at random."""
        return "vblora mixes both factors of every change from a drawn bank, so that it begins beside its base"


class UniloraParams(DropoutParams):
    """Parameters of `unilora`."""

    r: int = Field(default=4, ge=1)
    "Rank."
    theta_d_length: int = Field(default=256, ge=1)
    "Weights that train, in all."

    @property
    def at_start(self) -> str:
        """Say that both factors begin at random."""
        return "unilora draws both factors of every change at random, so that it begins beside its base"


class TinyloraParams(DropoutParams):
    """Parameters of `tinylora`."""

    r: int = Field(default=2, ge=1)
    "Singular directions of a layer's weights that are moved."
    u: int = Field(default=64, ge=1)
    "Weights that train, for each group of layers."
    weight_tying: float = Field(default=0.0, ge=0, le=1)
    "0: every layer is a group of its own; 1: all layers are one."


def _bases(one: Linear, params: RandloraParams) -> int:
    narrow = min(one.n_in, one.n_out)
    n_bases = -(-narrow // params.r)
    return n_bases * (params.r + narrow)


def _groups(layers: Sequence[Linear], n_layers: int, params: TinyloraParams) -> int:
    return params.u * max(1, round(n_layers * len(layers) * (1.0 - params.weight_tying)))


VERA = layer_tuner(
    LayerType(
        "vera", "VeraConfig", "Kopiczko et al. 2024, arXiv 2310.11454", "factors on drawn matrices that all layers share",
        VeraParams, lambda one, params: params.r + one.n_out, renames={"dropout": "vera_dropout"},
        seed="projection_prng_key",
    )
)  # fmt: skip
PVERA = layer_tuner(
    LayerType(
        "pvera", "PveraConfig", "arXiv 2512.07703", "vera whose change is a distribution, drawn from in training", PveraParams,
        lambda one, params: 2 * params.r + one.n_out, renames={"dropout": "pvera_dropout"}, seed="projection_prng_key",
    )
)  # fmt: skip
RANDLORA = layer_tuner(
    LayerType(
        "randlora", "RandLoraConfig", "Albert et al. 2025, arXiv 2502.00987", "change of full rank, a sum of drawn bases",
        RandloraParams, _bases, renames={"dropout": "randlora_dropout", "alpha": "randlora_alpha"},
        seed="projection_prng_key",
    )
)  # fmt: skip
VBLORA = layer_tuner(
    LayerType(
        "vblora", "VBLoRAConfig", "Li et al. 2024, arXiv 2405.15179", "adapters mixed from one bank of vectors", VbloraParams,
        lambda one, params: params.r * both(one) // params.vector_length * params.num_vectors, size="num_vectors",
        shared=lambda layers, n_layers, params: params.num_vectors * params.vector_length,
        renames={"dropout": "vblora_dropout"},
    )
)  # fmt: skip
UNILORA = layer_tuner(
    LayerType(
        "unilora", "UniLoraConfig", "arXiv 2506.00799", "one short vector, projected onto all adapters", UniloraParams,
        lambda one, params: 0, size="theta_d_length", shared=lambda layers, n_layers, params: params.theta_d_length,
        renames={"dropout": "unilora_dropout"}, seed="proj_seed",
    )
)  # fmt: skip
TINYLORA = layer_tuner(
    LayerType(
        "tinylora", "TinyLoraConfig", "arXiv 2602.04118", "a few weights move the first singular directions",
        TinyloraParams, lambda one, params: 0, size="u", shared=_groups, renames={"dropout": "tinylora_dropout"},
        seed="projection_seed",
    )
)  # fmt: skip
