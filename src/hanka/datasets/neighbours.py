"""Texts that differ in one place by one noun: near-duplicates too short for word 5-grams (`overlap`).

Two texts are neighbours where one becomes the other by putting a noun in the place of another, in or out. Which words are
nouns is not known: a run of up to two words counts as one, or, in Chinese, Japanese and Korean, of up to four characters. A
candidate shares what is before and behind the gap; every candidate is compared. Limits: texts that share fewer than MIN_SHARED
words, or three for each that differs, say too little, and in texts of MOST_WORDS or more a noun leaves four of five 5-grams as they
are, so `overlap.near_overlap` finds them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from hanka.datasets.overlap import CJK, Match, normalised_text, words_of
from hanka.records import Example

MIN_SHARED = 5
"Words (in Chinese, Japanese and Korean: characters, twice as many) that two neighbours share at least."
MOST_WORDS = 80
LONGEST_NOUN = 2
"Words of a noun at most."
LONGEST_RUN = 4
"Characters of one where words are not written apart."


def one_noun_apart(first: Sequence[Example], second: Sequence[Example]) -> list[Match]:
    """Return all pairs whose inputs differ by one noun, in the order of the lists; equal inputs are none."""
    ones, others = ([words_of(normalised_text(example)) for example in rows] for rows in (first, second))
    if len(ones) > len(others):  # what is looked up in is the shorter list: it takes memory
        pairs = [(one, other) for other, one in _candidates(others, ones)]
    else:
        pairs = _candidates(ones, others)
    return [
        Match(first[one].id, second[other].id)
        for one, other in sorted(pairs)
        if _are_neighbours(ones[one], others[other])
    ]


@cache
def _unspaced() -> re.Pattern[str]:
    """Compile what is written without spaces; only where texts are compared, for it takes milliseconds."""
    return re.compile(f"[{CJK}]")


def _candidates(few: Sequence[Sequence[str]], many: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return the pairs of places that share a key."""
    index: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, words in enumerate(few):
        for key in set(_gaps(words)):
            index[key].append(at)
    return [
        (one, other)
        for other, words in enumerate(many)
        for one in {at for key in _gaps(words) for at in index.get(key, ())}
    ]


def _gaps(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return a key for every run that could be a noun: what is before it and behind it."""
    if not MIN_SHARED <= len(words) < MOST_WORDS:
        return []
    before, behind = [0], [0]
    for word in words:
        before.append(hash((before[-1], word)))
    for word in reversed(words):
        behind.append(hash((behind[-1], word)))
    behind.reverse()
    keys = []
    for start in range(len(words) + 1):
        keys.append((before[start], behind[start]))
        for stop in range(start + 1, min(start + _longest_run(words, start), len(words)) + 1):
            keys.append((before[start], behind[stop]))
    return keys


def _longest_run(words: Sequence[str], start: int) -> int:
    """Return how many words or characters may be one noun from here on."""
    run = 0
    while run < LONGEST_RUN and start + run < len(words) and _unspaced().match(words[start + run]):
        run += 1
    return max(LONGEST_NOUN, run)


def _are_neighbours(one: Sequence[str], other: Sequence[str]) -> bool:
    """Compare two texts: what is left between their common beginning and end is at most one noun each."""
    if one == other:
        return False
    n = min(len(one), len(other))
    head = next((at for at in range(n) if one[at] != other[at]), n)
    tail = next((at for at in range(n - head) if one[-1 - at] != other[-1 - at]), n - head)
    middles = (one[head : len(one) - tail], other[head : len(other) - tail])
    shared = [*one[:head], *(one[len(one) - tail :] if tail else [])]
    if all(_unspaced().match(word) for word in shared):
        needed = 2 * MIN_SHARED
    else:
        needed = max(MIN_SHARED, *(3 * len(middle) for middle in middles))
    return len(shared) >= needed and all(map(_may_be_a_noun, middles))


def _may_be_a_noun(middle: Sequence[str]) -> bool:
    longest = LONGEST_RUN if all(_unspaced().match(word) for word in middle) else LONGEST_NOUN
    return len(middle) <= longest
