"""BM25: which texts of a collection have the most to do with a query, by the words they share.

Used by `nearest` and `retrieve`. Terms: NFKC, lower case; runs of letters, digits and their marks are words; runs of
a script written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) become overlapping pairs of characters, a
lone character stays alone. No stemming, no stop words: nothing here belongs to one language.
Scores are those of Lucene's variant, k1 = 1.5, b = 0.75, by the library bm25s; a term that a query repeats counts
each time. Equal scores (to 9 decimals) keep the order of the collection.
Source: Robertson & Zaragoza (2009), Foundations and Trends in IR 3(4); Kamphuis et al. (2020), ECIR, for the variant;
Lù (2024), arXiv 2407.03618, for the library. Limits: Hangul is cut at spaces only; synonyms are not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from hanka.metrics.tokenization import unspaced

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LIBRARIES = {"bm25s": "retrieve"}
"What `Index` needs, and the extra that brings it."
K1, B = 1.5, 0.75
DECIMALS = 9
ASCII_WORD = re.compile(r"[a-z0-9]+")


def terms(text: str) -> list[str]:
    """Cut text into the terms it is found by, in order, repeats kept."""
    clean = unicodedata.normalize("NFKC", text).lower()
    if clean.isascii():
        return ASCII_WORD.findall(clean)
    found: list[str] = []
    for word in "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in clean).split():
        for apart, chars in groupby(word, key=lambda char: unspaced().match(char) is None):
            run = "".join(chars)
            found += [first + second for first, second in pairwise(run)] if not apart and len(run) > 1 else [run]
    return found


@dataclass(frozen=True, slots=True)
class Index:
    """A collection of texts that can be searched."""

    size: int
    "Texts in it."
    _found: Any
    "The library's index; None where no text has a term."

    @classmethod
    def of(cls, texts: Sequence[str]) -> Index:
        """Index texts. Raises ImportError where bm25s is missing: `contexts.contract.require_libraries` says so first."""
        import bm25s

        corpus = [terms(text) for text in texts]
        if not any(corpus):
            return cls(len(corpus), None)
        found = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
        found.index(corpus, show_progress=False)
        return cls(len(corpus), found)

    def scores(self, query: str) -> npt.NDArray[np.float64]:
        """Score every text against a query; 0 where they share no term."""
        import numpy as np

        asked = terms(query)
        if self._found is None or not asked:
            return np.zeros(self.size)
        scores: npt.NDArray[np.float64] = np.asarray(self._found.get_scores(asked), dtype=np.float64)
        return scores.round(DECIMALS)

    def ranked(self, query: str) -> list[int]:
        """Return the places of all texts, best first; equal ones in their own order."""
        import numpy as np

        order: list[int] = np.argsort(-self.scores(query), kind="stable").tolist()
        return order
