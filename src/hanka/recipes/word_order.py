"""The same words in another order: whoever answers as before does not read the order.

English by what stands between spaces, marks at the end of a word staying in place; Japanese by phrases (`spans.phrases`), as words without
their particles would say nothing. `together` words in a row move as one. No piece stays where it was, unless equal words make that impossible.
Targets stay, though a reader may no longer see them: here an unchanged score is the finding.
Sources: Pham et al. (2021), arXiv 2012.15180; Sinha et al. (2021), arXiv 2101.00010 (no word in its place).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from hanka.recipes.changes import Perturbing
from hanka.recipes.perturbing import Language, TextParams, perturbation
from hanka.recipes.spans import Span, TextChange, phrases, replaced, spaced_words
from hanka.recipes.texts import change_texts

TRIES = 100
"Shuffles among which the one that moves most is taken, where none moves everything."


class WordOrderParams(TextParams):
    """What is moved."""

    together: int = Field(default=1, ge=1)
    "Words, or Japanese phrases, in a row that move as one."


def reordered(text: str, language: Language, params: WordOrderParams, rng: np.random.Generator) -> TextChange:
    """Return a text with its words, or phrases, in another order."""
    spans = phrases(text) if language == "ja" else spaced_words(text)
    pieces = [spans[at : at + params.together] for at in range(0, len(spans), params.together)]
    whole: list[Span] = [(piece[0][0], piece[-1][1]) for piece in pieces]
    words = [text[slice(*one)] for one in whole]
    if len(set(words)) < 2:
        return TextChange(None, "fewer than two different words")
    order = _moved(words, rng)
    new = replaced(text, [(span, words[at]) for span, at in zip(whole, order, strict=True)])
    n_moved = sum(words[at] != word for at, word in zip(order, words, strict=True))
    return TextChange(new, "", len(words), len(words), n_moved)


def _moved(words: list[str], rng: np.random.Generator) -> list[int]:
    """Return an order in which no word stands where an equal one stood; else the one of many that moves most."""
    best, most = list(range(len(words))), 0
    for _ in range(TRIES):
        order = [int(at) for at in rng.permutation(len(words))]
        n_moved = sum(words[at] != word for at, word in zip(order, words, strict=True))
        if n_moved > most:
            best, most = order, n_moved
        if most == len(words):
            break
    return best


WORD_ORDER = perturbation(
    "word_order",
    WordOrderParams,
    Perturbing(lambda request: change_texts("word_order", reordered, request), "same"),
    reference="Pham et al. (2021), arXiv 2012.15180; Sinha et al. (2021), arXiv 2101.00010",
    description="rows with words, or Japanese phrases, in another order; targets stay",
)
