"""Misspelt words: neighbouring letters change places, one is left out, one is doubled, one is hit beside its key.

English: one slip in each of a share of the words with at least `least` letters; the first letter stays. Japanese has no spaces, so slips are made in
runs of one script (at least two characters of kanji, hiragana or katakana), and what stands beside a key is the same kana with
or without its marks, or small (か for が, っ for つ). Targets stay: a reader sees through a slip.
Sources: Belinkov & Bisk (2018), arXiv 1711.02173; Pruthi, Dhingra & Lipton (2019), arXiv 1905.11268, for inner letters alone.
Limits: a wrong kanji of the same sound, the usual slip of a Japanese keyboard, needs a dictionary and is not made.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from hanka.recipes.changes import Perturbing
from hanka.recipes.perturbing import Language, TextParams, perturbation
from hanka.recipes.spans import TextChange, drawn, japanese_runs, latin_words, replaced
from hanka.recipes.texts import change_texts

Slip: TypeAlias = Literal["swap", "drop", "double", "key"]
SLIPS: tuple[Slip, ...] = ("swap", "drop", "double", "key")
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"Rows of letters of a QWERTY keyboard."
KANA = "かが きぎ くぐ けげ こご さざ しじ すず せぜ そぞ ただ ちぢ つっ づつ てで とど はば ひび ふぶ へべ ほぼ ばぱ びぴ ぶぷ べぺ ぼぽ やゃ ゆゅ よょ"
"Pairs of hiragana that are told apart by a mark or by size; katakana alike."
TO_KATAKANA = 0x60
"From a hiragana to its katakana."
FEWEST_KANA = 2
"Characters of a run in which a slip is made."


class TyposParams(TextParams):
    """How much is misspelt, and how."""

    share: float = Field(default=0.1, gt=0, le=1)
    "Share of the words (runs, in Japanese) that can be misspelt; at least one in every row."
    least: int = Field(default=4, ge=2)
    "Letters below which an English word is left as it is."
    kinds: Annotated[tuple[Slip, ...], Field(min_length=1)] = SLIPS
    "Slips that are made, drawn with equal chance: swap, drop, double, key."

    @field_validator("kinds")
    @classmethod
    def _each_once(cls, kinds: tuple[Slip, ...]) -> tuple[Slip, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"{list(kinds)!r} names a slip twice")
        return kinds


def misspelt(text: str, language: Language, params: TyposParams, rng: np.random.Generator) -> TextChange:
    """Return a text with a share of its words misspelt."""
    words = latin_words(text)
    runs = japanese_runs(text) if language == "ja" else []
    able = sorted(
        [one for one in words if one[1] - one[0] >= params.least and _ways(text[slice(*one)], params.kinds, 1)]
        + [one for one in runs if one[1] - one[0] >= FEWEST_KANA and _ways(text[slice(*one)], params.kinds, 0)]
    )
    if not able:
        return TextChange(None, "no word long enough")
    chosen = drawn(able, params.share, rng)
    pieces = [(one, slipped(text[slice(*one)], params.kinds, 1 if one in words else 0, rng)) for one in chosen]
    return TextChange(replaced(text, pieces), "", len(words) + len(runs), len(able), len(chosen))


def slipped(word: str, kinds: tuple[Slip, ...], first: int, rng: np.random.Generator) -> str:
    """Return a word with one slip at or after place `first`; it always differs."""
    ways = _ways(word, kinds, first)
    names = list(ways)
    found = ways[names[int(rng.integers(len(names)))]]
    return found[int(rng.integers(len(found)))]


def _ways(word: str, kinds: tuple[Slip, ...], first: int) -> dict[Slip, list[str]]:
    """Return by slip every word that comes of it and differs; slips that bring none are left out."""
    places = range(first, len(word))
    made: dict[Slip, list[str]] = {
        "swap": [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places if at + 1 < len(word)],
        "drop": [word[:at] + word[at + 1 :] for at in places],
        "double": [word[: at + 1] + word[at:] for at in places],
        "key": [word[:at] + key + word[at + 1 :] for at in places for key in _beside(word[at])],
    }
    able = {kind: [one for one in made[kind] if one != word] for kind in kinds}
    return {kind: found for kind, found in able.items() if found}


def _beside(letter: str) -> list[str]:
    """Return what is hit instead of a letter or kana."""
    small = letter.lower()
    for row in KEYS:
        at = row.find(small)
        if at >= 0:
            beside = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
            return [one if letter == small else one.upper() for one in beside]
    shift = TO_KATAKANA if "\u30a1" <= letter <= "\u30f6" else 0
    plain = chr(ord(letter) - shift)
    pairs = [pair for pair in KANA.split() if plain in pair]
    return [chr(ord(pair.replace(plain, "")) + shift) for pair in pairs]


TYPOS = perturbation(
    "typos",
    TyposParams,
    Perturbing(lambda request: change_texts("typos", misspelt, request), "same"),
    reference="Belinkov & Bisk (2018), arXiv 1711.02173; Pruthi et al. (2019), arXiv 1905.11268",
    description="rows with misspelt words; targets stay",
)
