"""Words of a list that the user brings. There is no list of slurs here: what is unacceptable is the user's to say.

Whole words where a script has spaces; in Japanese, Chinese and Thai any place, so that a short entry also matches inside a longer
word. Compared after NFKC and case folding.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.guardrails.files import lines_of
from hanka.guardrails.found import words_in


class WordListParams(DetectorParams):
    """Which words."""

    words: tuple[str, ...] = ()
    "Words or phrases."
    file: str = ""
    "File with one word or phrase a line, seen from the file that names it; lines that begin with # are notes."

    @model_validator(mode="after")
    def _has_words(self) -> WordListParams:
        if not self.file and not any(word.strip() for word in self.words):
            raise ValueError("a word list without words; give `file: words.txt` or `words: [...]`")
        return self


def _judge(row: Row, params: WordListParams) -> Flag:
    found = words_in(row.output, params.words)
    return Flag(True, f"listed: {', '.join(found[:3])}") if found else CLEAR


def _load(params: WordListParams, folder: Path) -> WordListParams:
    if not params.file:
        return params
    return WordListParams(words=(*params.words, *lines_of(params.file, folder)))


WORD_LIST = Detector(
    name="word_list",
    reference="the user's list",
    description="answers that hold a word of a list of yours",
    judge=_judge,
    params=WordListParams,
    is_default=False,
    load=_load,
    kinds=("classification", "generation", "regression", "harness"),
)
