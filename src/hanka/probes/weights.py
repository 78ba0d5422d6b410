"""Two sets of parameters → the pairs that a probe walks: shared names, float32, what is tied once.

Between a worker, which has the base's tensors and the variant's merged ones, and the probes that need weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hanka.probes.contract import WeightPair

if TYPE_CHECKING:
    from torch import Tensor


def paired_weights(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Iterator[WeightPair]:
    """Yield the parameters that both have, in the order of the base's names, one at a time in float32.

    before, after: name → tensor, adapters merged and names as the base has them. Names that share memory on both
    sides are one tensor and come once; tied before and apart after they are two, for both could move.
    """
    seen: set[tuple[object, ...]] = set()
    for name, tensor in before.items():
        if name not in after:
            continue
        known = (*_memory(tensor), *_memory(after[name]))
        if known not in seen:
            seen.add(known)
            yield WeightPair(name, tensor.detach().float(), after[name].detach().float())


def _memory(tensor: Tensor) -> tuple[object, ...]:
    return str(tensor.device), tensor.data_ptr(), tuple(tensor.shape), tensor.stride()
