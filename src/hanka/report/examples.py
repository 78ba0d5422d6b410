"""Examples side by side: what the base said and what the adapted model says, sample by sample.

Per adapted variant and test set, at zero shots and at the largest shot count, up to N_EXAMPLES samples:
first right → wrong, then wrong → right, then the rest; for free text, largest loss of score, then largest
gain. The report caps the number of sets and says so; where that leaves samples out, `samples.py` writes a second file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from hanka.metrics import METRICS
from hanka.records import Cell, Variant
from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Answer, Examples, ExampleSet, Link, Note, Section, ShownExample
from hanka.report.outline import Outline, Setting, variant_name
from hanka.report.predictions import Outcome, read_outcomes, read_scores, read_texts
from hanka.report.rows import Result, as_text
from hanka.report.stored import safe_cell_folder
from hanka.report.words import Words

N_EXAMPLES = 8
"Samples of one variant on one test set."
MAX_SETS = 80
"Variants × test sets that are shown."
PROMPT_LIMIT = 700
OUTPUT_LIMIT = 500
PREFIX_LIMIT = 1_500
REASONING_LIMIT = 1_500
CHANGES = ("right_wrong", "wrong_right", "wrong_wrong", "right_right", "free")
"Kinds of change, in the order in which they are shown."


@dataclass(frozen=True, slots=True)
class Pair:
    """A base cell and a tuned cell that answered the same test set in the same setting."""

    variant: Variant
    base: Cell
    tuned: Cell
    result: Result | None
    metric: str
    is_other: bool = False
    "Whether its shots and draw are others than the page shows."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sample chosen to be shown."""

    sample_id: str
    change: str
    base: Outcome
    tuned: Outcome
    loss: float
    "Base score minus tuned score; 0 where there are none."


class Shown(NamedTuple):
    """The section of examples."""

    section: Section
    is_all: bool
    "Whether it holds every sample of the run that two cells share."


def examples_section(outline: Outline, words: Words, samples: str = "") -> Shown:
    """Build the section of examples. samples: address of the second file, linked where the page does not hold all."""
    pairs = example_pairs(outline)
    shown = pairs[:MAX_SETS]
    cells = {cell.id: pair.metric for pair in shown for cell in (pair.base, pair.tuned)}
    scores = read_scores(outline.run, cells) if cells else {}
    tests: dict[tuple[str, str], int] = {}
    outcomes = lru_cache(maxsize=64)(read_outcomes)
    sets, n_shared = [], 0
    for pair in shown:
        folders = [safe_cell_folder(outline.run.folder, cell.id) for cell in (pair.base, pair.tuned)]
        if folders[0] is None or folders[1] is None:
            continue
        labels = outline.run.cell_files.get(pair.tuned.id, {}).get("labels")
        gains = _both(scores, pair) if _more_is_better(pair.metric) else _both(scores, pair)[::-1]
        said = outcomes(folders[0]), outcomes(folders[1])
        n_shared += len(said[0].keys() & said[1].keys())
        found = choose(*said, gains, bool(labels))
        if found:
            test = tests.setdefault((pair.tuned.test_task, pair.tuned.test_dataset), len(tests))
            both = _both(scores, pair)
            sets.append(make_set(pair, test, found, (folders[0], folders[1]), both, outline, words))
    if not sets:
        return Shown(Section("examples", words("examples"), "", (Note(words("no_examples"), "muted"),)), True)
    n = sum(len(item.examples) for item in sets)
    changes = {example.change for item in sets for example in item.examples}
    names = tuple(f"{words.of('task', task)} · {inert.label(name, 60)}" for task, name in tests)
    block = Examples(names, tuple(change for change in CHANGES if change in changes), tuple(sets), n)
    lead = words("examples_lead", shown=len(sets), all=len(pairs), n=N_EXAMPLES)
    is_all = n == n_shared and len(shown) == len(example_pairs(outline, every=True))
    blocks = (block,) if is_all or not samples else (Link(samples, words("all_samples")), block)
    return Shown(Section("examples", words("examples"), lead, blocks), is_all)


def example_pairs(outline: Outline, every: bool = False) -> list[Pair]:
    """Pair tuned cells with base cells at zero and at most shots: first seeds and large sizes first.

    every: the pairs at other shots and draws, too, after these.
    """
    cells = outline.run.cells.values()
    variants = outline.run.variants
    by_place = {(variants[cell.variant_id].base, *_place(cell)): cell for cell in cells if _is(cell, variants, True)}
    most: dict[tuple[str, str], int] = {}
    for cell in cells:
        key = (cell.test_task, cell.test_dataset)
        most[key] = max(most.get(key, 0), cell.shots)
    first_seeds: dict[str, int] = {}
    for variant in variants.values():
        first_seeds[variant.label] = min(variant.seed, first_seeds.get(variant.label, variant.seed))
    pairs = []
    for cell in cells:
        wanted = cell.draw == 0 and cell.shots in (0, most[cell.test_task, cell.test_dataset])
        if not (wanted or every) or not _is(cell, variants, False):
            continue
        variant = variants[cell.variant_id]
        base = by_place.get((variant.base, *_place(cell)))
        if base:
            metric = outline.primary.get(cell.test_task, "")
            pairs.append(Pair(variant, base, cell, _result(cell, metric, outline), metric, not wanted))
    largest = max((pair.variant.train_size for pair in pairs), default=0)
    return sorted(
        pairs,
        key=lambda pair: (
            pair.is_other,
            pair.variant.seed != first_seeds[pair.variant.label],
            pair.variant.train_size != largest,
        ),
    )


def _place(cell: Cell) -> tuple[str, str, int, str, int, str]:
    return (cell.test_task, cell.test_dataset, cell.shots, cell.prompt, cell.draw, cell.context)


def _is(cell: Cell, variants: Mapping[str, Variant], base: bool) -> bool:
    return cell.variant_id in variants and variants[cell.variant_id].is_unadapted == base


def _result(cell: Cell, metric: str, outline: Outline) -> Result | None:
    place = (
        cell.variant_id,
        cell.test_task,
        cell.test_dataset,
        Setting(cell.prompt, cell.draw, cell.context, cell.shots),
    )
    return outline.by_place.get(place, {}).get(metric)


Scores = tuple[Mapping[str, float], Mapping[str, float]]


def _both(scores: Mapping[str, Mapping[str, float]], pair: Pair) -> Scores:
    return scores.get(pair.base.id, {}), scores.get(pair.tuned.id, {})


def _more_is_better(metric: str) -> bool:
    return metric not in METRICS or METRICS.get(metric).higher_is_better is not False


def choose(base: Mapping[str, Outcome], tuned: Mapping[str, Outcome], scores: Scores, has_labels: bool) -> list[Chosen]:
    """Choose up to N_EXAMPLES samples that both answered, by kind of change, then by loss of score.

    scores: of base and tuned, where more is better; in the other order where less is.
    """
    found = []
    for sample in base.keys() & tuned.keys():
        change = change_of(base[sample], tuned[sample]) if has_labels else "free"
        loss = scores[0].get(sample, 0.0) - scores[1].get(sample, 0.0)
        found.append(Chosen(sample, change, base[sample], tuned[sample], loss))
    if not has_labels:
        found.sort(key=lambda item: (-item.loss, item.base.row))
        gains = [item for item in reversed(found[N_EXAMPLES // 2 :]) if item.loss < 0][: N_EXAMPLES // 2]
        return [*found[: N_EXAMPLES - len(gains)], *gains]
    found.sort(key=lambda item: (CHANGES.index(item.change), item.base.row))
    kept = _fair(found)
    return sorted(kept, key=lambda item: (CHANGES.index(item.change), item.base.row))


def _fair(found: Sequence[Chosen]) -> list[Chosen]:
    """Keep N_EXAMPLES in order of preference, but leave two places to each later kind that occurs."""
    counts = Counter(item.change for item in found)
    kept: list[Chosen] = []
    for position, change in enumerate(CHANGES):
        reserved = sum(min(2, counts[later]) for later in CHANGES[position + 1 :])
        room = max(min(2, counts[change]), N_EXAMPLES - len(kept) - reserved)
        kept += [item for item in found if item.change == change][:room]
    return kept[:N_EXAMPLES]


def change_of(base: Outcome, tuned: Outcome) -> str:
    """Name the change between two classified answers to one sample."""
    before = "right" if base.parsed is not None and base.parsed == base.target else "wrong"
    after = "right" if tuned.parsed is not None and tuned.parsed == tuned.target else "wrong"
    return f"{before}_{after}"


def _shown(chosen: Sequence[Chosen], folders: tuple[Path, Path], scores: Scores, words: Words) -> list[ShownExample]:
    base_texts = read_texts(folders[0], [item.base.row for item in chosen])
    tuned_texts = read_texts(folders[1], [item.tuned.row for item in chosen])
    more = words.plain("more_characters", count="{count}")
    examples = []
    for item in chosen:
        texts = (base_texts.get(item.base.row, {}), tuned_texts.get(item.tuned.row, {}))
        examples.append(
            ShownExample(
                change=item.change,
                sample_id=inert.label(item.sample_id, 60),
                prompt=inert.shorten(as_text(texts[0].get("prompt")), PROMPT_LIMIT, more),
                target=inert.shorten(item.base.target, OUTPUT_LIMIT, more),
                base=_answer(texts[0], item.base, scores[0].get(item.sample_id), more),
                tuned=_answer(texts[1], item.tuned, scores[1].get(item.sample_id), more),
            )
        )
    return examples


def _answer(texts: Mapping[str, object], outcome: Outcome, score: float | None, more: str) -> Answer:
    return Answer(
        text=inert.shorten(as_text(texts.get("output")), OUTPUT_LIMIT, more),
        status=outcome.status,
        reason=inert.shorten(as_text(texts.get("reason")), 200, more),
        score="" if score is None else numbers.value(score),
        reasoning=inert.shorten(as_text(texts.get("reasoning")), REASONING_LIMIT, more),
    )


def make_set(
    pair: Pair,
    test: int,
    chosen: Sequence[Chosen],
    folders: tuple[Path, Path],
    scores: Scores,
    outline: Outline,
    words: Words,
) -> ExampleSet:
    """Build the set of one pair of cells from chosen samples. test: index of the test set in the filter."""
    examples = _shown(chosen, folders, scores, words)
    counts = Counter(example.change for example in examples)
    shown = " · ".join(f"{words.of('change', change)} {counts[change]}" for change in CHANGES if counts[change])
    verdict = ""
    if pair.result and pair.result.delta is not None:
        row = pair.result
        mark = MARKS.get(row.verdict, "")
        verdict = f"{mark} {numbers.difference(row.delta, *row.judged_by)}".strip()
    stored = outline.run.cell_files.get(pair.tuned.id, {})
    prefix = as_text(stored.get("prefix")) if pair.tuned.shots else ""
    return ExampleSet(
        test=test,
        heading=words(
            "example_heading",
            variant=variant_name(pair.variant, words),
            test=pair.tuned.test_dataset,
            shots=words.plain("shots", count=pair.tuned.shots),
            prompt=pair.tuned.prompt,
        ),
        verdict=verdict,
        counts=shown,
        prefix=inert.shorten(prefix, PREFIX_LIMIT, words.plain("more_characters", count="{count}")),
        examples=tuple(examples),
    )
