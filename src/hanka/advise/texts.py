"""What can be read off texts alone: how much a reference says, and whether an answer stands in the text before it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from hanka.advise.inputs import Given, Source, measured
from hanka.metrics.tokenization import pair_scheme, rouge_tokens
from hanka.stats import LEAST_UNITS, t_interval


def words_of(text: str) -> tuple[str, ...]:
    """Cut a text into words, of scripts without spaces into characters or Japanese words."""
    return rouge_tokens(text, pair_scheme(text, text))


def bits(text: str) -> float:
    """Return the entropy of a text's words in bits: 0 for one word, 4 for sixteen that all differ. Source: Shannon (1948)."""
    counts = Counter(words_of(text))
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values()) + 0.0 if total else 0.0


def entropy(targets: Sequence[str], level: float, about: str, source: Source = "cells") -> dict[str, Given]:
    """Measure the mean entropy of references; {} without any."""
    if not targets:
        return {}
    values = [bits(text) for text in targets]
    found = t_interval(values, level) if len(values) >= LEAST_UNITS else None
    ends = None if found is None else (found.low, found.high)
    return {"reference_entropy": measured(math.fsum(values) / len(values), ends, len(values), source, about)}


def stands_in(answer: str, text: str) -> bool:
    """Tell whether the words of an answer follow each other in a text; an empty answer stands nowhere."""
    scheme = pair_scheme(answer, text)
    wanted, there = rouge_tokens(answer, scheme), rouge_tokens(text, scheme)
    n = len(wanted)
    return n > 0 and any(there[at : at + n] == wanted for at in range(len(there) - n + 1))
