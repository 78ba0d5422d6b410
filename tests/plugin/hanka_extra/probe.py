"""Probe `spectral_change`: the largest singular value of every matrix's change; of a layer and of the model, the largest.

Definition: Golub & Van Loan (2013), section 2.3.1. Computed from the smaller of both Gram matrices in float64, so the
relative error is about the square root of its rounding. A variant that equals its base has exactly 0 everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.models.names import layer_of
from hanka.probes import Probe, ProbeRequest, ProbeRow

if TYPE_CHECKING:
    from torch import Tensor


def _largest(change: Tensor) -> float:
    import torch

    wide = change.double() if change.shape[0] <= change.shape[1] else change.double().T
    return float(torch.linalg.eigvalsh(wide @ wide.T)[-1].clamp_min(0).sqrt())


def _measure(request: ProbeRequest) -> list[ProbeRow]:
    rows: list[ProbeRow] = []
    for pair in request.pairs():
        if pair.before.dim() == 2 and pair.before.shape == pair.after.shape:
            value = _largest(pair.after - pair.before)
            rows.append(ProbeRow(layer_of(pair.name), pair.name, "spectral_norm", value, pair.before.numel()))
    if not rows:
        raise UnitError("base and variant share no matrix, so there is no change to measure")
    layers: dict[int | None, list[ProbeRow]] = {None: rows}
    for row in rows:
        if row.layer is not None:
            layers.setdefault(row.layer, []).append(row)
    whole = [
        ProbeRow(layer, "", "spectral_norm", max(one.value for one in found), sum(one.n for one in found))
        for layer, found in layers.items()
    ]
    return [*whole, *rows]


SPECTRAL_CHANGE = Probe(
    name="spectral_change",
    reference="Golub & Van Loan 2013, sec. 2.3.1",
    description="largest singular value of the weights' change",
    needs="weights",
    measure=_measure,
    version=1,
)
