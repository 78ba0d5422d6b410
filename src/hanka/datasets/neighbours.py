"""Texts that differ in one place by one word: near-duplicates too short for word 5-grams (`overlap`).

Two texts are neighbours where one becomes the other by putting one word in the place of another, in or out; in Chinese,
Japanese and Korean a run of up to four characters counts as a word. A candidate shares what is before and behind the gap; every
candidate is compared. Limits: texts of fewer than MIN_SHARED common words say too little, and in texts of MOST_WORDS or more
one word leaves four of five 5-grams as they are, so `overlap.near_overlap` finds them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from hanka.datasets.overlap import CJK, WORD, Match, normalised_text
from hanka.records import Example

MIN_SHARED = 5
"Words (in Chinese, Japanese and Korean: characters, twice as many) that two neighbours share at least."
MOST_WORDS = 80
LONGEST_RUN = 4
"Characters of a word where words are not written apart."
UNSPACED = re.compile(f"[{CJK}]")


def one_word_apart(first: Sequence[Example], second: Sequence[Example]) -> list[Match]:
    """Return all pairs whose inputs differ by one word, in the order of the lists; equal inputs are none."""
    ones, others = ([WORD.findall(normalised_text(example)) for example in rows] for rows in (first, second))
    if len(ones) > len(others):  # what is looked up in is the shorter list: it takes memory
        pairs = [(one, other) for other, one in _candidates(others, ones)]
    else:
        pairs = _candidates(ones, others)
    return [
        Match(first[one].id, second[other].id)
        for one, other in sorted(pairs)
        if _are_neighbours(ones[one], others[other])
    ]


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
    """Return a key for every word, or run of characters, that could be another one: what is before it and behind it."""
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
    """Return how many pieces may be one word from here on."""
    run = 0
    while run < LONGEST_RUN and start + run < len(words) and UNSPACED.match(words[start + run]):
        run += 1
    return max(1, run)


def _are_neighbours(one: Sequence[str], other: Sequence[str]) -> bool:
    """Compare two texts: what is left between their common beginning and end is at most one word each."""
    if one == other:
        return False
    n = min(len(one), len(other))
    head = next((at for at in range(n) if one[at] != other[at]), n)
    tail = next((at for at in range(n - head) if one[-1 - at] != other[-1 - at]), n - head)
    middles = (one[head : len(one) - tail], other[head : len(other) - tail])
    shared = [*one[:head], *(one[len(one) - tail :] if tail else [])]
    needed = 2 * MIN_SHARED if all(UNSPACED.match(word) for word in shared) else MIN_SHARED
    return len(shared) >= needed and all(map(_is_one_word, middles))


def _is_one_word(middle: Sequence[str]) -> bool:
    return len(middle) <= 1 or (len(middle) <= LONGEST_RUN and all(UNSPACED.match(word) for word in middle))
