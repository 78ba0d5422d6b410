"""Metrics: pure functions of records, one registry entry each.

predict → **score** → store. `METRICS` lists them all; a new metric is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hanka.records import TaskKind
from hanka.registry import Registry

if TYPE_CHECKING:
    from hanka.metrics.base import Column, Metric, Outputs, Rows, ScoringContext
    from hanka.metrics.tokenization import rouge_tokenization

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "accuracy": "hanka.metrics.classification:ACCURACY",
        "macro_f1": "hanka.metrics.classification:MACRO_F1",
        "exact_match": "hanka.metrics.classification:EXACT_MATCH",
        "rouge_l": "hanka.metrics.rouge:ROUGE_L",
        "rouge_1": "hanka.metrics.rouge:ROUGE_1",
        "rouge_2": "hanka.metrics.rouge:ROUGE_2",
        "character_f1": "hanka.metrics.character_overlap:CHARACTER_F1",
        "token_f1": "hanka.metrics.token_overlap:TOKEN_F1",
        "label_share": "hanka.metrics.output_space:LABEL_SHARE",
        "distinct_share": "hanka.metrics.output_space:DISTINCT_SHARE",
        "length_ratio": "hanka.metrics.output_space:LENGTH_RATIO",
        "cap_hits": "hanka.metrics.output_space:CAP_HITS",
        "reward": "hanka.metrics.verified:REWARD",
        "solved": "hanka.metrics.verified:SOLVED",
        "mae": "hanka.metrics.regression:MAE",
        "pearson": "hanka.metrics.regression:PEARSON",
        "spearman": "hanka.metrics.regression:SPEARMAN",
        "bits_per_byte": "hanka.metrics.likelihood:BITS_PER_BYTE",
        "nats_per_token": "hanka.metrics.likelihood:NATS_PER_TOKEN",
    },
)

# The first is the primary one. Classification is scored over the tested task's own labels, so what
# describes free text has nothing to say there.
DEFAULT_METRICS: Mapping[TaskKind, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("accuracy", "macro_f1"),
        "generation": (
            "rouge_l",
            "rouge_1",
            "rouge_2",
            "exact_match",
            "label_share",
            "distinct_share",
            "length_ratio",
            "cap_hits",
        ),
        "regression": ("mae", "pearson", "spearman"),
        "likelihood": ("bits_per_byte", "nats_per_token"),
    }
)

CONTRACT = ("Column", "Metric", "Outputs", "Rows", "ScoringContext")


def __getattr__(name: str) -> Any:
    """Import the contract when it is asked for: a study is checked without it."""
    if name in CONTRACT:
        return getattr(import_module("hanka.metrics.base"), name)
    if name == "rouge_tokenization":
        return getattr(import_module("hanka.metrics.tokenization"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["DEFAULT_METRICS", "METRICS", "Column", "Metric", "Outputs", "Rows", "ScoringContext", "rouge_tokenization"]
