"""The heavy half of `interpolate`."""

from __future__ import annotations

from hanka.errors import UnitError
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.interpolate.params import InterpolateParams
from hanka.tuners.interpolation import interpolate


def adapt_between(request: AdaptRequest) -> Adapted:
    """Write the variant between what its parent was made on, which is lent, and its parent.

    Raises UnitError where the parent has no weights of its own.
    """
    params, (stack,) = request.adaptation.own, request.parents
    assert isinstance(params, InterpolateParams)
    if not stack:
        raise UnitError(f"{params.of.of} has no weights of its own, so there is nothing between it and its base")
    request.report(f"weights at {params.weight:g} between the two", 0.0)
    tuner = interpolate(request.loaded, stack[-1], params.weight, request.folder)
    return Adapted(tuner=tuner, n_trained_parameters=0, record={"weight": params.weight})
