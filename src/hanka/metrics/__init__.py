"""Metrics: pure functions of records, one registry entry each.

predict → **score** → store. `METRICS` lists them all; a new metric is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hanka.metrics.base import Column, Metric, Outputs, Rows, ScoringContext
from hanka.metrics.classification import ACCURACY, EXACT_MATCH, MACRO_F1
from hanka.metrics.likelihood import BITS_PER_BYTE, NATS_PER_TOKEN
from hanka.metrics.output_space import CAP_HITS, DISTINCT_SHARE, LABEL_SHARE, LENGTH_RATIO
from hanka.metrics.regression import MAE, PEARSON, SPEARMAN
from hanka.metrics.rouge import ROUGE_1, ROUGE_2, ROUGE_L
from hanka.metrics.tokenization import rouge_tokenization
from hanka.metrics.verified import REWARD, SOLVED
from hanka.records import TaskKind
from hanka.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    [
        ACCURACY,
        MACRO_F1,
        EXACT_MATCH,
        ROUGE_L,
        ROUGE_1,
        ROUGE_2,
        LABEL_SHARE,
        DISTINCT_SHARE,
        LENGTH_RATIO,
        CAP_HITS,
        REWARD,
        SOLVED,
        MAE,
        PEARSON,
        SPEARMAN,
        BITS_PER_BYTE,
        NATS_PER_TOKEN,
    ],
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

__all__ = ["DEFAULT_METRICS", "METRICS", "Column", "Metric", "Outputs", "Rows", "ScoringContext", "rouge_tokenization"]
