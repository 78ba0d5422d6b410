"""Words replaced by others that mean the same: does an answer hang on the wording?

Words come from a short list of ours (everyday English and Japanese, `words/`), or from the user's own file, with lines such as
`film: movie, picture`. What the list does not know stays, so its coverage is said wherever results are. English words are whole words,
capitals are kept, and a or an before a new word is mended; in Japanese the longest entry is taken where its script does not go on before or after it
(映画 in 映画を見る, not in 映画館). Targets stay.
Source: Jin et al. (2020), arXiv 1907.11932, for answers that change with synonyms (theirs are searched against a model, ours are drawn).
Limits: a list knows no context; a word with several meanings may be replaced wrongly, so the list of ours avoids such words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from hanka.errors import DataError
from hanka.recipes.changes import Perturbing
from hanka.recipes.perturbing import Language, TextParams, perturbation
from hanka.recipes.spans import KANJI, KATAKANA, Span, TextChange, drawn, japanese_runs, latin_words, replaced
from hanka.recipes.texts import change_texts
from hanka.store.paths import as_path

Words = dict[str, tuple[str, ...]]
"Word → what may stand in its place."
SEPARATORS = re.compile(r"\s*[:：]\s*")
COMMAS = re.compile(r"\s*[,、，]\s*")
MOST_WORDS = 4
"Words of an English entry at most."
VOWELS = "aeiou"


class SynonymsParams(TextParams):
    """Which words are replaced, and by what."""

    share: float = Field(default=1.0, gt=0, le=1)
    "Share of the words that the list knows; at least one in every row that has any."
    synonyms: str = ""
    "File of your own, seen from the study file, instead of the list of ours: a word a line, as `film: movie, picture`."
    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    "The same written into the study: word → alternatives."

    @model_validator(mode="after")
    def _one_list(self) -> SynonymsParams:
        if self.synonyms and self.words:
            raise ValueError("`synonyms` names a file and `words` is a list, too; write one of them")
        if empty := [
            word for word, others in self.words.items() if not word.strip() or not any(map(str.strip, others))
        ]:
            raise ValueError(f"{empty[0]!r} has no alternative; write `film: [movie]`")
        return self


def read_words(text: str, place: str) -> Words:
    """Read lines such as `film: movie, picture`; # begins a note. Raises DataError with the line that is none."""
    found: Words = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, *rest = SEPARATORS.split(line.strip(), maxsplit=1)
        others = tuple(one for one in COMMAS.split(rest[0]) if one) if rest else ()
        if not word or not others:
            raise DataError(f"{place}:{number}: {line.strip()[:60]!r} is no entry; write `film: movie, picture`")
        if word in found:
            raise DataError(f"{place}:{number}: {word!r} stands twice; write all its alternatives on one line")
        found[word] = others
    if not found:
        raise DataError(f"{place} holds no entry; write a word a line, as `film: movie, picture`")
    return found


@lru_cache(maxsize=2)
def own_words(language: Language) -> Words:
    """Return the list of ours."""
    name = f"synonyms_{language}.txt"
    return read_words((files("hanka.recipes") / "words" / name).read_text(encoding="utf-8"), name)


def load_words(params: SynonymsParams, folder: Path) -> SynonymsParams:
    """Return the parameters with the content of the user's file. Raises DataError in one line."""
    if not params.synonyms:
        return params
    path = as_path(params.synonyms, folder)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return params.model_copy(update={"synonyms": "", "words": read_words(text, str(path))})


def reworded(text: str, language: Language, params: SynonymsParams, rng: np.random.Generator) -> TextChange:
    """Return a text with a share of the words that the list knows replaced."""
    listed = params.words or own_words(language)
    known = _japanese(text, listed) if language == "ja" else _english(text, listed)
    n_words = len(latin_words(text)) + (len(japanese_runs(text)) if language == "ja" else 0)
    if not known:
        return TextChange(None, "no word of the list")
    pieces = []
    for span in drawn(sorted(known), params.share, rng):
        others = known[span]
        pieces.append((span, others[int(rng.integers(len(others)))]))
    return TextChange(_articles(replaced(text, pieces), text), "", n_words, len(known), len(pieces))


def _english(text: str, listed: Words) -> dict[Span, tuple[str, ...]]:
    """Return the spans of known words, the longest first, with alternatives in the capitals of the word."""
    small = {word.lower(): others for word, others in listed.items()}
    found: dict[Span, tuple[str, ...]] = {}
    words, at = latin_words(text), 0
    while at < len(words):
        for n in range(min(MOST_WORDS, len(words) - at), 0, -1):
            span = (words[at][0], words[at + n - 1][1])
            said = text[slice(*span)]
            if said.lower() in small:
                others = tuple(_capitals(said, one) for one in small[said.lower()] if one.lower() != said.lower())
                found |= {span: others} if others else {}
                at += n - 1
                break
        at += 1
    return found


def _capitals(word: str, new: str) -> str:
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if word[:1].isupper() else new


def _japanese(text: str, listed: Words) -> dict[Span, tuple[str, ...]]:
    """Return the spans of known words, the longest first, where the script does not go on beside them."""
    longest = max(map(len, listed))
    found: dict[Span, tuple[str, ...]] = {}
    at = 0
    while at < len(text):
        for end in range(min(len(text), at + longest), at, -1):
            word = text[at:end]
            if (
                word in listed
                and not _goes_on(text[at - 1 : at], word[0])
                and not _goes_on(word[-1], text[end : end + 1])
            ):
                others = tuple(one for one in listed[word] if one != word)
                found |= {(at, end): others} if others else {}
                at = end - 1
                break
        at += 1
    return found


def _goes_on(one: str, other: str) -> bool:
    """Tell whether two neighbouring characters are of one script other than hiragana, in which particles follow any word."""
    return any(re.fullmatch(f"[{script}]{{2}}", one + other) for script in (KANJI, KATAKANA, "A-Za-z"))


def _articles(text: str, before: str) -> str:
    """Mend a and an before words that begin otherwise than they did, judged by their first letter."""
    return re.sub(r"\b(an?|An?)( +)([A-Za-z][A-Za-z\u2019'-]*)", lambda match: _first_letter(match, before), text)


def _first_letter(match: re.Match[str], before: str) -> str:
    """Return an article and its word, mended where the pair did not stand in the text before."""
    article, space, word = match.groups()
    if re.search(rf"\b{re.escape(match[0])}\b", before):
        return match[0]
    wanted = "an" if word[0].lower() in VOWELS else "a"
    return (wanted.capitalize() if article[0] == "A" else wanted) + space + word


SYNONYMS = perturbation(
    "synonyms",
    SynonymsParams,
    Perturbing(lambda request: change_texts("synonyms", reworded, request), "same"),
    reference="Jin et al. (2020), arXiv 1907.11932",
    description="rows with words replaced by others of the same meaning; targets stay",
    load=load_words,
)
