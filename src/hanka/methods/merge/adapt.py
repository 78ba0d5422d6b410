"""The heavy half of `merge`: changes of the parents, merged tensor by tensor, put onto the base and saved as a whole model.

An adapter's change is that of the weights it is merged into, so a mean of adapters is a mean of their products B A, never
of their factors; a parent with stages below it counts from the base, all stages together. Merging rounds as float32 does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.identity import stream
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.merge.params import MergeParams
from hanka.tuners.changes import Changes, changes_of
from hanka.tuners.task_vectors import Rule, Tally, dropped, merged, smallest_kept, trimmed

if TYPE_CHECKING:
    import torch


def adapt_merged(request: AdaptRequest) -> Adapted:
    """Write the base with the merged change of all parents on it. Raises UnitError for a parent that cannot be merged."""
    from hanka.tuners import TUNERS

    params = request.adaptation.own
    assert isinstance(params, MergeParams)
    labels = [one.of for one in params.of]
    with changes_of(request.loaded, request.parents, labels, request.folder, request.report) as changes:
        tally = _put_merged(request, params, changes)
        TUNERS.get("none").save(request.loaded, request.folder)
    record = {"how": params.how, "kept": tally.kept, "conflicts": tally.conflicts}
    return Adapted(tuner="none", n_trained_parameters=0, record=record)


def _put_merged(request: AdaptRequest, params: MergeParams, changes: Changes) -> Tally:
    """Add the merged change to the base's weights, in place; `changes` gives them back."""
    import torch

    rule = Rule(params.how, params.weights or (1.0,) * len(params.of), params.scale or 1.0, params.majority == "count")
    tally = Tally(len(params.of), changes.n_weights)
    least = _least(params, changes)
    parameters = dict(request.loaded.model.named_parameters())
    for at, name in enumerate(changes.names):
        request.report(f"merging {name}", at / len(changes.names))
        vectors = [_kept(request, params, changes, place, name, least) for place in range(len(params.of))]
        found = merged(vectors, rule)
        tally.count(vectors)
        with torch.no_grad():
            value = parameters[name]
            value.copy_((changes.base[name].to(found.dtype) + found).to(value.dtype))
    return tally


def _least(params: MergeParams, changes: Changes) -> list[float]:
    """Return the smallest size of each parent's change that is kept where the whole model is trimmed; else nothing."""
    if params.trim != "model":
        return []
    assert params.density is not None
    n_kept = max(1, round(params.density * changes.n_weights))
    return [smallest_kept(lambda at=at: changes.sizes(at), n_kept) for at in range(len(params.of))]  # type: ignore[misc]


def _kept(
    request: AdaptRequest, params: MergeParams, changes: Changes, place: int, name: str, least: list[float]
) -> torch.Tensor:
    """Return what is kept of a parent's change of one weight."""
    change = changes.of(place, name)
    if params.how in ("mean", "task_arithmetic"):
        return change
    assert params.density is not None
    if params.how == "ties":
        n_kept = max(1, round(params.density * change.numel()))
        return trimmed(change, least[place] if least else smallest_kept(lambda: iter([change.abs()]), n_kept))
    rng = stream(request.seed, "dare", params.draw or 0, place, name)
    return dropped(change, params.density, rng)
