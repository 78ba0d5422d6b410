"""Accuracy, macro-F1 and exact match.

Per-sample values are hits, 1 or 0. Accuracy and exact match are their means; macro-F1 is computed from
class counts. An unparsed output arrives here as the empty answer and is wrong (base.py says why). A
target outside the label list (an annotation defect) can never be hit and stays in the denominator.

Source: Sokolova & Lapalme (2009), "A systematic analysis of performance measures for classification
tasks"; exact match as in Rajpurkar et al. (2016), SQuAD. Limits: exact match keeps articles and
punctuation, unlike SQuAD's English-only normalisation, so that it means the same in every language.
"""

from __future__ import annotations

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column
from hanka.metrics.tokenization import normalised


def accuracy_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1.0 where the answer is the target, letter for letter; the empty answer is never right."""
    outputs.require("targets", "answers")
    pairs = zip(outputs.targets, outputs.answered, strict=True)
    return column([float(answer != "" and answer == target) for target, answer in pairs])


def exact_match_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1.0 where both texts are equal after NFKC, case folding and white-space collapse.

    The empty answer is never right, even against an empty target.
    """
    outputs.require("targets", "answers")
    texts = zip(outputs.targets, outputs.answered, strict=True)
    pairs = ((normalised(target), normalised(answer)) for target, answer in texts)
    return column([float(answer != "" and answer == target) for target, answer in pairs])


def macro_f1_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1 + 3c) for c labels: hit; then hit, target and answer indicators of each label.

    Raises ValueError when the context has no labels.
    """
    import numpy as np

    outputs.require("targets", "answers")
    if not context.labels:
        raise ValueError("macro_f1 needs the labels of the tested task in the context")
    labels = np.asarray(context.labels, dtype=object)
    is_target = np.asarray(outputs.targets, dtype=object)[:, None] == labels
    is_answer = np.asarray(outputs.answered, dtype=object)[:, None] == labels
    hits = is_target & is_answer
    return np.hstack([hits.any(axis=1, keepdims=True), hits, is_target, is_answer]).astype(np.float64)


def macro_f1(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Average the F1 of the labels that occur in targets or answers; 0 where none occurs.

    sums: (..., 1 + 3c). A label that never occurs is left out of the average, as in scikit-learn's
    f1_score(average="macro", zero_division=0) with `labels` left open; so in a resample.
    """
    import numpy as np

    hits, n_targets, n_answers = np.split(sums[..., 1:], 3, axis=-1)
    occurring = n_targets + n_answers
    f1 = np.divide(2 * hits, occurring, out=np.zeros_like(occurring), where=occurring > 0)
    return np.asarray(f1.sum(axis=-1) / np.maximum((occurring > 0).sum(axis=-1), 1))


def rarest_class(sums: FloatArray) -> float:
    """Return how many targets the rarest label has; sums: (1 + 3c,)."""
    n_labels = (len(sums) - 1) // 3
    return float(sums[1 + n_labels : 1 + 2 * n_labels].min())


ACCURACY = Metric(
    name="accuracy",
    display="Accuracy",
    display_ja="正解率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("classification",),
    reference="Sokolova & Lapalme (2009)",
    statistics=accuracy_statistics,
    binary=True,
)
MACRO_F1 = Metric(
    name="macro_f1",
    display="Macro F1",
    display_ja="マクロ F1",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("classification",),
    reference="Sokolova & Lapalme (2009)",
    statistics=macro_f1_statistics,
    aggregate=macro_f1,
    needs=("labels",),
    support=rarest_class,
)
EXACT_MATCH = Metric(
    name="exact_match",
    display="Exact match",
    display_ja="完全一致率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("classification", "generation"),
    reference="Rajpurkar et al. (2016), SQuAD; normalisation: NFKC, case folding, white space",
    statistics=exact_match_statistics,
    binary=True,
)
