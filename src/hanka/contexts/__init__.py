"""Contexts: what stands before a query. One line per entry."""

from __future__ import annotations

from hanka.contexts.contract import Context
from hanka.contexts.drawn import DRAWN, FIRST
from hanka.contexts.nearest import NEAREST
from hanka.contexts.retrieve import RETRIEVE
from hanka.registry import Registry

CONTEXTS: Registry[Context] = Registry(
    "context",
    [
        DRAWN,
        FIRST,
        NEAREST,
        RETRIEVE,
    ],
)

__all__ = ["CONTEXTS", "Context"]
