"""The same rows spent in three ways: which cells belong together, and their paired differences.

Evidence → **ways** → `ask.py`. *shots*: the base with the rows before every query. *rows*: a variant trained on them, asked without.
*both*: that variant with its rows before every query. *base*: as it is, asked without. A comparison is about one entry that trains, on
one training set, and the test sets of one relation; its points are numbers of rows. Cells belong together where the same rows of
one seed are behind them, on the same base, test set and prompt. A draw of rows counts where all of its cells are there.

Limits: where fewer rows are shown than were trained on (test rows among them, other tasks of a mix), nothing is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hanka.analysis.asked import OWN_TASK
from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import METRICS, Metric
from hanka.records import RELATIONS


class Drawn(NamedTuple):
    """Rows that a variant has: equal for all ways of equal rows, whatever the training seed."""

    base: str
    "Base model."
    dataset: str
    "Where they come from."
    size: int
    "How many."
    rows: str
    "Fingerprint of the rows in their order."


class Where(NamedTuple):
    """What a cell asks."""

    test: str
    "Test set."
    prompt: str
    "Prompt set."


class Key(NamedTuple):
    """What tells the cells of trained variants apart."""

    label: str
    "Entry of `methods`."
    drawn: Drawn
    "Its rows."
    seed: int
    "Training seed."
    where: Where
    "What is asked."


class Topic(NamedTuple):
    """What one comparison is about."""

    base: str
    "Base model."
    label: str
    "Entry of `methods` that trains."
    shown: str
    "Entry that shows the rows."
    dataset: str
    "What the rows are of."
    task: str
    "Their task."
    relation: str
    "Of the test sets."


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The cells of one number of rows."""

    size: int
    "Rows."
    base: tuple[CellEvidence, ...]
    "The base without rows."
    shots: tuple[CellEvidence, ...]
    "Rows shown."
    rows: tuple[CellEvidence, ...]
    "Rows trained on."
    both: tuple[CellEvidence, ...]
    "Both; empty, or fewer, where variants were not asked with their rows."
    rows_shots: Contrast
    "Rows less shots."
    both_shots: Contrast | None
    "Both less shots; None where the variant was not asked with its rows."


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The curves of one topic."""

    topic: Topic
    "What it is about."
    metric: Metric
    "The primary one of the task."
    tests: tuple[str, ...]
    "Test sets."
    points: tuple[Ways, ...]
    "By number of rows, fewest first."


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The finished cells of a run by the way they spend their rows."""

    base: dict[tuple[str, Where], CellEvidence]
    "(base model, where) → asked without demonstrations."
    shots: dict[tuple[Drawn, Where], CellEvidence]
    "The base with these rows shown."
    trained: dict[Key, CellEvidence]
    "Asked without demonstrations."
    both: dict[Key, CellEvidence]
    "The same variants with their rows shown."
    n_fewer: int
    "Cells that show fewer rows than their variant was trained on; they are in none of these."


def gathered(evidence: Evidence) -> Cells:
    """Sort the finished cells of test sets of their own task by way, each at its first asking."""
    own = set(evidence.plan.get("contexts_of_own_rows", ()))
    found, n_fewer = Cells({}, {}, {}, {}, 0), 0
    for cell in sorted(evidence.done(), key=lambda one: evidence.order(one.asking)):
        where = Where(str(cell.cell["test_dataset"]), str(cell.cell["prompt"]))
        shots, size = int(cell.cell["shots"]), int(cell.variant["train_size"])
        if cell.is_unadapted:
            if not shots:
                found.base.setdefault((str(cell.variant["base"]), where), cell)
        elif cell.cell["relation"] in OWN_TASK and cell.variant.get("rows") and not cell.cell["draw"]:
            shows, trains = cell.cell["context"] in own, cell.variant.get("changes_weights", True)
            key = Key(str(cell.variant["label"]), _drawn(cell), int(cell.variant["seed"]), where)
            if shows and shots != size:
                n_fewer += 1
            elif shows and trains:
                found.both.setdefault(key, cell)
            elif shows:
                found.shots.setdefault((key.drawn, where), cell)
            elif trains and not shots:
                found.trained.setdefault(key, cell)
    return Cells(found.base, found.shots, found.trained, found.both, n_fewer)


def _drawn(cell: CellEvidence) -> Drawn:
    one = cell.variant
    return Drawn(str(one["base"]), str(one["train_dataset"]), int(one["train_size"]), str(one["rows"]))


def comparisons(evidence: Evidence, contrasts: Contrasts, cells: Cells) -> tuple[list[Comparison], int]:
    """Return the curves of every topic, and how many draws of rows are left out because a cell of theirs is missing."""
    found, n_missing = [], 0
    for topic, keys in sorted(_topics(cells).items(), key=lambda one: _place(evidence, one[0])):
        metric = METRICS.get(evidence.primary(topic.task))
        if metric.higher_is_better is None:
            continue
        wheres = {key.where for key in keys}
        by_draw: dict[tuple[Drawn, int], list[Key]] = defaultdict(list)
        for key in sorted(keys):
            by_draw[key.drawn, key.seed].append(key)
        by_size: dict[int, list[Key]] = defaultdict(list)
        for (drawn, _), members in by_draw.items():
            by_size[drawn.size] += members if {key.where for key in members} == wheres else []
        points = [_ways(contrasts, cells, metric, size, by_size[size]) for size in sorted(by_size)]
        kept = tuple(one for one in points if one is not None)
        n_missing += len(by_draw) - sum(len(one.rows) for one in kept) // len(wheres)
        if kept:
            found.append(Comparison(topic, metric, tuple(sorted({where.test for where in wheres})), kept))
    return found, n_missing


def _topics(cells: Cells) -> dict[Topic, list[Key]]:
    """Return what there is to compare: the trained variants whose rows were shown before the same queries, by topic."""
    found: dict[Topic, list[Key]] = defaultdict(list)
    for key, cell in cells.trained.items():
        shown = cells.shots.get((key.drawn, key.where))
        if shown is not None:
            said = (str(cell.cell[name]) for name in ("test_task", "relation"))
            label = str(shown.variant["label"])
            found[Topic(key.drawn.base, key.label, label, key.drawn.dataset, *said)].append(key)
    return found


def _place(evidence: Evidence, topic: Topic) -> tuple[object, ...]:
    tasks, labels = list(evidence.plan["tasks"]), [one["label"] for one in evidence.plan["variants"]]
    return (
        tasks.index(topic.task),
        topic.base,
        topic.dataset,
        labels.index(topic.label),
        RELATIONS.index(topic.relation),
    )


def _ways(contrasts: Contrasts, cells: Cells, metric: Metric, size: int, keys: list[Key]) -> Ways | None:
    """Pair the cells of one number of rows; None where there are none, or a pair supports no difference."""
    rows = [cells.trained[key] for key in keys]
    shots = [cells.shots[key.drawn, key.where] for key in keys]
    both = [cells.both[key] for key in keys if key in cells.both]
    asked = [cells.base.get((key.drawn.base, key.where)) for key in keys]
    pairs = [contrasts.pair(one, other, metric) for one, other in zip(rows, shots, strict=True)]
    whole = [one for one in pairs if one is not None]
    if not whole or len(whole) < len(pairs):
        return None
    behind = zip(both, shots, strict=True) if len(both) == len(rows) else ()
    both_whole = [pair for one, other in behind if (pair := contrasts.pair(one, other, metric)) is not None]
    return Ways(
        size,
        tuple(_once([one for one in asked if one is not None])),
        tuple(_once(shots)),
        tuple(rows),
        tuple(both),
        contrasts.pooled(whole, metric),
        contrasts.pooled(both_whole, metric) if len(both_whole) == len(rows) else None,
    )


def _once(cells: list[CellEvidence]) -> Iterator[CellEvidence]:
    """Yield every cell once: several seeds of training may share one."""
    return iter({str(one.cell["id"]): one for one in cells}.values())
