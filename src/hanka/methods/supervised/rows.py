"""From examples to training rows: demonstrations before an example, encoded, what does not fit left out and counted.

Over-long rows are dropped and counted; under `protocol: paper` they are cut on the right and kept, as published.
"""

from __future__ import annotations

from typing import NamedTuple

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.methods.contract import Adaptation, ShownInTraining, TrainingData, TrainingPart
from hanka.prompting import Encoded, Prompter
from hanka.records import Example
from hanka.training.batching import supervised


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
    )


def _encode_part(
    prompter: Prompter, data: TrainingData, part: TrainingPart, adaptation: Adaptation, seed: int
) -> TrainingRows:
    limit = adaptation.train.max_length
    prefixes, queries = _texts(prompter, part, adaptation, seed)
    rows = prompter.training_rows(prefixes, queries, [example.target for example in part.examples])
    alone = prompter.prompt_lengths([prefix + query for prefix, query in zip(prefixes, queries, strict=True)])
    merged = sum(1 for row, n_prompt in zip(rows, alone, strict=True) if n_prompt > row.start)
    if prompter.policy.protocol == "paper":
        cut = [Encoded(row.ids[:limit], min(row.start, limit)) for row in rows]
        n_cut = sum(1 for row in rows if len(row.ids) > limit)
        return TrainingRows(cut, 0, n_cut, sum(1 for row in cut if not supervised(row)), merged, ())
    fits = [len(row.ids) <= limit for row in rows]
    for companion in data.companions:
        others = _encode(prompter, part, companion, seed)
        fits = [ok and len(row.ids) <= companion.train.max_length for ok, row in zip(fits, others, strict=True)]
    kept = [row for row, ok in zip(rows, fits, strict=True) if ok]
    dropped = tuple(example.id for example, ok in zip(part.examples, fits, strict=True) if not ok)
    return TrainingRows(kept, len(dropped), 0, 0, merged, dropped[:5])


def encode_validation(prompter: Prompter, data: TrainingData, adaptation: Adaptation, seed: int) -> list[Encoded]:
    """Encode the rows to validate on as training would; those that do not fit are left out."""
    rows = [
        row for part in data.parts for row in _encode(prompter, part.validated(), adaptation, seed) if part.validation
    ]
    return [row for row in rows if len(row.ids) <= adaptation.train.max_length]


def _texts(prompter: Prompter, part: TrainingPart, adaptation: Adaptation, seed: int) -> tuple[list[str], list[str]]:
    prefixes, queries = [], []
    for example, before in zip(part.examples, demonstrations_before(adaptation.shown, part, seed), strict=True):
        prefix, (query,) = prompter.render(part.task, adaptation.train.prompt, before, [example])
        prefixes.append(prefix)
        queries.append(query)
    return prefixes, queries


def _encode(prompter: Prompter, part: TrainingPart, adaptation: Adaptation, seed: int) -> list[Encoded]:
    prefixes, queries = _texts(prompter, part, adaptation, seed)
    return prompter.training_rows(prefixes, queries, [example.target for example in part.examples])
