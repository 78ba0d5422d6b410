"""The heavy half of `spider`: the one loop with its hook. Defined on full weights: a fresh adapter's factors have no size to rank."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.spider.hook import SpiderHook
from hanka.methods.supervised.adapt import adapt_supervised


def adapt_spider(request: AdaptRequest) -> Adapted:
    """Train one variant; the hook looks at the weights before the first step and after each."""
    return adapt_supervised(request, SpiderHook())
