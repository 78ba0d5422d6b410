"""F1 of one class: of the task's first label, which is the positive one (a match).

Harmonic mean of precision and recall, 2·TP / (targets + answers). An output that is no label is neither a positive answer nor a
right one: it costs recall where the target is positive and nothing where it is not, and its sample still counts for accuracy.
Per-sample values are hits. Source: van Rijsbergen (1979), "Information Retrieval", ch. 7; for entity matching Köpcke, Thor &
Rahm (2010), PVLDB 3. Limits: without a positive target and a positive answer it is 0; it depends on how common positives are.
"""

from __future__ import annotations

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext


def positive_f1_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 4): hit, true positive, positive target, positive answer. Raises ValueError without labels."""
    import numpy as np

    outputs.require("targets", "answers")
    if not context.labels:
        raise ValueError("positive_f1 needs the labels of the tested task in the context")
    targets, answers = np.asarray(outputs.targets, dtype=object), np.asarray(outputs.answered, dtype=object)
    hit = (targets == answers) & (answers != "")
    positive, said = targets == context.labels[0], answers == context.labels[0]
    return np.column_stack([hit, positive & said, positive, said]).astype(np.float64)


def positive_f1(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Return 2·TP / (positive targets + positive answers); 0 where there are none. sums: (..., 4)."""
    import numpy as np

    occurring = sums[..., 2] + sums[..., 3]
    return np.divide(2 * sums[..., 1], occurring, out=np.zeros_like(occurring), where=occurring > 0)


def positive_targets(sums: FloatArray) -> float:
    """Return how many targets are positive; sums: (4,)."""
    return float(sums[2])


POSITIVE_F1 = Metric(
    name="positive_f1",
    display="F1 of the positive class",
    display_ja="正例の F1",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("classification",),
    reference="van Rijsbergen (1979); Köpcke, Thor & Rahm (2010), PVLDB 3",
    statistics=positive_f1_statistics,
    aggregate=positive_f1,
    needs=("labels",),
    support=positive_targets,
)
