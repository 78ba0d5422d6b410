"""Trivial baselines: answers that need no model, to be scored by the same metrics.

A score means little until one knows what copying the input or always saying one label would get. Each
baseline returns one answer per test example; ROUGE of the first sentence of the input is the classic
lead baseline of summarisation.

Source: Nenkova (2005), "Automatic text summarization of newswire" (lead baselines). Limits: sentence
ends are found by punctuation, so "Mr. Smith" ends one, and a line break alone ends none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from hanka.metrics.numbers import read_number, written
from hanka.metrics.tokenization import unspaced
from hanka.records import Example, TaskKind

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])(?![\u3002\uff01\uff1f\u300d\u300f\uff09])")
N_WORDS = 45
CHARACTERS_PER_WORD = 2  # a Japanese or Chinese word is about two characters


@dataclass(frozen=True, slots=True)
class BaselineInputs:
    """Everything a trivial baseline may look at."""

    test: tuple[Example, ...]
    "The test set."
    training: tuple[Example, ...] = ()
    "The training set of the same task, if there is one."
    demonstrations: tuple[Example, ...] = ()
    "The demonstrations of the test set, in their order."
    field: str = "input"
    "Which input field is copied from; an example without it gives its first field."


@dataclass(frozen=True, slots=True)
class Baseline:
    """One way to answer without a model."""

    name: str
    "Identifier in tables."
    display: str
    "What reports print."
    kinds: tuple[TaskKind, ...]
    "Kinds of task it makes sense for."
    answers: Callable[[BaselineInputs], tuple[str, ...] | None]
    "One answer per test example; None where the inputs it needs are absent."


def majority_label(examples: Sequence[Example]) -> str:
    """Return the most frequent target; ties go to the first in code-point order. Raises ValueError if empty."""
    if not examples:
        raise ValueError("no examples to count labels in")
    counts = Counter(example.target for example in examples)
    return min(counts, key=lambda label: (-counts[label], label))


def median_target(examples: Sequence[Example]) -> str:
    """Return the median of numeric targets, the constant with the least absolute error. Raises ValueError if empty."""
    values = [read_number(example.target).value for example in examples]
    return written(median(value for value in values if value is not None))


def first_sentence(text: str) -> str:
    """Return the text up to its first sentence end: . ! ? before white space, or a full-width one anywhere."""
    return SENTENCE_END.split(text.strip(), maxsplit=1)[0].strip()


def first_words(text: str, n_words: int = N_WORDS) -> str:
    """Return the first `n_words` words; of text mostly without spaces, twice as many characters."""
    if 2 * len(unspaced().findall(text)) > len(text):
        return text.strip()[: n_words * CHARACTERS_PER_WORD]
    return " ".join(text.split()[:n_words])


def _copied(inputs: BaselineInputs) -> list[str]:
    return [example.fields.get(inputs.field) or next(iter(example.fields.values()), "") for example in inputs.test]


def _same(answer: str, inputs: BaselineInputs) -> tuple[str, ...]:
    return (answer,) * len(inputs.test)


BASELINES: tuple[Baseline, ...] = (
    Baseline(
        "majority_training_label",
        "Majority label of the training set",
        ("classification",),
        lambda inputs: _same(majority_label(inputs.training), inputs) if inputs.training else None,
    ),
    Baseline(
        "majority_test_label",
        "Majority label of the test set (looks at the answers)",
        ("classification",),
        lambda inputs: _same(majority_label(inputs.test), inputs),
    ),
    Baseline(
        "median_training_target",
        "Median number of the training set",
        ("regression",),
        lambda inputs: _same(median_target(inputs.training), inputs) if inputs.training else None,
    ),
    Baseline(
        "median_test_target",
        "Median number of the test set (looks at the answers)",
        ("regression",),
        lambda inputs: _same(median_target(inputs.test), inputs),
    ),
    Baseline(
        "first_sentence",
        "First sentence of the input",
        ("generation",),
        lambda inputs: tuple(first_sentence(text) for text in _copied(inputs)),
    ),
    Baseline(
        "first_words",
        f"First {N_WORDS} words of the input",
        ("generation",),
        lambda inputs: tuple(first_words(text) for text in _copied(inputs)),
    ),
    Baseline(
        "first_demonstration",
        "Output of the first demonstration",
        ("generation",),
        lambda inputs: _same(inputs.demonstrations[0].target, inputs) if inputs.demonstrations else None,
    ),
)


def trivial_answers(kind: TaskKind, inputs: BaselineInputs) -> dict[str, tuple[str, ...]]:
    """Return the answers of every baseline that applies, by name, aligned with `inputs.test`.

    Raises ValueError when the test set is empty.
    """
    if not inputs.test:
        raise ValueError("no test examples: a baseline needs something to answer")
    answers = {baseline.name: baseline.answers(inputs) for baseline in BASELINES if kind in baseline.kinds}
    return {name: given for name, given in answers.items() if given is not None}
