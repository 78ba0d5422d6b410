"""The heavy half of `magnitude_mask`: the one loop with its hook. Defined on full weights, as `spider` is."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.magnitude_mask.hook import MagnitudeHook
from hanka.methods.magnitude_mask.params import MagnitudeMaskParams
from hanka.methods.supervised.adapt import adapt_supervised


def adapt_masked(request: AdaptRequest) -> Adapted:
    """Train one variant; the hook gives the largest weights back after each step."""
    params = request.adaptation.own
    assert isinstance(params, MagnitudeMaskParams)
    return adapt_supervised(request, MagnitudeHook(params.frozen))
