"""F1 over words: overlap of a short answer with its reference, as SQuAD has it.

Per-sample values whose mean is the cell's value. Both texts are compared in lower case, without punctuation and without the articles
a, an and the, as bags of words cut at white space; on ASCII text the numbers are those of SQuAD's script. Characters of scripts
written without spaces are words of their own. Two empty answers agree (1), one empty answer does not (0).
Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250, section 6.1; for empty answers Rajpurkar et al. (2018), arXiv 1806.03822.
Limits: one reference, where SQuAD takes the best of several; no lemmas, so "1916" and "in 1916" share half.
"""

from __future__ import annotations

import string
import unicodedata
from functools import lru_cache

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column
from hanka.metrics.rouge import f_measure, ngram_overlap
from hanka.metrics.tokenization import unspaced

ARTICLES = frozenset({"a", "an", "the"})


@lru_cache(maxsize=4096)
def answer_words(text: str) -> tuple[str, ...]:
    """Return the words of an answer as SQuAD compares them."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(char for char in lowered if not _is_punctuation(char))
    words: list[str] = []
    for word in kept.split():
        if word in ARTICLES:
            continue
        if word.isascii() or not unspaced().search(word):
            words.append(word)
        else:
            words += "".join(f" {char} " if unspaced().match(char) else char for char in word).split()
    return tuple(words)


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or (not char.isascii() and unicodedata.category(char).startswith("P"))


def token_f1_score(target: str, answer: str) -> float:
    """Return the F-measure of one pair's words, 0 to 1."""
    first, second = answer_words(target), answer_words(answer)
    if not first or not second:
        return float(first == second)
    return f_measure(ngram_overlap(first, second, 1), len(first), len(second))


def token_f1_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): the F-measure of each pair's words."""
    outputs.require("targets", "answers")
    return column([token_f1_score(*pair) for pair in zip(outputs.targets, outputs.answered, strict=True)])


TOKEN_F1 = Metric(
    name="token_f1",
    display="Token F1",
    display_ja="単語 F1",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("generation",),
    reference="Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250, section 6.1",
    statistics=token_f1_statistics,
)
