"""The heavy half of `fticl`."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.supervised import adapt_supervised


def adapt(request: AdaptRequest) -> Adapted:
    """Make an `fticl` variant: `shots` demonstrations before every example."""
    return adapt_supervised(request)
