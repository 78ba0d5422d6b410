"""The heavy half of `sft`."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.supervised import adapt_supervised


def adapt(request: AdaptRequest) -> Adapted:
    """Make an `sft` variant: no demonstrations before the examples."""
    return adapt_supervised(request)
