"""`bottleneck`: small networks of two layers inside every decoder layer; the last of their weights begin at zero.

houlsby: after attention and after the feed-forward layer, each before its residual sum; pfeiffer: after the feed-forward layer alone;
parallel: beside the feed-forward layer, on its input, scaled. Each has d·m + m weights down to m and m·d + d up.
Sources: Houlsby et al. (2019), arXiv 1902.00751; Pfeiffer et al. (2021), arXiv 2005.00247; He et al. (2022), arXiv 2110.04366.
Limits: down begins as torch's linear layers do and up at zero, as He et al. have it, where Houlsby et al. draw both near zero; Pfeiffer
et al. put theirs behind the residual sum and norm of an encoder, which a decoder that norms first does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from hanka.errors import UnitError
from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import shapes_of

Placement = Literal["houlsby", "pfeiffer", "parallel"]
NOT_MERGED = "its networks are not linear"


class BottleneckParams(TunerParams):
    """Parameters of `bottleneck`."""

    placement: Placement = "houlsby"
    "houlsby: after attention and after the feed-forward layer; pfeiffer: after the feed-forward layer; parallel: beside it."
    adapter_size: int = Field(default=64, ge=1)
    "Inner width of each network."
    activation: Literal["relu", "gelu", "silu"] = "relu"
    "Between its two layers."
    scaling: float = Field(default=1.0, gt=0)
    "Of what it adds; He et al. take 4 for parallel."


def _wrap(model: Any, params: BottleneckParams, seed: int) -> Any:
    from hanka.tuners.bottlenecks import Network, put_bottlenecks

    return put_bottlenecks(model, Network(**params.model_dump()), seed)


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.tuners.bottlenecks import save_bottlenecks

    save_bottlenecks(loaded.model, folder)


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from hanka.tuners.bottlenecks import load_bottlenecks

    load_bottlenecks(base, folder)
    return base


def _merge(loaded: LoadedModel) -> LoadedModel:
    raise UnitError(
        f"bottleneck cannot be merged into weights, because {NOT_MERGED}: nothing can be made on top of it; choose another parent"
    )


def _take_out(model: Any) -> None:
    from hanka.tuners.bottlenecks import take_bottlenecks_out

    take_bottlenecks_out(model)


def _n_trained(config: Mapping[str, Any], params: BottleneckParams) -> int | None:
    shapes = shapes_of(config)
    if shapes is None:
        return None
    width, inner = shapes.width, params.adapter_size
    each = 2 * width * inner + inner + width
    return shapes.n_layers * (2 if params.placement == "houlsby" else 1) * each


BOTTLENECK = Tuner(
    name="bottleneck",
    reference="Houlsby et al. 2019, arXiv 1902.00751",
    description="small networks after or beside attention and feed-forward layers",
    params=BottleneckParams,
    wrap=_wrap,
    save=_save,
    load=_load,
    merge=_merge,
    take_out=_take_out,
    n_trained=_n_trained,
    files=("bottleneck_config.json", "bottleneck.safetensors"),
    scale=None,
    size="adapter_size",
    not_merged=NOT_MERGED,
    not_elsewhere="neither transformers nor PEFT has such networks; hanka puts them on the base",
)
