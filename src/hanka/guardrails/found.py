"""Words in text: whole words where a script has spaces, any place where it has none.

Both are compared after NFKC, case folding and collapse of white space. A word of a spaced script may stand directly beside kana or Han, as in
"GPTを".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hanka.metrics.tokenization import is_unspaced, normalised, unspaced


@lru_cache(maxsize=64)
def pattern_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a search for any of some words; longer ones are tried first. Matches nothing where there are none."""
    kept = sorted({normalised(word) for word in words} - {""}, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_whole, kept)) if kept else r"(?!)")


def words_in(text: str, words: Iterable[str]) -> list[str]:
    """Return the words that occur in a text, normalised, each once, in the order in which they first occur."""
    return list(dict.fromkeys(found[0] for found in pattern_of(tuple(words)).finditer(normalised(text))))


def _whole(word: str) -> str:
    if is_unspaced(word):
        return re.escape(word)
    beside = unspaced().pattern
    begins = rf"(?:(?<!\w)|(?<={beside}))" if word[0].isalnum() else ""
    ends = rf"(?:(?!\w)|(?={beside}))" if word[-1].isalnum() else ""
    return begins + re.escape(word) + ends
