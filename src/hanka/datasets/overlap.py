"""Which examples of one list are also in another: exact and near matches, for the leakage audits.

Exact: equal after NFKC, case folding and white space. Near: Jaccard index of word 5-grams at least 0.8;
candidates come from prefix filtering, which misses nothing, and every candidate is verified. Chinese,
Japanese and Korean characters count as words. Limits: a short text counts as near only when hardly a word
differs; shuffled sentences are not found.
Source: Bayardo, Ma & Srikant (2007), "Scaling Up All Pairs Similarity Search", WWW.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hanka.records import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Shingles: TypeAlias = NDArray[np.uint64]

N_WORDS = 5
THRESHOLD = 0.8
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Multipliers of SplitMix64 (Steele et al. 2014) and of Knuth's linear congruential generator.
MIX, STEP = 0xBF58476D1CE4E5B9, 6364136223846793005


class Match(NamedTuple):
    """Two examples that are the same text."""

    first: str
    "Example id in the first list."
    second: str
    "Example id in the second list."


class NearMatch(NamedTuple):
    """Two examples that are nearly the same text."""

    first: str
    "Example id in the first list."
    second: str
    "Example id in the second list."
    similarity: float
    "Jaccard index of their word 5-grams."


def normalised_text(example: Example, *, target: bool = False) -> str:
    """Return what is compared: the input fields in order, with the target if asked, case and spaces folded."""
    values = [*example.fields.values(), *([example.target] if target else [])]
    return "\n".join(map(normalised, values))


def normalised(text: str) -> str:
    """Return a text with width, case and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> list[str]:
    """Cut a text into its words; a character of Chinese, Japanese or Korean is one."""
    return _word().findall(text)


@cache
def _word() -> re.Pattern[str]:
    """Compile what a word is; only where texts are compared, for it takes milliseconds."""
    return re.compile(rf"[{CJK}]|[^\W{CJK}]+")


def exact_overlap(first: Sequence[Example], second: Sequence[Example], *, target: bool = False) -> list[Match]:
    """Return all pairs with equal inputs (and, if asked, equal targets), in the order of the lists."""
    places: dict[str, list[str]] = defaultdict(list)
    for example in second:
        places[normalised_text(example, target=target)].append(example.id)
    return [
        Match(example.id, other)
        for example in first
        for other in places.get(normalised_text(example, target=target), ())
    ]


def near_overlap(
    first: Sequence[Example], second: Sequence[Example], *, target: bool = False, threshold: float = THRESHOLD
) -> list[NearMatch]:
    """Return all pairs whose inputs overlap by at least `threshold`, exact matches among them.

    threshold: above 0, at most 1. Raises ValueError outside.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    vocabulary: dict[str, int] = {}
    ones = [_shingles(normalised_text(example, target=target), vocabulary) for example in first]
    others = [_shingles(normalised_text(example, target=target), vocabulary) for example in second]
    return [
        NearMatch(first[one].id, second[other].id, similarity)
        for one, other, similarity in _similar(ones, others, threshold)
    ]


def duplicates_within(examples: Sequence[Example], *, target: bool = False) -> list[Match]:
    """Return every repeated example beside the first one that is equal to it."""
    seen: dict[str, str] = {}
    repeats = []
    for example in examples:
        earlier = seen.setdefault(normalised_text(example, target=target), example.id)
        if earlier != example.id:
            repeats.append(Match(earlier, example.id))
    return repeats


def near_duplicates_within(
    examples: Sequence[Example], *, target: bool = False, threshold: float = THRESHOLD
) -> list[NearMatch]:
    """Return every pair of different examples that overlap by at least `threshold`, earlier one first."""
    place = {example.id: position for position, example in enumerate(examples)}
    pairs = near_overlap(examples, examples, target=target, threshold=threshold)
    return [pair for pair in pairs if place[pair.first] < place[pair.second]]


def _shingles(text: str, vocabulary: dict[str, int]) -> Shingles:
    """Return the sorted 64-bit hashes of the text's word 5-grams; a shorter text is one shingle."""
    import numpy as np

    words = words_of(text) or [text]
    numbers = np.array([vocabulary.setdefault(word, len(vocabulary) + 1) for word in words], dtype=np.uint64)
    numbers *= np.uint64(MIX)
    numbers ^= numbers >> np.uint64(31)
    width = min(N_WORDS, len(numbers))
    count = len(numbers) - width + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(width):
        hashes = hashes * np.uint64(STEP) + numbers[offset : offset + count]
    return np.unique(hashes)


def _similar(ones: Sequence[Shingles], others: Sequence[Shingles], threshold: float) -> list[tuple[int, int, float]]:
    """Find all pairs with Jaccard ≥ threshold: they share a shingle among their rarest ones."""
    import numpy as np

    if not ones or not others:
        return []
    known, counts = np.unique(np.concatenate([*ones, *others]), return_counts=True)

    def rarest(shingles: Shingles) -> list[int]:
        frequency = counts[np.searchsorted(known, shingles)]
        order = np.lexsort((shingles, frequency))
        length = len(shingles) - math.ceil(threshold * len(shingles) - 1e-9) + 1
        rare: list[int] = shingles[order[:length]].tolist()
        return rare

    index: dict[int, list[int]] = defaultdict(list)
    for other, shingles in enumerate(others):
        for shingle in rarest(shingles):
            index[shingle].append(other)
    found = []
    for one, shingles in enumerate(ones):
        candidates = {other for shingle in rarest(shingles) for other in index.get(shingle, ())}
        for other in sorted(candidates):
            smaller, larger = sorted((len(shingles), len(others[other])))
            if smaller < threshold * larger:
                continue
            shared = len(np.intersect1d(shingles, others[other], assume_unique=True))
            similarity = shared / (smaller + larger - shared)
            if similarity >= threshold:
                found.append((one, other, similarity))
    return found
