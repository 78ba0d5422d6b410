"""How many leading directions of the tuned matrices resemble none of the base's? Intruder dimensions, beside what a random change gives.

Shuttleworth et al. (2024), arXiv 2410.21228, algorithm 1, on merged weights, so that tuners of every kind compare; over all matrices
of the layers that changed at all (`tuners.intruders`). The null is a dense random change of each matrix's own Frobenius norm, several
times: directions that turn freely (small models, equal singular values, tall matrices) count there, too.

Measures, over the whole model, per layer and per changed matrix:
  intruders         of the first k left singular vectors, those whose largest |cosine| with any of the base is below epsilon
  null_intruders    the same of the random changes, mean over the draws
  excess            the one less the other
  relative_change   norm of the change over norm of the base (Frobenius); left out where the base is 0
  matrices_changed  over the whole model and per layer
An unchanged model has 0 everywhere. n: matrices of the layers, and for one matrix the directions that were looked at.

Memory: one matrix at a time: m x n float32 thrice, its singular vectors, and what LAPACK works in (4096 x 11008: docs/systems/intruders.md).
The base's vectors are kept for the next variant, `tuners.intruders.KEPT_BYTES` of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from hanka.errors import UnitError
from hanka.models.names import layer_of
from hanka.probes.contract import Probe, ProbeParams, ProbeRequest, ProbeRow, WeightPair

if TYPE_CHECKING:
    from torch import Tensor


class IntrudersParams(ProbeParams):
    """Which directions are looked at, and what they must resemble."""

    k: int = Field(default=10, ge=1)
    "Leading directions of every tuned matrix that are looked at."
    epsilon: float = Field(default=0.5, gt=0, le=1)
    "A direction whose largest |cosine| with any of the base's is below this is an intruder."
    draws: int = Field(default=2, ge=1)
    "Random changes of equal norm for every matrix."
    seed: int = Field(default=0, ge=0)
    "Of the random changes."


class Counted(NamedTuple):
    """What one changed matrix shows."""

    intruders: int
    null: float
    "Mean over the draws."
    square_change: float
    "Frobenius norm of the change, squared."
    square_before: float
    "The same of the base."
    n: int
    "Directions that were looked at."


def measure(request: ProbeRequest) -> list[ProbeRow]:
    """Count the intruders of all matrices of the layers; see the module. Raises UnitError for weights that do not pair."""
    params = request.params
    assert isinstance(params, IntrudersParams)
    found: dict[str, Counted] = {}
    n_matrices: dict[int, int] = defaultdict(int)
    for pair in request.pairs():
        for name, before, after in _matrices(pair):
            n_matrices[layer_of(name) or 0] += 1
            counted = _count(params, name, before, after)
            if counted is not None:
                found[name] = counted
    if not n_matrices:
        raise UnitError(
            "base and variant share no matrix inside a layer, so there is none whose directions could be compared"
        )
    rows = list(_rows(None, "", list(found.values()), sum(n_matrices.values())))
    for layer in sorted(n_matrices):
        of_layer = [one for name, one in found.items() if layer_of(name) == layer]
        rows += _rows(layer, "", of_layer, n_matrices[layer])
    for name in sorted(found):
        rows += _rows(layer_of(name), name, [found[name]], found[name].n)
    return rows


def _matrices(pair: WeightPair) -> Iterator[tuple[str, Tensor, Tensor]]:
    from hanka.tuners.intruders import matrices

    if layer_of(pair.name) is None:
        return  # an embedding may have grown
    if pair.before.shape != pair.after.shape:
        raise UnitError(
            f"{pair.name} has shape {tuple(pair.before.shape)} in the base and {tuple(pair.after.shape)} in the variant: "
            "these weights do not pair"
        )
    both = zip(matrices(pair.name, pair.before), matrices(pair.name, pair.after), strict=True)
    yield from ((name, before, after) for (name, before), (_, after) in both)


def _count(params: IntrudersParams, name: str, before: Tensor, after: Tensor) -> Counted | None:
    """Count one matrix; None where it did not change."""
    from hanka.tuners.intruders import KEPT, leading, places, random_change

    before, after = before.to("cpu"), after.to("cpu")
    norm = float((after - before).double().norm())
    if norm == 0:
        return None
    left = leading(after, params.k, name).left
    base = KEPT.basis(before, name)
    null = 0
    for draw in range(params.draws):
        random = before + random_change(before, norm, params.seed, name, draw)
        null += len(places(base, leading(random, params.k, name).left, params.epsilon))
    return Counted(
        len(places(base, left, params.epsilon)), null / params.draws, norm**2, float(before.double().norm()) ** 2, left.shape[1]
    )  # fmt: skip


def _rows(layer: int | None, parameter: str, counted: Sequence[Counted], n: int) -> Iterator[ProbeRow]:
    intruders, null = sum(one.intruders for one in counted), math.fsum(one.null for one in counted)
    values = {"intruders": float(intruders), "null_intruders": null, "excess": intruders - null}
    square = math.fsum(one.square_before for one in counted)
    if square > 0 or not counted:
        values["relative_change"] = (
            math.sqrt(math.fsum(one.square_change for one in counted) / square) if counted else 0.0
        )
    if not parameter:
        values["matrices_changed"] = float(len(counted))
    return (ProbeRow(layer, parameter, name, value, n) for name, value in sorted(values.items()))


INTRUDERS = Probe(
    name="intruders",
    reference="Shuttleworth et al. 2024, arXiv 2410.21228, algorithm 1",
    description="leading directions of tuned matrices that resemble none of the base's, beside those of random changes of equal norm",
    needs="weights",
    measure=measure,
    params=IntrudersParams,
)
