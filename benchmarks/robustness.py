"""Do the intervals of changed rows hold where the truth is known?

    python -m benchmarks.robustness          # the whole grid, some minutes on one core; writes results/robustness.json
    python -m benchmarks.robustness --quick  # a tenth of the repetitions, nothing written

A base and two tuned systems on one test set and three changed copies of it: nine losses and six losses beyond base's, one family. A row's
difficulty is shared by all models before and after, so that losses go together as they do in a study. A promise per scenario:

no loss            nobody loses anything: some loss or gain is called shown in at most 5 in 100 studies
no more than base  all lose the same: some system is called more or less brittle in at most 5 in 100
all hold           losses and losses beyond base's of several sizes: all fifteen intervals hold the truth in at least 93 in 100
finds a loss       20 points lost: called so in at least 80 in 100, so that never deciding is no way to keep promises
finds more         20 points more than base: called so in at least 80 in 100

Every study is simulated in memory and judged by the code of the question. What is scored above a constant answer is a paired difference like the loss
and has no part of its own. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.promises import COVERAGE, ERROR, Promise, n_missed, promise, told
from benchmarks.simulated import Study, class_rows, difficulty
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.questions.robustness.judged import Told, contrasts_of
from hanka.analysis.questions.robustness.judged import told as judged
from hanka.analysis.questions.robustness.pairs import compared

RESULTS = Path(__file__).parent / "results" / "robustness.json"
TIMES = 400
CHANGES = ("typos", "synonyms", "word_order")
SYSTEMS = ("base", "sft", "fticl")
POWER = 0.8
SHARED = 0.7
"Of the variance of an answer that rows share: models that are right on many of the same rows."
BEFORE = {"base": 0.7, "sft": 0.85, "fticl": 0.8}


class Truth(NamedTuple):
    """What is true of a study: by system, what each change costs."""

    losses: dict[str, tuple[float, float, float]]
    n: int
    groups: int = 1
    metric: str = "accuracy"
    seeds: int = 1
    "Trainings of each tuned system."
    spread: float = 0.0
    "Standard deviation of a training's accuracy, before and after alike."


def study(seed: int, truth: Truth) -> list[Told]:
    """Simulate a study and return what the question says of it."""
    rng = np.random.default_rng((seed, truth.n, truth.groups))
    made = Study(seed, truth.metric)
    hard = difficulty(rng, truth.n, SHARED, truth.groups)
    targets = np.arange(truth.n) % 2

    def add(system: str, test: str, accuracy: float, train_seed: int) -> None:
        right = hard.right(rng, accuracy)
        if truth.metric != "accuracy":
            right = class_rows(targets, np.where(right[:, 0] > 0, targets, 1 - targets), 2)
        relation = "in_domain" if test == "home" else "perturbed"
        made.add(system, test, right, groups=truth.groups, relation=relation, seed=train_seed, rows_of="home")

    for system in SYSTEMS:
        for train_seed in range(1 if system == "base" else truth.seeds):
            luck = 0.0 if system == "base" else float(rng.normal(0, truth.spread)) if truth.spread else 0.0
            add(system, "home", BEFORE[system] + luck, train_seed)
            for change, loss in zip(CHANGES, truth.losses[system], strict=True):
                after = float(rng.normal(0, truth.spread)) if truth.spread and system != "base" else 0.0
                add(system, change, BEFORE[system] + luck - loss + after, train_seed)
    evidence = made.evidence()
    declared = {change: {"of": "home", "recipe": change, "expects": "same"} for change in CHANGES}
    evidence = type(evidence)(evidence.folder, {**evidence.plan, "perturbed": declared}, evidence.cells)
    evidence._rows.update(made.rows)
    contrasts = Contrasts(evidence)
    found, nothing = compared(evidence, contrasts)
    assert not nothing
    together = contrasts.judge(contrasts_of(found), "robustness")
    return [judged(evidence, one, together) for one in found]


def same(loss: float) -> dict[str, tuple[float, float, float]]:
    """Return a truth in which every change costs every system the same."""
    return dict.fromkeys(SYSTEMS, (loss, loss, loss))


SEVERAL = {"base": (0.0, 0.05, 0.2), "sft": (0.1, 0.05, 0.3), "fticl": (0.0, 0.2, 0.1)}
FAR = {"base": (0.0, 0.0, 0.2), "sft": (0.0, 0.2, 0.4), "fticl": (0.0, 0.0, 0.2)}


def says(found: Sequence[Told], words: tuple[str, ...], of: str) -> bool:
    """Tell whether any loss, or any loss beyond base's, is called one of some words."""
    return any((side := getattr(one, of)) is not None and side.word in words for one in found)


def all_hold(found: Sequence[Told], truth: Truth) -> bool:
    """Tell whether every interval holds the truth."""
    for one in found:
        at = CHANGES.index(one.compared.change)
        loss = truth.losses[one.compared.who.label][at]
        wanted = [(one.loss, loss)] + ([(one.excess, loss - truth.losses["base"][at])] if one.excess else [])
        for side, value in wanted:
            low, high = side.difference.low, side.difference.high
            assert low is not None
            assert high is not None
            if not low - 1e-9 <= value <= high + 1e-9:
                return False
    return True


def finds(found: Sequence[Told], change: str, system: str, of: str, word: str) -> bool:
    """Tell whether one difference is called a word."""
    (one,) = (each for each in found if (each.compared.change, each.compared.who.label) == (change, system))
    side = getattr(one, of)
    return bool(side.word == word)


def promises(times: int) -> Iterator[Promise]:
    """Yield what is promised in every scenario."""
    grid = [(100, 1), (400, 1), (400, 5)]
    for metric in ("accuracy", "macro_f1"):
        for n, groups in grid if metric == "accuracy" else grid[1:2]:
            where = f"{metric}, n={n}, {f'groups of {groups}' if groups > 1 else 'alone'}"

            def run(losses: dict[str, tuple[float, float, float]], n: int = n, groups: int = groups, metric: str = metric) -> list[tuple[Truth, list[Told]]]:  # fmt: skip
                truth = Truth(losses, n, groups, metric)
                return [(truth, study(seed, truth)) for seed in range(times)]

            nothing, alike = run(same(0.0)), run(same(0.15))
            yield promise("no loss", where, [says(one, ("loses", "gains"), "loss") for _, one in nothing], high=ERROR)
            for name, found in (("nothing lost", nothing), ("15 points lost", alike)):
                yield promise(
                    "no more than base", f"{name}, {where}", [says(one, ("more", "less"), "excess") for _, one in found], high=ERROR
                )  # fmt: skip
            if metric == "accuracy":  # of macro-F1 the losses are not known exactly
                yield promise("all hold", where, [all_hold(one, truth) for truth, one in run(SEVERAL)], low=COVERAGE)
            if n >= 400 and groups == 1 and metric == "accuracy":
                far = [one for _, one in run(FAR)]
                yield promise(
                    "finds a loss", where, [finds(one, "word_order", "base", "loss", "loses") for one in far], low=POWER
                )
                yield promise(
                    "finds more", where, [finds(one, "synonyms", "sft", "excess", "more") for one in far], low=POWER
                )
    truth = Truth(same(0.1), 400, seeds=3, spread=0.02)
    seeded = [study(seed, truth) for seed in range(times)]
    where = "accuracy, n=400, three seeds that differ by 2 points"
    yield promise("no more than base", where, [says(one, ("more", "less"), "excess") for one in seeded], high=ERROR)
    yield promise("all hold", where, [all_hold(one, truth) for one in seeded], low=COVERAGE)


def main() -> int:
    """Run the grid and compare it with its promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions; writes nothing")
    given = parser.parse_args()
    lines = told(promises(TIMES // 10 if given.quick else TIMES))
    if not given.quick:
        RESULTS.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(n_missed(lines) > 0)


if __name__ == "__main__":
    sys.exit(main())
