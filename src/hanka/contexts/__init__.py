"""Contexts: what stands before a query. One line per entry."""

from __future__ import annotations

from hanka.contexts.contract import Context
from hanka.registry import Registry

CONTEXTS: Registry[Context] = Registry(
    "context",
    {
        "drawn": "hanka.contexts.drawn:DRAWN",
        "first": "hanka.contexts.drawn:FIRST",
        "own_rows": "hanka.contexts.own_rows:OWN_ROWS",
        "nearest": "hanka.contexts.nearest:NEAREST",
        "retrieve": "hanka.contexts.retrieve:RETRIEVE",
        "open_book": "hanka.contexts.open_book:OPEN_BOOK",
    },
)

__all__ = ["CONTEXTS", "Context"]
