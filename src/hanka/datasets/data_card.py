"""The table of trivial baselines in data/README.md, measured anew: `python -m hanka.datasets.data_card`.

For every hand-written file: counts, the majority share, and how far three shallow classifiers get in
cross-validation by group: the second sentence alone (a hypothesis-only baseline), a bag of words of all
inputs, and word overlap alone. What they reach above the majority is not evidence of understanding.
Development only: needs scikit-learn.
Source: Poliak et al. (2018), "Hypothesis Only Baselines in Natural Language Inference", *SEM.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeAlias

from hanka.datasets import handwritten, toy
from hanka.datasets.normalised import read_examples
from hanka.datasets.release import INPUTS, LABELS
from hanka.datasets.splits import group_of
from hanka.records import Example

README = handwritten.FOLDER / "README.md"
BEGIN, END = "<!-- baselines: begin (python -m hanka.datasets.data_card) -->", "<!-- baselines: end -->"
COLUMNS = (
    *("file", "rows", "groups", "words in / out", "labels", "majority"),
    *("second sentence only", "bag of words", "word overlap"),
)
N_FOLDS = 5
WORD = re.compile(r"\w+")

Features: TypeAlias = Mapping[str, float]


class CardFile(NamedTuple):
    """One hand-written file."""

    path: Path
    "The file."
    task: str
    "Task name."


def files() -> list[CardFile]:
    """List every hand-written file with its task."""
    pairs = [CardFile(handwritten.FOLDER / entry.file, entry.task) for entry in handwritten.ENTRIES]
    small = [CardFile(toy.FOLDER / f"{entry.task}_{entry.domain}.jsonl", entry.task) for entry in toy.ENTRIES]
    return pairs + small


def table() -> str:
    """Measure every file and write the Markdown table."""
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*head, *(_line(file) for file in files())])


def _line(file: CardFile) -> str:
    examples = read_examples(file.path, INPUTS[file.task])
    groups = len({group_of(example) for example in examples})
    words_in = median(sum(len(value.split()) for value in example.fields.values()) for example in examples)
    words_out = median(len(example.target.split()) for example in examples)
    cells = [
        str(file.path.relative_to(handwritten.FOLDER).as_posix()),
        str(len(examples)),
        str(groups),
        f"{words_in:.0f} / {words_out:.0f}",
    ]
    if file.task not in LABELS:
        return "| " + " | ".join([*cells, *["–"] * 5]) + " |"
    counts = Counter(example.target for example in examples)
    cells.append(", ".join(f"{label} {counts[label]}" for label in LABELS[file.task]))
    cells.append(f"{max(counts.values()) / len(examples):.2f}")
    is_pair = len(INPUTS[file.task]) == 2
    cells.append(f"{_accuracy(examples, _second_sentence):.2f}" if is_pair else "–")
    cells.append(f"{_accuracy(examples, _all_words):.2f}")
    cells.append(f"{_accuracy(examples, _word_overlap):.2f}" if is_pair else "–")
    return "| " + " | ".join(cells) + " |"


def _accuracy(examples: Sequence[Example], features: Callable[[Example], Features]) -> float:
    """Return the pooled accuracy of a logistic regression over folds that share no group."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    rows = [features(example) for example in examples]
    targets = [example.target for example in examples]
    folds = _folds([group_of(example) for example in examples])
    right = 0
    for fold in range(N_FOLDS):
        fitted = [i for i, own in enumerate(folds) if own != fold]
        held_out = [i for i, own in enumerate(folds) if own == fold]
        model = make_pipeline(DictVectorizer(), LogisticRegression(max_iter=1000))
        # such small fits are many times slower when threads share busy cores
        with threadpool_limits(1):
            model.fit([rows[i] for i in fitted], [targets[i] for i in fitted])
        said = model.predict([rows[i] for i in held_out])
        right += sum(word == targets[i] for word, i in zip(said, held_out, strict=True))
    return right / len(examples)


def _folds(groups: Sequence[str]) -> list[int]:
    """Return the fold of every row: the largest group left goes to the lightest fold, of equal ones the last by name.

    The rule of scikit-learn's GroupKFold, whose versions break ties differently and so move a small file's accuracy.
    """
    sizes = Counter(groups)
    weights = [0] * N_FOLDS
    fold_of: dict[str, int] = {}
    for group in sorted(sizes, key=lambda group: (sizes[group], group), reverse=True):
        fold_of[group] = weights.index(min(weights))
        weights[fold_of[group]] += sizes[group]
    return [fold_of[group] for group in groups]


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def _second_sentence(example: Example) -> Features:
    return dict.fromkeys(_words(example.fields["input_2"]), 1.0)


def _all_words(example: Example) -> Features:
    return {f"{name}:{word}": 1.0 for name, value in example.fields.items() for word in _words(value)}


def _word_overlap(example: Example) -> Features:
    first, second = (set(_words(value)) for value in example.fields.values())
    return {"jaccard": len(first & second) / max(1, len(first | second)), "bias": 1.0}


def rewritten(text: str) -> str:
    """Return the README with a freshly measured table between its markers."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{README} lacks the markers around the table of baselines")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
