"""Plot summaries with two people's answers to each question: paraphrase pairs, and question generation.

Source: NarrativeQA (Kočiský et al. 2018). The 101 stories are dealt out by hash: some to question
generation, the others to detection, train or test; no story serves twice. A positive pair is two answers
to one question, with at least four words each and some words in common; the negative beside it is the
most similar answer to another question of the same story. Limit: labels are noisy, because two right
answers need not say the same, and answers to two questions sometimes do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hanka.datasets.mini.parts import (
    Parts,
    cleaned,
    json_rows,
    parts_with_train,
    parts_without_train,
    text_group,
    without_repeats,
)
from hanka.datasets.splits import hash_key
from hanka.records import Example

N_QUESTION_STORIES, N_TEST_STORIES, DEMONSTRATIONS_PER_STORY = 20, 22, 4
FEWEST_WORDS = 4
POSITIVE_OVERLAP = 0.1
NEGATIVE_OVERLAP = (0.12, 0.45)
"Jaccard of the words: below, a pair says something else (or is too easy); above, a negative says the same."
CROP_WORDS = 100
WORD = re.compile(r"\w+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Answered(NamedTuple):
    """One question about a story and its two answers."""

    id: str
    "Position in the upstream file."
    question: str
    "Question."
    answers: tuple[str, str]
    "Two people's answers."


def prepare(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return narrative-answers (detection, trained) and story-questions (question generation, tested)."""
    stories: dict[str, list[Answered]] = defaultdict(list)
    for position, row in enumerate(json_rows(files["NarrativeQA/test.jsonl"])):
        first, second = (cleaned(answer) for answer in row["answer"])
        stories[cleaned(row["passage"])].append(Answered(f"{position:04d}", cleaned(row["question"]), (first, second)))
    order = sorted(stories, key=lambda story: hash_key("mini/stories", text_group(story)))
    asked, rest = order[:N_QUESTION_STORIES], order[N_QUESTION_STORIES:]
    test, train = rest[:N_TEST_STORIES], rest[N_TEST_STORIES:]
    questions = [example for story in asked for example in _questions(story, stories[story])]
    return {
        "story-questions": parts_without_train(
            "story-questions", without_repeats(questions, labelled=False), DEMONSTRATIONS_PER_STORY
        ),
        "narrative-answers": parts_with_train(
            "narrative-answers",
            without_repeats([pair for story in train for pair in _pairs(story, stories[story])], labelled=True),
            without_repeats([pair for story in test for pair in _pairs(story, stories[story])], labelled=True),
            DEMONSTRATIONS_PER_STORY,
        ),
    }


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.casefold()))


def _overlap(first: str, second: str) -> float:
    """Return the Jaccard index of two texts' words."""
    one, other = _words(first), _words(second)
    return len(one & other) / max(1, len(one | other))


def _is_long(answer: str) -> bool:
    return len(WORD.findall(answer)) >= FEWEST_WORDS


def _pairs(story: str, answered: Sequence[Answered]) -> list[Example]:
    """Make a positive and a negative pair of every question that has both."""
    pairs = []
    for row in answered:
        first, second = row.answers
        if not (_is_long(first) and _is_long(second)) or _words(first) == _words(second):
            continue
        other = _hard_negative(row, answered)
        if other and _overlap(first, second) >= POSITIVE_OVERLAP:
            for suffix, partner, label in (("yes", second, "yes"), ("no", other, "no")):
                fields = {"input_1": first, "input_2": partner}
                pairs.append(Example(f"narrative-answers/{row.id}-{suffix}", fields, label, text_group(story)))
    return pairs


def _hard_negative(row: Answered, answered: Sequence[Answered]) -> str:
    """Return the answer to another question that shares most words with the first answer; empty if none does."""
    low, high = NEGATIVE_OVERLAP
    candidates = [
        (_overlap(row.answers[0], answer), answer)
        for other in answered
        if other.id != row.id
        for answer in other.answers
        if _is_long(answer) and all(_overlap(own, answer) <= high for own in row.answers)
    ]
    overlap, answer = max(candidates, default=(0.0, ""))
    return answer if overlap >= low else ""


def _questions(story: str, answered: Sequence[Answered]) -> list[Example]:
    """Make a question row of every question with an answer that stands in the story word for word."""
    examples = []
    for row in answered:
        for answer in row.answers:
            bare = answer.rstrip(" .!?")
            crop = _crop(story, bare)
            if crop:
                fields = {"input": crop, "answer": bare}
                examples.append(Example(f"story-questions/{row.id}", fields, row.question, text_group(story)))
                break
    return examples


def _crop(story: str, answer: str) -> str:
    """Return the sentences around the first place of the answer, about 100 words; empty if it is nowhere."""
    found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", story, re.IGNORECASE) if len(answer) > 2 else None
    if not found:
        return ""
    breaks = [match.end() for match in SENTENCE_END.finditer(story)]
    starts, ends = [0, *breaks], [*breaks, len(story)]
    first = max(place for place, start in enumerate(starts) if start <= found.start())
    last = max(place for place, start in enumerate(starts) if start < found.end())
    while True:
        # Grow the shorter side first, so that the answer stands near the middle.
        wider = [(first - 1, last), (first, last + 1)]
        if found.start() - starts[first] > ends[last] - found.end():
            wider.reverse()
        fitting = [
            (low, high)
            for low, high in wider
            if low >= 0 and high < len(starts) and len(story[starts[low] : ends[high]].split()) <= CROP_WORDS
        ]
        if not fitting:
            return story[starts[first] : ends[last]].strip()
        first, last = fitting[0]
