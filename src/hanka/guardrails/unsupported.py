"""Statements that the context does not hold: numbers, names and words of an answer that occur nowhere in what was given.

The context is the query as it was asked, or the part of it between two marks (`after`, `before`). Numbers are strictest: one that the context does not
hold flags the answer, whatever it is written like (1,000 = 1000 = 1000.0). So does a proper name. Of the other content words a share has to be
there: by the beginning of the word in scripts with spaces, by pairs of characters in Japanese, Chinese and Thai.

Limits: this reads words, not meaning. A statement made of the context's own words in another order ("A owes B" for "B owes A"), a negation, and a right
paraphrase in other words are judged wrongly, as is arithmetic; numbers in words (seven) are read as words. A name is a capitalised word inside a
sentence, or a run of katakana, so names in lower case and German nouns are misjudged. Where meaning counts let a base judge it: `hanka judge`.
After entity- and number-level checks of summaries: Nan et al. (2021), "Entity-level factual consistency of abstractive text summarization".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.metrics.tokenization import is_unspaced, rouge_tokens, unspaced

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?|\d[\d,]*(?:\.\d+)?(?=[^\W\d_])")
WORD = re.compile(r"[^\W\d_][\w'’-]*")
KATAKANA = re.compile(r"[ァ-ヴヷ-ヺー]{3,}")
SENTENCE_END = '.!?:;\n"“(「'
FEWEST = 3
"Content words, or pairs of characters, below which a share says nothing."
STEM = 4
"Letters at least that two forms of a word share."
ENDING = 3
"Letters that an ending has at most."
FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "all",
        "also",
        "although",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "during",
        "each",
        "either",
        "few",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "just",
        "may",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "neither",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "since",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "though",
        "through",
        "thus",
        "to",
        "too",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "would",
        "yes",
        "yet",
        "you",
        "your",
    ]
)
"Words that say nothing by themselves."


class UnsupportedParams(DetectorParams):
    """What of an answer has to stand in the context."""

    after: str = ""
    "The context begins behind the first of these words of the query; left out: with the query."
    before: str = ""
    "It ends before the next of these; left out: with the query."
    numbers: bool = True
    "Whether every number has to be there."
    names: bool = True
    "Whether every proper name has to be there."
    least: float = Field(default=0.5, ge=0, le=1)
    "Share of the other content words that has to be there."


class Words(NamedTuple):
    """What a text holds."""

    numbers: frozenset[str]
    names: tuple[str, ...]
    content: tuple[str, ...]
    "Content words in lower case, without the names."
    pairs: frozenset[str]
    "Pairs of characters of scripts without spaces."


def context_of(prompt: str, params: UnsupportedParams) -> str:
    """Return the part of a query that statements have to stand on; empty where a mark is missing."""
    text = prompt
    if params.after:
        _, found, text = text.partition(params.after)
        if not found:
            return ""
    if params.before:
        text, found, _ = text.partition(params.before)
        if not found:
            return ""
    return text


@lru_cache(maxsize=2048)
def words_of(text: str) -> Words:
    """Cut a text into what has to be supported."""
    plain = unicodedata.normalize("NFKC", text)
    spaced = unspaced().sub(" ", plain)
    names: list[str] = []
    content: list[str] = []
    for found in WORD.finditer(spaced):
        word, before = found[0].strip("'’-"), plain[: found.start()].rstrip(" \t")
        if word.casefold() in FUNCTION_WORDS or len(word) < 2:
            continue
        begins = not before or before[-1] in SENTENCE_END
        (names if word[0].isupper() and not begins else content).append(word)
    names += KATAKANA.findall(plain)
    runs = [token for token in rouge_tokens(KATAKANA.sub(" ", plain)) if is_unspaced(token)]
    pairs = frozenset(one + other for one, other in pairwise(runs))
    return Words(
        frozenset(map(_number, NUMBER.findall(plain))), tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(word.casefold() for word in content)), pairs,
    )  # fmt: skip


def unsupported_in(answer: str, context: str, params: UnsupportedParams) -> str:
    """Say what of an answer the context does not hold; empty where all is there."""
    ours, theirs = words_of(answer), words_of(context)
    known, stems = _known(theirs)
    folded = unicodedata.normalize("NFKC", context).casefold()
    if params.numbers and (missing := sorted(ours.numbers - theirs.numbers)):
        return f"number {missing[0]}"
    if params.names:
        for name in ours.names:
            if name.casefold() not in known and not (is_unspaced(name) and name.casefold() in folded):
                return f"name {name}"
    supported = [word in known or _stem(word) in stems for word in ours.content] + [
        pair in theirs.pairs for pair in ours.pairs
    ]
    share = sum(supported) / len(supported) if supported else 1.0
    if len(supported) >= FEWEST and share < params.least:
        return f"{share:.0%} of its words"
    return ""


def _known(words: Words) -> tuple[frozenset[str], frozenset[str]]:
    known = frozenset(word.casefold() for word in (*words.names, *words.content))
    return known, frozenset(map(_stem, known))


def _stem(word: str) -> str:
    """Return what two forms of a word share: without an ending of a few letters."""
    return word[: max(STEM, len(word) - ENDING)]


def _number(text: str) -> str:
    """Write equal numbers equally."""
    whole, _, part = text.replace(",", "").partition(".")
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{part}" if part else "")


def _judge(row: Row, params: UnsupportedParams) -> Flag:
    found = unsupported_in(row.output, context_of(row.prompt, params), params)
    return Flag(True, f"not in the context: {found}") if found else CLEAR


UNSUPPORTED = Detector(
    name="unsupported",
    reference="after Nan et al. (2021), entity-level factual consistency; words, not meaning",
    description="answers with a number, a name or most words that the context does not hold",
    judge=_judge,
    params=UnsupportedParams,
    kinds=("generation",),
    is_default=False,  # says nothing of tasks that give no context
)
