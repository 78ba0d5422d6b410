"""How far did the weights move? Parameter distance of a variant from its base.

Yang et al. (2024), arXiv 2403.09162, section 5.3 ("average parameter weight difference"). The paper gives no
code and no weighting; here every weight counts once (element-weighted), in float32, over the parameters that
both models have. Rows that were added to an embedding are left out, tied weights come once.

Measures, each over the whole model, per layer and per parameter:
  mean_difference   mean |after - before|
  relative_l2       ‖after - before‖ / ‖before‖; left out where ‖before‖ is 0
  rounding_floor    mean |before - bfloat16(before)|: what storing the base in bfloat16 alone would show.
                    Weights drawn from N(0, 0.02) give 2.2e-5, a quarter of the distances the paper reports,
                    so distances of different dtypes do not compare. It is 0 where the base is bfloat16 already.
  share_changed     share of weights that differ at all

Limits: layers are numbered by the first number in a parameter's name, so an encoder's and a decoder's layer of
one number are one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.models.names import layer_of
from hanka.probes.contract import Probe, ProbeRequest, ProbeRow, WeightPair

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1 << 22
"Weights looked at together: 32 MB in float64."


@dataclass(frozen=True, slots=True)
class Sums:
    """What one parameter, or several, add up to."""

    n: int
    "Weights."
    difference: float
    "Σ |after - before|."
    square_difference: float
    "Σ (after - before)²."
    square_before: float
    "Σ before²."
    rounding: float
    "Σ |before - bfloat16(before)|."
    n_changed: int
    "Weights that differ."


def measure(request: ProbeRequest) -> list[ProbeRow]:
    """Measure the distance of all shared parameters; see the module. Raises UnitError for weights that do not pair."""
    by_name = {pair.name: _sums_of(pair) for pair in request.pairs()}
    if not by_name:
        raise UnitError("base and variant share no parameter, so there is no distance between them")
    by_layer: dict[int, list[Sums]] = defaultdict(list)
    for name, sums in by_name.items():
        layer = layer_of(name)
        if layer is not None:
            by_layer[layer].append(sums)
    rows = list(_rows(None, "", _total(by_name.values())))
    for layer in sorted(by_layer):
        rows += _rows(layer, "", _total(by_layer[layer]))
    for name in sorted(by_name):
        rows += _rows(layer_of(name), name, by_name[name])
    return rows


def _rows(layer: int | None, parameter: str, sums: Sums) -> Iterator[ProbeRow]:
    values = {
        "mean_difference": sums.difference / sums.n,
        "rounding_floor": sums.rounding / sums.n,
        "share_changed": sums.n_changed / sums.n,
    }
    if sums.square_before > 0:
        values["relative_l2"] = math.sqrt(sums.square_difference / sums.square_before)
    return (ProbeRow(layer, parameter, name, value, sums.n) for name, value in sorted(values.items()))


def _total(parts: Iterable[Sums]) -> Sums:
    """Add parts up without rounding on the way, so that their order cannot matter."""
    listed = list(parts)
    return Sums(
        n=sum(one.n for one in listed),
        difference=math.fsum(one.difference for one in listed),
        square_difference=math.fsum(one.square_difference for one in listed),
        square_before=math.fsum(one.square_before for one in listed),
        rounding=math.fsum(one.rounding for one in listed),
        n_changed=sum(one.n_changed for one in listed),
    )


def _sums_of(pair: WeightPair) -> Sums:
    import torch

    before, after = _shared_rows(pair)
    before, after = before.reshape(-1), after.reshape(-1)
    chunks = zip(torch.split(before, CHUNK), torch.split(after, CHUNK), strict=True)
    sums = _total(_chunk_sums(*chunk) for chunk in chunks)
    if not (math.isfinite(sums.difference) and math.isfinite(sums.square_before)):
        raise UnitError(f"{pair.name} holds weights that are not finite: there is no distance to them")
    return sums


def _shared_rows(pair: WeightPair) -> tuple[Tensor, Tensor]:
    """Leave out the rows that only one of both has: tokens that were added to a vocabulary."""
    before, after = pair.before.float(), pair.after.float()
    if before.dim() != after.dim() or before.shape[1:] != after.shape[1:]:
        raise UnitError(
            f"{pair.name} has shape {tuple(before.shape)} in the base and {tuple(after.shape)} in the variant: "
            "these weights do not pair"
        )
    if before.shape == after.shape:
        return before, after
    n_rows = min(len(before), len(after))
    return before[:n_rows], after[:n_rows]


def _chunk_sums(before: Tensor, after: Tensor) -> Sums:
    import torch

    difference = after - before
    wide = difference.double()
    rounding = before - before.to(torch.bfloat16).float()
    return Sums(
        n=before.numel(),
        difference=float(wide.abs().sum()),
        square_difference=float(wide.square().sum()),
        square_before=float(before.double().square().sum()),
        rounding=float(rounding.double().abs().sum()),
        n_changed=int(torch.count_nonzero(difference)),
    )


WEIGHT_DISTANCE = Probe(
    name="weight_distance",
    reference="Yang et al. 2024, arXiv 2403.09162, section 5.3",
    description="how far the weights moved from the base: mean |difference|, relative L2, bfloat16 rounding floor",
    needs="weights",
    measure=measure,
)
