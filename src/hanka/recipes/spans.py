"""Where words and phrases stand in a text: English by spaces, Japanese by changes of script.

Japanese is written without spaces and no dictionary is loaded. A run is neighbouring characters of one script (kanji, hiragana or
katakana). A phrase ends where hiragana ends, as particles and endings do, or at punctuation: 「猫が｜公園で｜寝ている」. Words that are written in
hiragana alone stay with the phrase before them: an approximation of bunsetsu.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['\u2019][A-Za-z]+)?")
KANJI, HIRAGANA, KATAKANA = "\u3005\u3400-\u4dbf\u4e00-\u9fff", "\u3041-\u3096", "\u30a1-\u30fa\u30fc"
RUN = re.compile(f"[{KANJI}]+|[{HIRAGANA}]+|[{KATAKANA}]+")
PHRASE = re.compile(rf"[^\s\W{HIRAGANA}]+[{HIRAGANA}]*|[{HIRAGANA}]+")
ENDS = ".!?\u2026,;:\"')]\u201d\u2019"
"Marks at the end of an English word that stay where they are when words change places."

Span: TypeAlias = tuple[int, int]
"Start and end of a piece of text."


class TextChange(NamedTuple):
    """What became of one text."""

    text: str | None
    "Changed; None where it cannot be."
    why: str = ""
    "Why it cannot."
    n_units: int = 0
    n_can: int = 0
    n_changed: int = 0


def latin_words(text: str) -> list[Span]:
    """Return the words in Latin letters."""
    return [match.span() for match in LATIN.finditer(text)]


def japanese_runs(text: str) -> list[Span]:
    """Return the runs of kanji, hiragana and katakana."""
    return [match.span() for match in RUN.finditer(text)]


def spaced_words(text: str) -> list[Span]:
    """Return what stands between spaces, without the marks at its end."""
    found = []
    for match in re.finditer(r"\S+", text):
        word = match[0].rstrip(ENDS)
        if word:
            found.append((match.start(), match.start() + len(word)))
    return found


def phrases(text: str) -> list[Span]:
    """Return the phrases of a Japanese text; spaces and punctuation belong to none."""
    return [match.span() for match in PHRASE.finditer(text)]


def replaced(text: str, pieces: Sequence[tuple[Span, str]]) -> str:
    """Return a text with some spans replaced; spans are in order and do not overlap."""
    parts, end = [], 0
    for (start, stop), new in pieces:
        parts += [text[end:start], new]
        end = stop
    return "".join([*parts, text[end:]])


def drawn(spans: Sequence[Span], share: float, rng: np.random.Generator) -> list[Span]:
    """Draw a share of spans, at least one, in order."""
    n = max(1, int(share * len(spans) + 0.5))
    return [spans[at] for at in sorted(rng.choice(len(spans), size=min(n, len(spans)), replace=False))]


Rewrite: TypeAlias = Callable[[str, np.random.Generator], TextChange]
"(text, its generator) → what became of it."
