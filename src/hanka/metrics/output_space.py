"""What kind of text a variant puts out, right or wrong: the signs of output-space specialisation.

A model trained on a classification task may answer every prompt with a label word; these descriptive
metrics show it. They read the raw text of unparsed outputs and have no good end.

Source: Yang et al. (2024), "Unveiling the generalization power of fine-tuned large language models"
(generation tests of classification-trained models); distinct share after Li et al. (2016),
distinct-n, with whole outputs as units. Limits: `distinct_share` depends on n; compare it at equal n.
"""

from __future__ import annotations

from collections import Counter

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column
from hanka.metrics.tokenization import is_unspaced, normalised, rouge_tokens

CLOSING = " .,;:!?\"'`*)]}\u3001\u3002\u300d\u300f"  # after NFKC, so full-width ! and ? are among them


def label_share_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1.0 where the whole output is a label of the variant's training task.

    Compared after NFKC, case folding and white-space collapse, and without closing punctuation:
    "Positive." and " positive\\n" are labels; "positive review" and "it is positive" are not, for a
    sentence that begins with a label is still a sentence. Raises ValueError without training labels.
    """
    outputs.require("answers", "texts")
    if not context.training_labels:
        raise ValueError("label_share needs the labels of the training task in the context")
    labels = {normalised(label) for label in context.training_labels}
    texts = [normalised(text) for text in outputs.described]
    return column([float(text in labels or text.rstrip(CLOSING) in labels) for text in texts])


def distinct_share_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1 / how often this output occurs, so that the sum counts the distinct outputs.

    Outputs are equal after NFKC, case folding and white-space collapse. In a resample the counts are
    those of the observed outputs: a resample repeats samples by construction, so recounting it would
    understate diversity; holding the counts fixed keeps the interval around the observed share.
    """
    outputs.require("answers", "texts")
    texts = [normalised(text) for text in outputs.described]
    counts = Counter(texts)
    return column([1 / counts[text] for text in texts])


def length_ratio_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): length of the output / length of the reference.

    Counted in words; in characters without white space if either text has a script without spaces. A
    reference of length 0 counts as 1.
    """
    outputs.require("targets", "answers", "texts")
    return column([_length_ratio(*pair) for pair in zip(outputs.targets, outputs.described, strict=True)])


def _length_ratio(target: str, answer: str) -> float:
    if is_unspaced(target) or is_unspaced(answer):
        n_answer, n_target = (len("".join(text.split())) for text in (answer, target))
    else:
        n_answer, n_target = (len(rouge_tokens(text)) for text in (answer, target))
    return n_answer / max(n_target, 1)


def cap_hits_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1.0 where generation ended at the cap and not by an end of text or a stop.

    Raises ValueError without the cap.
    """
    cap = context.max_new_tokens
    if not cap:
        raise ValueError("cap_hits needs the generation cap in the context")
    outputs.require("n_tokens")
    return column([float(n_tokens >= cap) for n_tokens in outputs.n_tokens])


YANG = "Yang et al. (2024), Unveiling the generalization power of fine-tuned large language models"

LABEL_SHARE = Metric(
    name="label_share",
    display="Label share",
    display_ja="ラベル出力率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=None,
    kinds=("generation",),
    reference=YANG,
    statistics=label_share_statistics,
    binary=True,
    needs=("training_labels",),
    reads=("answers", "texts"),
)
DISTINCT_SHARE = Metric(
    name="distinct_share",
    display="Distinct outputs",
    display_ja="異なり出力率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=None,
    kinds=("generation",),
    reference="after Li et al. (2016), A diversity-promoting objective function (distinct-n), whole outputs",
    statistics=distinct_share_statistics,
    reads=("answers", "texts"),
)
LENGTH_RATIO = Metric(
    name="length_ratio",
    display="Length ratio",
    display_ja="長さの比",
    version="1",
    low=0.0,
    high=float("inf"),
    higher_is_better=None,
    kinds=("generation",),
    reference="length of the output / length of the reference, mean over samples",
    statistics=length_ratio_statistics,
    reads=("targets", "answers", "texts"),
)
CAP_HITS = Metric(
    name="cap_hits",
    display="Reached the cap",
    display_ja="上限到達率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=None,
    kinds=("generation",),
    reference="share of outputs that reached max_new_tokens",
    statistics=cap_hits_statistics,
    binary=True,
    needs=("max_new_tokens",),
    reads=("n_tokens",),
)
