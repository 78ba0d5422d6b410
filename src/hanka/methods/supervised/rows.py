"""From examples to training rows: demonstrations before an example, encoded, what does not fit left out and counted.

Over-long rows are dropped and counted; under `protocol: paper` they are cut on the right and kept, as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.methods.contract import Adaptation, ShownInTraining, TrainingData, TrainingPart
from hanka.prompting import Encoded, Prompter
from hanka.records import Example
from hanka.tasks.base import Task
from hanka.training.batching import supervised


class Source(NamedTuple):
    """What a row was made of."""

    task: Task
    "Its task."
    example: Example
    "The example; its target is what the row teaches."
    text: str
    "Everything before the answer, demonstrations among it."


class ValidationRows(NamedTuple):
    """Encoded rows to validate on."""

    rows: list[Encoded]
    "Those that fit max_length."
    sources: list[Source]
    "What each was made of."


class TrainingRows(NamedTuple):
    """Encoded training rows and what became of the others."""

    rows: list[Encoded]
    "Rows to train on, in the order of the examples."
    n_dropped: int
    "Examples left out because they (or a matched method's row) do not fit max_length."
    n_cut: int
    "Rows cut on the right (`protocol: paper`)."
    n_unsupervised: int
    "Rows kept without a supervised token (`protocol: paper`)."
    n_merged: int
    "Rows whose answer begins inside a token that also holds the end of the prompt."
    dropped_ids: tuple[str, ...]
    "The first five left-out examples."
    sources: list[Source]
    "What each row was made of."


def demonstrations_before(shown: ShownInTraining, part: TrainingPart, seed: int) -> list[tuple[Example, ...]]:
    """Choose the demonstrations that stand before each training example; empty tuples without shots.

    Raises UnitError where the pool is smaller than `shots`.
    """
    if not shown.shots:
        return [()] * len(part.examples)
    if len(part.demonstrations) < shown.shots:
        raise UnitError(
            f"{shown.shots} demonstrations are asked before each example, but the pool has {len(part.demonstrations)}"
        )
    fixed = tuple(part.demonstrations[: shown.shots])
    if not shown.per_example:
        return [fixed] * len(part.examples)
    chosen = []
    for example in part.examples:
        order = stream(seed, "fticl", example.id).permutation(len(part.demonstrations))[: shown.shots]
        chosen.append(tuple(part.demonstrations[index] for index in order))
    return chosen


def encode_training(prompter: Prompter, data: TrainingData, adaptation: Adaptation, seed: int) -> TrainingRows:
    """Render and encode the training rows of one variant; drop, cut and count what does not fit."""
    found = [_encode_part(prompter, data, part, adaptation, seed) for part in data.parts]
    return TrainingRows(
        rows=[row for one in found for row in one.rows],
        n_dropped=sum(one.n_dropped for one in found),
        n_cut=sum(one.n_cut for one in found),
        n_unsupervised=sum(one.n_unsupervised for one in found),
        n_merged=sum(one.n_merged for one in found),
        dropped_ids=tuple(name for one in found for name in one.dropped_ids)[:5],
        sources=[source for one in found for source in one.sources],
    )


def _encode_part(
    prompter: Prompter, data: TrainingData, part: TrainingPart, adaptation: Adaptation, seed: int
) -> TrainingRows:
    limit = adaptation.train.max_length
    sources = _sources(prompter, part, adaptation, seed)
    rows = _rows(prompter, sources)
    alone = prompter.prompt_lengths([source.text for source in sources])
    merged = sum(1 for row, n_prompt in zip(rows, alone, strict=True) if n_prompt > row.start)
    if prompter.policy.protocol == "paper":
        cut = [Encoded(row.ids[:limit], min(row.start, limit)) for row in rows]
        n_cut = sum(1 for row in rows if len(row.ids) > limit)
        return TrainingRows(cut, 0, n_cut, sum(1 for row in cut if not supervised(row)), merged, (), sources)
    fits = [len(row.ids) <= limit for row in rows]
    for companion in data.companions:
        others = _rows(prompter, _sources(prompter, part, companion, seed))
        fits = [ok and len(row.ids) <= companion.train.max_length for ok, row in zip(fits, others, strict=True)]
    kept = [row for row, ok in zip(rows, fits, strict=True) if ok]
    kept_sources = [source for source, ok in zip(sources, fits, strict=True) if ok]
    dropped = tuple(example.id for example, ok in zip(part.examples, fits, strict=True) if not ok)
    return TrainingRows(kept, len(dropped), 0, 0, merged, dropped[:5], kept_sources)


def encode_validation(prompter: Prompter, data: TrainingData, adaptation: Adaptation, seed: int) -> ValidationRows:
    """Encode the rows to validate on as training would; those that do not fit are left out."""
    parts = [part.validated() for part in data.parts if part.validation]
    sources = [source for part in parts for source in _sources(prompter, part, adaptation, seed)]
    whole = zip(_rows(prompter, sources), sources, strict=True)
    fitting = [(row, source) for row, source in whole if len(row.ids) <= adaptation.train.max_length]
    return ValidationRows([row for row, _ in fitting], [source for _, source in fitting])


def _sources(prompter: Prompter, part: TrainingPart, adaptation: Adaptation, seed: int) -> list[Source]:
    """Render what stands before each answer."""
    found = []
    for example, before in zip(part.examples, demonstrations_before(adaptation.shown, part, seed), strict=True):
        prefix, (query,) = prompter.render(part.task, adaptation.train.prompt, before, [example])
        found.append(Source(part.task, example, prefix + query))
    return found


def _rows(prompter: Prompter, sources: Sequence[Source]) -> list[Encoded]:
    texts = [source.text for source in sources]
    return prompter.training_rows([""] * len(texts), texts, [source.example.target for source in sources])
