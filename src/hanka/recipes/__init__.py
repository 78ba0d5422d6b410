"""Recipes: rows made out of datasets. One line per entry."""

from __future__ import annotations

from hanka.recipes.contract import Recipe
from hanka.registry import Registry

RECIPES: Registry[Recipe] = Registry(
    "recipe",
    {
        "concat": "hanka.recipes.concat:CONCAT",
        "replay": "hanka.recipes.replay:REPLAY",
        "subset": "hanka.recipes.subset:SUBSET",
    },
)

__all__ = ["RECIPES", "Recipe"]
