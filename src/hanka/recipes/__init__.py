"""Recipes: rows made out of datasets. One line per entry."""

from __future__ import annotations

from hanka.recipes.concat import CONCAT
from hanka.recipes.contract import Recipe
from hanka.recipes.subset import SUBSET
from hanka.registry import Registry

RECIPES: Registry[Recipe] = Registry(
    "recipe",
    [
        CONCAT,
        SUBSET,
    ],
)

__all__ = ["RECIPES", "Recipe"]
