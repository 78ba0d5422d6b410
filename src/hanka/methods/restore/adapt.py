"""The heavy half of `restore`: the changes of a variant, the largest share of them taken out, saved as a whole model.

Which weights changed most is decided over the whole model at once; of those that changed equally, as after a few steps of an optimizer that
goes by signs, the first in the model's order, so that the share is exact. Where fewer weights changed at all than the share holds, the base
comes out. What is put back is the base's weight bit for bit; what stays is the variant's to the rounding of float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.restore.params import RestoreParams
from hanka.tuners.changes import Changes, changes_of
from hanka.tuners.task_vectors import smallest_kept

if TYPE_CHECKING:
    import torch


def adapt_restored(request: AdaptRequest) -> Adapted:
    """Write a variant with its most changed weights put back. Raises UnitError for one without weights, or with some that are no numbers."""
    from hanka.tuners import TUNERS

    params, (stack,) = request.adaptation.own, request.parents
    assert isinstance(params, RestoreParams)
    if not stack:
        raise UnitError(f"{params.of.of} has no weights of its own, so nothing can be put back")
    with changes_of(request.loaded, request.parents, [params.of.of], request.folder, request.report) as changes:
        n_changed, n_restored = _put_back(request, params, changes)
        n_weights = changes.n_weights
        TUNERS.get("none").save(request.loaded, request.folder)
    record = {
        "share": params.share,
        "n_weights": n_weights,
        "changed": n_changed / n_weights,
        "restored_of_changed": n_restored / n_changed if n_changed else 0.0,
    }
    return Adapted(tuner="none", n_trained_parameters=0, record=record)


def _put_back(request: AdaptRequest, params: RestoreParams, changes: Changes) -> tuple[int, int]:
    """Write the weights in place, `changes` gives them back; return how many had changed and how many of these are the base's again."""
    import torch

    n_back = round(params.share * changes.n_weights)
    least = smallest_kept(lambda: _sizes(params, changes), n_back) if n_back else math.inf
    n_tied = n_back - sum(int((size > least).sum()) for size in _sizes(params, changes))
    parameters, n_changed, n_restored = dict(request.loaded.model.named_parameters()), 0, 0
    for at, name in enumerate(changes.names):
        request.report(f"putting back {name}", at / len(changes.names))
        change, base = changes.of(0, name), changes.base[name]
        size = _size(params, change, base)
        ties = size == least
        if int(ties.sum()) > n_tied:
            ties &= ties.flatten().cumsum(0).view(ties.shape) <= n_tied
        n_tied -= int(ties.sum())
        is_back = (size > least) | ties
        n_changed += int(change.count_nonzero())
        n_restored += int((is_back & (change != 0)).sum())
        with torch.no_grad():
            parameters[name].copy_(base.where(is_back, (base.to(change.dtype) + change).to(base.dtype)))
    return n_changed, n_restored


def _sizes(params: RestoreParams, changes: Changes) -> Iterator[torch.Tensor]:
    """Yield the sizes of the changes of each weight that changed. Raises UnitError for what is no number."""
    for name in changes.names:
        found = _size(params, changes.of(0, name), changes.base[name])
        if not found.isfinite().all():
            raise UnitError(
                f"{name} changed by what is no finite number: nothing can be ranked; was {params.of.of} trained to the end?"
            )
        yield found


def _size(params: RestoreParams, change: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Return by how much each weight changed; of one that was zero, relatively, as much as a float32 can hold."""
    import torch

    if params.by == "absolute":
        return change.abs()
    ratio = change.abs() / base.float().abs()
    return ratio.where(base != 0, torch.finfo(torch.float32).max * (change != 0)).clamp(
        max=torch.finfo(torch.float32).max
    )
