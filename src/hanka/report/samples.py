"""The second file, report-samples.html: all samples of base and adapted models beside each other, to be searched.

Written beside the report where the page itself cannot hold them all. Of bounded size: pairs of cells stand in the order of
the report, first those it shows; what does not fit is counted and stays in predictions.parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from hanka.report import inert
from hanka.report.blocks import Examples, ExampleSet
from hanka.report.examples import CHANGES, Chosen, Pair, change_of, example_pairs, make_set
from hanka.report.outline import Outline
from hanka.report.predictions import Outcome, read_outcomes, read_scores
from hanka.report.stored import safe_cell_folder
from hanka.report.words import Words

MAX_SAMPLES = 4_000
"Samples of the second file; each has at most about 3,000 characters."
MAX_PAIRS = 400
"Pairs of cells of the second file."


Read: TypeAlias = Callable[[Path], Mapping[str, Outcome]]
"Reads what became of each sample of a cell."


class Shared(NamedTuple):
    """A pair of cells with the folders of its predictions and the samples that both answered."""

    pair: Pair
    folders: tuple[Path, Path]
    chosen: list[Chosen]


@dataclass(frozen=True, slots=True)
class Samples:
    """What the second file shows."""

    title: str
    examples: Examples
    n_pairs: int
    "Pairs that are shown."
    n_all_pairs: int
    n_left_out: int
    "Samples of the shown pairs that did not fit."


def make_samples(outline: Outline, words: Words) -> Samples:
    """Gather every sample that a base cell and a tuned one share, up to the size of the file."""
    pairs = example_pairs(outline, every=True)
    kept, n_left_out = _kept(pairs[:MAX_PAIRS], outline)
    cells = {cell.id: one.pair.metric for one in kept for cell in (one.pair.base, one.pair.tuned)}
    scores = read_scores(outline.run, cells) if cells else {}
    tests: dict[tuple[str, str], int] = {}
    sets: list[ExampleSet] = []
    for one in kept:
        test = tests.setdefault((one.pair.tuned.test_task, one.pair.tuned.test_dataset), len(tests))
        both = scores.get(one.pair.base.id, {}), scores.get(one.pair.tuned.id, {})
        sets.append(make_set(one.pair, test, one.chosen, one.folders, both, outline, words))
    names = tuple(f"{words.of('task', task)} · {inert.label(name, 60)}" for task, name in tests)
    changes = {example.change for each in sets for example in each.examples}
    n = sum(len(each.examples) for each in sets)
    examples = Examples(names, tuple(change for change in CHANGES if change in changes), tuple(sets), n)
    return Samples(inert.label(outline.run.name, 160), examples, len(sets), len(pairs), n_left_out)


def _kept(pairs: Sequence[Pair], outline: Outline) -> tuple[list[Shared], int]:
    """Return the first pairs with their samples as far as there is room, and how many samples of theirs there is none for."""
    outcomes: Read = lru_cache(maxsize=64)(read_outcomes)
    kept: list[Shared] = []
    room, n_left_out = MAX_SAMPLES, 0
    for pair in pairs:
        shared = _shared(pair, outline, outcomes) if room > 0 else None
        if shared is not None:
            fitting = shared.chosen[:room]
            n_left_out += len(shared.chosen) - len(fitting)
            room -= len(fitting)
            kept.append(shared._replace(chosen=fitting))
    return kept, n_left_out


def _shared(pair: Pair, outline: Outline, read: Read) -> Shared | None:
    """Return the samples that both cells answered, by kind of change, then in the order of the file."""
    folders = [safe_cell_folder(outline.run.folder, cell.id) for cell in (pair.base, pair.tuned)]
    if folders[0] is None or folders[1] is None:
        return None
    said = (read(folders[0]), read(folders[1]))
    has_labels = bool(outline.run.cell_files.get(pair.tuned.id, {}).get("labels"))
    chosen = [
        Chosen(
            sample,
            change_of(said[0][sample], said[1][sample]) if has_labels else "free",
            said[0][sample],
            said[1][sample],
            0.0,
        )
        for sample in said[0]
        if sample in said[1]
    ]
    chosen.sort(key=lambda one: (CHANGES.index(one.change), one.base.row))
    return Shared(pair, (folders[0], folders[1]), chosen) if chosen else None
