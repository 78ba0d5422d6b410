"""Recipes: rows made out of datasets, or changed one by one. One line per entry."""

from __future__ import annotations

from hanka.recipes.contract import Recipe
from hanka.registry import Registry

RECIPES: Registry[Recipe] = Registry(
    "recipe",
    {
        "concat": "hanka.recipes.concat:CONCAT",
        "counterfactual_labels": "hanka.recipes.counterfactual_labels:COUNTERFACTUAL_LABELS",
        "corner_cases": "hanka.recipes.matching.corner_cases:CORNER_CASES",
        "error_driven": "hanka.recipes.matching.error_driven:ERROR_DRIVEN",
        "error_filter": "hanka.recipes.matching.filters:ERROR_FILTER",
        "explained": "hanka.recipes.matching.explained:EXPLAINED",
        "relevance_filter": "hanka.recipes.matching.filters:RELEVANCE_FILTER",
        "edited": "hanka.recipes.edited:EDITED",
        "hypothesis_only": "hanka.recipes.fields_removed:HYPOTHESIS_ONLY",
        "levels": "hanka.recipes.levels:LEVELS",
        "mix": "hanka.recipes.mix:MIX",
        "negation": "hanka.recipes.negation:NEGATION",
        "premise_removed": "hanka.recipes.fields_removed:PREMISE_REMOVED",
        "questions": "hanka.recipes.questions:QUESTIONS",
        "replay": "hanka.recipes.replay:REPLAY",
        "subset": "hanka.recipes.subset:SUBSET",
        "synonyms": "hanka.recipes.synonyms:SYNONYMS",
        "typos": "hanka.recipes.typos:TYPOS",
        "word_order": "hanka.recipes.word_order:WORD_ORDER",
    },
)

__all__ = ["RECIPES", "Recipe"]
