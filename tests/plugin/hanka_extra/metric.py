"""Metric `balanced_accuracy`: the mean of the recalls of the labels that occur. Source: Brodersen et al. (2010), ICPR."""

from __future__ import annotations

import numpy as np

from hanka.metrics import Metric, Outputs, ScoringContext
from hanka.metrics.base import FloatArray


def _statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1 + 2c) for c labels: hit; then hit and target indicators of each label."""
    outputs.require("targets", "answers")
    labels = np.asarray(context.labels, dtype=object)
    is_target = np.asarray(outputs.targets, dtype=object)[:, None] == labels
    hits = is_target & (np.asarray(outputs.answered, dtype=object)[:, None] == labels)
    return np.hstack([hits.any(axis=1, keepdims=True), hits, is_target]).astype(np.float64)


def _aggregate(sums: FloatArray, n: FloatArray) -> FloatArray:
    hits, targets = np.split(sums[..., 1:], 2, axis=-1)
    recalls = np.divide(hits, targets, out=np.zeros_like(targets), where=targets > 0)
    return np.asarray(recalls.sum(axis=-1) / np.maximum((targets > 0).sum(axis=-1), 1))


BALANCED_ACCURACY = Metric(
    name="balanced_accuracy",
    display="Balanced accuracy",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("classification",),
    reference="Brodersen et al. 2010 (ICPR)",
    statistics=_statistics,
    aggregate=_aggregate,
    needs=("labels",),
)
