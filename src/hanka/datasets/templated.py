"""Synthetic instructions: what to do with a sentence, and in which form to answer, from templates; the answer follows by rule.

A ladder of four sets, from narrow to broad: one kind of instruction and one form of answer, one kind in six forms, twelve kinds in one form,
twelve kinds in six forms. Kind and form of a row stand in its slices (`task`, `format`), so how much a set covers can be counted. The sentences
are those of the toy sets (CC0, written by hand). They are **synthetic**: twelve things a rule can do, not what people ask; whatever they show
is about templates, never about general instructions. Shape of the ladder: Shi et al. 2023, arXiv 2310.15326, whose own sets are in source `mixes`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from hanka.datasets.base import Dataset
from hanka.datasets.splits import in_hash_order, take_groups
from hanka.identity import sha256_text
from hanka.records import Example, Split

FOLDER = Path(__file__).with_name("data") / "toy"
LICENCE = "CC0-1.0"
TASK, FORMAT = "task", "format"
"Slices that say what a row asks for, and in which form."
MOST_WORDS = 24
"In a sentence."
N_TESTED, N_DEMONSTRATIONS = 60, 12
"Sentences set aside, about."

Answer = Callable[[Sequence[str]], str]


def _letters(word: str) -> str:
    return word.strip(".,;:!?\"'()“”‘’—")


def _longest(words: Sequence[str]) -> str:
    return max(map(_letters, words), key=len)


KINDS: Mapping[str, tuple[str, Answer]] = {
    "first_word": ("Give the first word of this sentence", lambda words: _letters(words[0])),
    "last_word": ("Give the last word of this sentence", lambda words: _letters(words[-1])),
    "longest_word": ("Give the longest word of this sentence, the first of equals", _longest),
    "shortest_word": (
        "Give the shortest word of this sentence, the first of equals",
        lambda words: min(filter(None, map(_letters, words)), key=len),
    ),
    "count_words": ("Count the words of this sentence", lambda words: str(len(words))),
    "count_e": ("Count how often the letter e stands in this sentence", lambda words: str("".join(words).count("e"))),
    "first_three": ("Repeat the first three words of this sentence", lambda words: " ".join(words[:3])),
    "last_three": ("Repeat the last three words of this sentence", lambda words: " ".join(words[-3:])),
    "reverse_three": (
        "Give the first three words of this sentence in reverse order",
        lambda words: " ".join(words[2::-1]),
    ),
    "capital": ("Write the first word of this sentence in capital letters", lambda words: _letters(words[0]).upper()),
    "alphabet": (
        "Give the word of this sentence that comes first in the alphabet",
        lambda words: min(filter(None, (_letters(word).lower() for word in words))),
    ),
    "is_long": ("Say yes if this sentence has more than twelve words, else no", lambda words: _yes(len(words) > 12)),
}
"Kind → instruction, and the rule that answers it."
FORMATS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "bare": ("with the answer alone", lambda answer: answer),
    "sentence": ("in a sentence", lambda answer: f"The answer is {answer}."),
    "json": ("as JSON", lambda answer: json.dumps({"answer": answer}, ensure_ascii=False)),
    "item": ("as an item of a list", lambda answer: f"- {answer}"),
    "tag": ("between tags", lambda answer: f"<answer>{answer}</answer>"),
    "quoted": ("in quotation marks", lambda answer: f'"{answer}"'),
}
"Form → what the instruction says of it, and how an answer is put into it."


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


@dataclass(frozen=True, slots=True)
class Rung:
    """One set of the ladder."""

    name: str
    "Data set name."
    kinds: tuple[str, ...]
    "Of `KINDS`."
    formats: tuple[str, ...]
    "Of `FORMATS`."


LADDER = (
    Rung("synthetic-narrow", ("last_word",), ("bare",)),
    Rung("synthetic-one-task", ("last_word",), tuple(FORMATS)),
    Rung("synthetic-one-format", tuple(KINDS), ("bare",)),
    Rung("synthetic-broad", tuple(KINDS), tuple(FORMATS)),
)
"Narrow to broad."


def datasets(source: str) -> Mapping[str, Dataset]:
    """List the sets of the ladder by name, as parts of `source`."""
    return {
        rung.name: Dataset(
            name=rung.name,
            task="instructions",
            domain="synthetic-instructions",
            source=source,
            licence=LICENCE,
            splits=("train", "test", "demonstrations"),
            read=partial(_read, rung),
            one_training_file=True,
            note=f"synthetic, from templates: {len(rung.kinds)} kind(s) of instruction in {len(rung.formats)} form(s); not general instructions",
        )
        for rung in LADDER
    }


def _read(rung: Rung, split: Split, size: int | None) -> list[Example]:
    demonstrations, rest = take_groups(_sentences(), N_DEMONSTRATIONS, "templated/demonstrations", even=False)
    test, train = take_groups(rest, N_TESTED, "templated/test", even=False)
    chosen = {"demonstrations": demonstrations, "test": test}.get(split, train)
    return in_hash_order(list(_rows(rung, chosen)), f"templated/{split}")


def _rows(rung: Rung, sentences: Sequence[Example]) -> Iterator[Example]:
    """Yield every sentence with every kind and form of a rung; ids are the same in every rung."""
    for sentence in sentences:
        words = sentence.target.split()
        for kind in rung.kinds:
            for form in rung.formats:
                said, answer = KINDS[kind]
                how, shaped = FORMATS[form]
                yield Example(
                    f"templated/{sentence.id}/{kind}/{form}",
                    {"input": f"{said} and answer {how}: {sentence.target}"},
                    shaped(answer(words)),
                    sentence.group,
                    {TASK: kind, FORMAT: form},
                )


@cache
def _sentences() -> tuple[Example, ...]:
    """Return the sentences of the toy sets that are neither very short nor long, each once, as targets."""
    found: Counter[str] = Counter()
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for name in ("input", "input_1", "input_2"):
                found.update(_split(row.get(name, "")))
    keys = ((sha256_text(text)[:12], text) for text in found if 4 <= len(text.split()) <= MOST_WORDS)
    return tuple(Example(key, {}, text, key) for key, text in keys)


def _split(text: str) -> list[str]:
    """Cut a text after full stops, question and exclamation marks that a space and a capital letter follow."""
    parts: list[str] = [""]
    words = text.split()
    for place, word in enumerate(words):
        parts[-1] = f"{parts[-1]} {word}".strip()
        ends = word.endswith((".", "?", "!")) and place + 1 < len(words) and words[place + 1][:1].isupper()
        if ends:
            parts.append("")
    return [part for part in parts if part.endswith((".", "?", "!"))]
