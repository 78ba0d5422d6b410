"""An answer in sentences: the first of the task's labels that stands in it as a word of its own decides.

"Yes, both are the same lens", "yes." and "The answer is No" are answers; "know", "cannot" and "no-name" hold no "no". Case is
folded. An output without any label is no answer: wrong for accuracy, no positive for an F1, and counted as unparsed.
Source: the answers of Steiner, Peeters & Bizer (2024), arXiv 2409.08185, whose script looks for letters instead of words and lets a
"yes" anywhere outweigh what stands first. Limits: words are told apart by what is no letter, so not in scripts without spaces.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hanka.records import Judgement
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams


@lru_cache(maxsize=64)
def _words(labels: tuple[str, ...]) -> re.Pattern[str]:
    """Compile what finds a label as a word; the longest first, so that one which begins another does not hide it."""
    longest = sorted(labels, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])", re.IGNORECASE)


def first_label(text: str, labels: tuple[str, ...]) -> str:
    """Return the label that stands first in a text as a word, spelt as the task does; empty where none does."""
    found = _words(labels).search(text)
    folded = {label.casefold(): label for label in labels}
    return folded[found[0].casefold()] if found else ""


def verify_label_word(output: Output, params: VerifierParams) -> Judgement:
    """Read the first label of the answer. Raises ValueError where the target itself holds none."""
    wanted = first_label(output.target, output.labels)
    if not wanted:
        raise ValueError(f"target {output.target[:60]!r} holds none of the labels {', '.join(output.labels)}")
    answer = first_label(output.answer, output.labels)
    if not answer:
        shown = output.answer if len(output.answer) <= 30 else output.answer[:29] + "…"
        return Judgement(None, 0.0, f"{shown!r} holds no label as a word of its own")
    return Judgement(answer, float(answer == wanted), f"read {answer!r}")


LABEL_WORD = Verifier(
    name="label_word",
    reference="Steiner, Peeters & Bizer (2024), arXiv 2409.08185, by words instead of letters",
    description="the first of the task's labels that stands in the answer as a word",
    verify=verify_label_word,
)
