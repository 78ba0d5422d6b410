"""Bases by size, and the same system on each of them: what is compared when one asks whether larger is better.

Evidence → **ladders** → `judged.py`. A family is made of bases whose names differ by their size alone (`qwen3-0.6b-base`, `qwen3-4b-base`); where
no family has three sizes, all bases of the study whose parameters are known are taken together, which is said. A way is what is done with a
base: asked as it is with so many demonstrations, or an entry on its training set and size, asked as it is meant to be. A ladder is one
way on one test set over all bases that were asked it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, Pooling, asked_of
from hanka.metrics import METRICS, Metric

FEWEST = 3
"Sizes of a base below which nothing is said of its scale."
SIZE = re.compile(r"[-_.]?(?<![0-9a-z])\d+(?:\.\d+)?[kmbt](?![0-9a-z])", re.IGNORECASE)
"How many parameters a name says it has."


class Base(NamedTuple):
    """A base model on the ladder."""

    n_parameters: int
    name: str


class Way(NamedTuple):
    """What is done with a base."""

    label: str
    "Entry of `methods`."
    dataset: str
    "Training set; empty: none."
    size: int
    "Training rows."
    asked: Asked
    "How it is asked."


@dataclass(frozen=True, slots=True)
class Family:
    """Bases that are compared with each other."""

    bases: tuple[Base, ...]
    "By parameters, fewest first; each size once."
    is_mixed: bool
    "Whether they differ in more than size."
    left_out: tuple[str, ...]
    "Bases of a size that is there already."


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """One way on one test set, by size of the base."""

    family: Family
    "Its bases, of which those that were asked are in `cells`."
    way: Way
    "What is done with them."
    test: str
    "Test set."
    relation: str
    "Of the test set to what was trained; of bases as they are, to what the study trains."
    metric: Metric
    "The primary one of the task."
    cells: Mapping[Base, tuple[CellEvidence, ...]]
    "By base, fewest parameters first."
    steps: Mapping[tuple[Base, Base], Contrast]
    "(smaller, larger) → larger less smaller, over the same rows, prompts, draws and seeds."


def families(evidence: Evidence) -> list[Family]:
    """Return the families of three sizes or more; else all bases together; none where fewer than three sizes are known."""
    known = {str(name): int(count) for name, count in (evidence.plan.get("parameters") or {}).items() if count}
    names = dict.fromkeys(str(one["base"]) for one in evidence.plan["variants"])
    by_name: dict[str, list[Base]] = defaultdict(list)
    for name in names:
        if name in known:
            by_name[SIZE.sub("", name.lower())].append(Base(known[name], name))
    found = [_family(members, is_mixed=False) for members in by_name.values()]
    whole = [one for one in found if len(one.bases) >= FEWEST]
    if whole:
        return whole
    mixed = _family([base for members in by_name.values() for base in members], is_mixed=True)
    return [mixed] if len(mixed.bases) >= FEWEST else []


def _family(members: Sequence[Base], is_mixed: bool) -> Family:
    by_size: dict[int, Base] = {}
    for base in members:
        by_size.setdefault(base.n_parameters, base)
    kept = tuple(by_size[size] for size in sorted(by_size))
    return Family(kept, is_mixed, tuple(base.name for base in members if base not in kept))


def ladders(evidence: Evidence, contrasts: Contrasts) -> tuple[list[Ladder], int]:
    """Return every way on every test set that three bases of a family were asked alike, and how many are left out.

    Left out is a way of which two bases share too few rows, or no prompt, draw and seed.
    """
    cells = _by_way(evidence, contrasts)
    found, n_left_out = [], 0
    for family in families(evidence):
        names = {base.name: base for base in family.bases}
        keys = dict.fromkeys((way, test) for name, way, test in cells if name in names)
        for way, test in keys:
            rungs = {
                base: tuple(cells[base.name, way, test]) for base in family.bases if (base.name, way, test) in cells
            }
            metric = _metric(evidence, rungs)
            if len(rungs) < FEWEST or metric.higher_is_better is None:
                continue
            one = _ladder(contrasts, family, (way, test), rungs, metric)
            n_left_out += one is None
            found += [] if one is None else [one]
    return found, n_left_out


def _metric(evidence: Evidence, rungs: Mapping[Base, Sequence[CellEvidence]]) -> Metric:
    first = next(iter(rungs.values()))[0]
    return METRICS.get(evidence.primary(str(first.cell["test_task"])))


def _by_way(evidence: Evidence, contrasts: Contrasts) -> dict[tuple[str, Way, str], list[CellEvidence]]:
    """Sort the finished cells by base, way and test set, in the order of the plan."""
    found: dict[tuple[str, Way, str], list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        if cell.is_unadapted:
            way = Way(str(cell.variant["label"]), "", 0, asked_of(cell))
            found[str(cell.variant["base"]), way, str(cell.cell["test_dataset"])].append(cell)
    for one in Pooling(contrasts).systems():
        for test, members in one.cells.items():
            way = Way(one.system.label, one.system.dataset, one.system.size, one.asked[test])
            if members:
                found[one.system.base, way, test] += members
    return found


def _ladder(
    contrasts: Contrasts,
    family: Family,
    asked: tuple[Way, str],
    rungs: Mapping[Base, tuple[CellEvidence, ...]],
    metric: Metric,
) -> Ladder | None:
    """Compare every two bases; None where some two cannot be."""
    bases, steps = list(rungs), {}
    for place, smaller in enumerate(bases):
        for larger in bases[place + 1 :]:
            pairs = _pairs(contrasts, rungs[larger], rungs[smaller], metric)
            if pairs:
                steps[smaller, larger] = contrasts.pooled(pairs, metric)
    if len(steps) < len(bases) * (len(bases) - 1) // 2:
        return None
    relation = str(rungs[bases[0]][0].cell["relation"])
    return Ladder(family, *asked, relation, metric, rungs, steps)


def _pairs(
    contrasts: Contrasts, larger: Sequence[CellEvidence], smaller: Sequence[CellEvidence], metric: Metric
) -> list[PairResult]:
    """Pair the cells of two bases that were asked alike, seed by seed."""
    others = {_key(cell): cell for cell in smaller}
    pairs = (contrasts.pair(cell, others[_key(cell)], metric) for cell in larger if _key(cell) in others)
    return [one for one in pairs if one is not None]


def _key(cell: CellEvidence) -> tuple[object, ...]:
    return (*cell.asking, int(cell.variant["seed"]))
