"""Text to words, for ROUGE and for counting words.

Used by rouge.py, output_space.py and baselines.py. Plain ASCII text gives exactly the tokens of the
`rouge-score` package without stemming: lower case, runs of [a-z0-9]. That package drops every other
letter, so Japanese, Russian or Greek text scores 0 there; here letters, digits and their combining
marks of all scripts belong to words, after NFKC and lower-casing.

Scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) have no words to find by spaces.
A pair of texts with kana in either is Japanese, and both sides are cut into words by MeCab (fugashi)
where that is installed; all other text of such scripts is cut into characters, the usual choice for
Chinese. One pair always uses one scheme for both sides. `rouge_tokenization()` says what is in use here:
store it beside the values, because the two cuts of Japanese give different numbers.

Source: Lin (2004), ROUGE; rouge-score 0.1.2. Limits: no stemming; Hangul is cut at spaces only.
"""

from __future__ import annotations

import importlib.metadata
import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Literal, TypeAlias

from hanka.errors import how_to_install

Scheme: TypeAlias = Literal["words", "japanese"]
Tagger: TypeAlias = Callable[[str], list[str]]

ASCII_WORD = re.compile(r"[a-z0-9]+")
KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")


@cache
def unspaced() -> re.Pattern[str]:
    """Compile the characters of scripts without spaces; only where a text is cut, for it takes milliseconds."""
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
        "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana and iteration marks
        "\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # Han
    )


@lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """Return text after NFKC, case folding, and collapse of white space: what counts as the same answer."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_unspaced(text: str) -> bool:
    """Tell whether text contains a script that is written without spaces."""
    return not text.isascii() and unspaced().search(text) is not None


def pair_scheme(first: str, second: str) -> Scheme:
    """Choose the one scheme for both texts of a pair: japanese if either has kana and MeCab is installed."""
    if first.isascii() and second.isascii():
        return "words"
    has_kana = KANA.search(first) or KANA.search(second)
    return "japanese" if has_kana and japanese_tagger() else "words"


@lru_cache(maxsize=16384)  # both texts of every row of several cells of a thousand rows
def rouge_tokens(text: str, scheme: Scheme = "words") -> tuple[str, ...]:
    """Cut text into lower-case tokens; punctuation and symbols are dropped.

    Raises RuntimeError for the japanese scheme where MeCab is not installed.
    """
    if text.isascii() and scheme == "words":
        return tuple(ASCII_WORD.findall(text.lower()))
    text = unicodedata.normalize("NFKC", text)
    if scheme == "words":
        return tuple(_words(text.lower()))
    tagger = japanese_tagger()
    if tagger is None:
        raise RuntimeError(f"Japanese words need fugashi and unidic-lite: {how_to_install('ja')}")
    # MeCab takes UTF-8, so lone surrogates must go; the line break and NUL would end its sentence.
    clean = " ".join(text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split())
    return tuple(word.lower() for word in tagger(clean) if any(map(str.isalnum, word)))


def _words(text: str) -> list[str]:
    """Cut lower-case NFKC text into runs of letters and digits, and single characters of unspaced scripts."""
    tokens: list[str] = []
    open_word = False
    attaches = False
    for char in text:
        group = unicodedata.category(char)[0]
        if group == "M":
            if attaches:
                tokens[-1] += char
        elif group not in "LN":
            open_word = attaches = False
        elif unspaced().match(char):
            tokens.append(char)
            open_word, attaches = False, True
        elif open_word:
            tokens[-1] += char
        else:
            tokens.append(char)
            open_word = attaches = True
    return tokens


@cache
def japanese_tagger() -> Tagger | None:
    """Return a function from text to MeCab words, or None where fugashi or its dictionary is missing."""
    try:
        import fugashi

        tagger = fugashi.Tagger()
    except (ImportError, RuntimeError):  # fugashi raises RuntimeError when it finds no dictionary
        return None
    return lambda text: [word.surface for word in tagger(text)]


def rouge_tokenization() -> str:
    """Describe the tokenization in use on this machine, with versions, to be stored beside the values."""
    rule = "NFKC, lower case, letters and digits of all scripts (ASCII as rouge-score 0.1.2, no stemming)"
    if japanese_tagger() is None:
        return f"{rule}; Japanese: characters"
    return f"{rule}; Japanese: words by fugashi {importlib.metadata.version('fugashi')}{_dictionary()}"


def _dictionary() -> str:
    """Name the installed MeCab dictionary that fugashi prefers, with its version."""
    for package in ("unidic", "unidic-lite"):  # the order in which fugashi looks
        try:
            return f" with {package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return " with a system dictionary"
