"""Methods: how a base model is adapted. One line per entry."""

from __future__ import annotations

from hanka.methods.base import BASE
from hanka.methods.contract import Method
from hanka.methods.fticl import FTICL
from hanka.methods.sft import SFT
from hanka.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    [
        BASE,
        SFT,
        FTICL,
    ],
)

__all__ = ["METHODS", "Method"]
