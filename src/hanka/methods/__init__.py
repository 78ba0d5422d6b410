"""Methods: how a base model is adapted. One line per entry."""

from __future__ import annotations

from hanka.methods.classifier import CLASSIFIER
from hanka.methods.contract import Method
from hanka.methods.interpolate import INTERPOLATE
from hanka.methods.proxy import PROXY
from hanka.methods.spider import SPIDER
from hanka.methods.supervised import FTICL, SFT
from hanka.methods.unadapted import BASE
from hanka.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    [
        BASE,
        SFT,
        FTICL,
        SPIDER,
        INTERPOLATE,
        PROXY,
        CLASSIFIER,
    ],
)

__all__ = ["METHODS", "Method"]
