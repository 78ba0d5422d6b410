"""F1 over characters: overlap of a short answer with its reference in a script without spaces.

Per-sample values whose mean is the cell's value. Both texts are compared after NFKC and case folding, without white
space, as bags of characters: their order does not count, so read it beside exact match.
Source: Kurihara et al. (2022), "JGLUE: Japanese General Language Understanding Evaluation", LREC, which scores JSQuAD
so; the F1 of words in Rajpurkar et al. (2016), SQuAD. Limits: one reference; long answers share characters by chance.
"""

from __future__ import annotations

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column
from hanka.metrics.rouge import f_measure, ngram_overlap
from hanka.metrics.tokenization import normalised


def character_f1_score(target: str, answer: str) -> float:
    """Return the F-measure of one pair's characters, 0 to 1; 0 where either has none."""
    first, second = (normalised(text).replace(" ", "") for text in (target, answer))
    return f_measure(ngram_overlap(first, second, 1), len(first), len(second))


def character_f1_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): the F-measure of each pair's characters."""
    outputs.require("targets", "answers")
    return column([character_f1_score(*pair) for pair in zip(outputs.targets, outputs.answered, strict=True)])


CHARACTER_F1 = Metric(
    name="character_f1",
    display="Character F1",
    display_ja="文字 F1",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("generation",),
    reference="Kurihara et al. (2022), JGLUE; normalisation: NFKC, case folding, no white space",
    statistics=character_f1_statistics,
)
