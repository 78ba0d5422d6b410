"""ROUGE-1, ROUGE-2 and ROUGE-L: overlap of an answer with one reference text, as F-measure.

Per-sample values whose mean is the cell's value. On ASCII text the numbers are those of `rouge-score`
0.1.2 without stemming, bit for bit; other scripts work as tokenization.py describes. ROUGE-L is over
the whole text (not the sentence-wise Lsum).

Source: Lin (2004), "ROUGE: a package for automatic evaluation of summaries". Limits: ROUGE rewards
copying; read it beside the trivial baselines of baselines.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, Statistics, column
from hanka.metrics.tokenization import pair_scheme, rouge_tokens

REFERENCE = "Lin (2004), ROUGE: a package for automatic evaluation of summaries"


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two token sequences.

    One row of the table is one integer, a bit per token of `first`: O(len(second)) big-integer steps.
    Source: Hyyrö (2004), "Bit-parallel LCS-length computation revisited".
    """
    places: dict[str, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for token in second:
        hits = row & places.get(token, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(first) - row.bit_count()


def ngram_overlap(first: Sequence[str], second: Sequence[str], size: int) -> int:
    """Return how many n-grams of `size` tokens the two sequences share, counted with multiplicity."""
    left: dict[object, int] = Counter(_ngrams(first, size))
    overlap = 0
    for ngram in _ngrams(second, size):
        count = left.get(ngram, 0)
        if count:
            left[ngram] = count - 1
            overlap += 1
    return overlap


def _ngrams(tokens: Sequence[str], size: int) -> Iterable[object]:
    return tokens if size == 1 else zip(*(tokens[i:] for i in range(size)), strict=False)


def f_measure(overlap: int, n_target: int, n_answer: int) -> float:
    """Return the harmonic mean of overlap/n_answer and overlap/n_target; 0 where nothing overlaps."""
    if not overlap:
        return 0.0
    precision, recall = overlap / n_answer, overlap / n_target
    return 2 * precision * recall / (precision + recall)


def rouge_n_score(target: str, answer: str, size: int) -> float:
    """Return the ROUGE-N F-measure of one pair, 0 to 1."""
    scheme = pair_scheme(target, answer)
    first, second = rouge_tokens(target, scheme), rouge_tokens(answer, scheme)
    return f_measure(ngram_overlap(first, second, size), len(first) - size + 1, len(second) - size + 1)


def rouge_l_score(target: str, answer: str) -> float:
    """Return the ROUGE-L F-measure of one pair, 0 to 1."""
    scheme = pair_scheme(target, answer)
    first, second = rouge_tokens(target, scheme), rouge_tokens(answer, scheme)
    return f_measure(lcs_length(first, second), len(first), len(second))


def _statistics(score: Callable[[str, str], float]) -> Statistics:
    """Turn a score of one pair into the statistics of a mean metric."""

    def statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
        outputs.require("targets", "answers")
        return column([score(*pair) for pair in zip(outputs.targets, outputs.answered, strict=True)])

    return statistics


def _metric(name: str, display: str, score: Callable[[str, str], float]) -> Metric:
    return Metric(
        name=name,
        display=display,
        version="1",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        kinds=("generation",),
        reference=REFERENCE,
        statistics=_statistics(score),
    )


ROUGE_1 = _metric("rouge_1", "ROUGE-1", lambda target, answer: rouge_n_score(target, answer, 1))
ROUGE_2 = _metric("rouge_2", "ROUGE-2", lambda target, answer: rouge_n_score(target, answer, 2))
ROUGE_L = _metric("rouge_l", "ROUGE-L", rouge_l_score)
