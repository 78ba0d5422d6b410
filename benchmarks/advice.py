"""Does what `hanka advise` measures and concludes hold where the truth is known?

    python -m benchmarks.advice            # the whole grid, five minutes on one core; writes results/
    python -m benchmarks.advice --quick    # a tenth of the repetitions, nothing written

drop       the interval of a loss from in domain to out of domain, and of what tuning loses more than prompting, holds the truth at
           least 93 times in 100 where every test set has 40 independent units or more
line       with a true loss of exactly the line, question 6 is answered wrongly in each direction in at most 2.5 in 100
overruled  where tuning changes nothing, the measurement overrules a flow that says to prompt in at most 5 in 100
found      where tuning gains 20 points in and out of domain, it overrules "out of distribution" in at least 90 in 100

Every study is simulated in memory and read by the code that reads a run. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.promises import COVERAGE, ERROR, Promise, n_missed, promise, told
from benchmarks.simulated import Study, difficulty, share_for
from hanka.advise.conflict import measurement_of
from hanka.advise.drops import drops
from hanka.advise.flow import walk
from hanka.advise.focus import Focus
from hanka.advise.inputs import Given, declared
from hanka.advise.thresholds import Thresholds
from hanka.analysis.claims import SystemClaims
from hanka.analysis.decision import decide

RESULTS = Path(__file__).parent / "results" / "advice.json"
LINES = Thresholds()
OUT_OF_DOMAIN = 6
SHARED = share_for(0.7, 0.2)
"Of a row's difficulty: two models of 70 % differ on a fifth of the rows."


class Truth(NamedTuple):
    """What is simulated."""

    n: int
    "Rows of a test set."
    base: tuple[float, float]
    "Accuracy of the base in and out of domain."
    tuned: tuple[float, float]
    "Accuracy of the tuned model."
    n_outside: int = 1
    "Test sets out of domain."
    n_seeds: int = 1
    "Training seeds."
    spread: float = 0.0
    "Standard deviation of accuracy between seeds."
    groups: int = 1
    "Rows in a group."

    def study(self, seed: int, decides: bool = False) -> Focus:
        """Draw one study. decides: whether its decision is needed, too."""
        rng, found = np.random.default_rng([7, seed, self.n]), Study(seed)
        tests = [("in", "in_domain", 0), *((f"out{at}", "out_of_domain", 1) for at in range(self.n_outside))]
        shifts = [rng.normal(0, self.spread) if self.spread else 0.0 for _ in range(2 * self.n_seeds)]
        for test, relation, side in tests:
            hard = difficulty(rng, self.n, SHARED, self.groups)
            where = {"relation": relation, "groups": self.groups}
            found.add("base", test, hard.right(rng, self.base[side]), **where)
            for one in range(self.n_seeds):
                accuracy = float(np.clip(self.tuned[side] + shifts[2 * one + side], 0.005, 0.995))
                found.add("sft", test, hard.right(rng, accuracy), seed=one, **where)
        focus = Focus(found.evidence(), ("task",), {})
        if decides:
            # Whether training fitted its rows is read from files, and a study in memory has none: nothing is unfit here.
            (vars(focus)["decision"],) = decide(focus.evidence, focus.claims)["per_task"]
        else:
            (cells,) = focus.pooling.systems()
            vars(focus)["candidate"] = SystemClaims(cells, "task", (), ())
        return focus


def holds(known: Given, truth: float) -> bool:
    """Tell whether an interval holds the truth; an estimate without one does not claim to."""
    return known.ends is None or known.ends[0] <= truth <= known.ends[1]


def drop(times: int) -> Iterator[Promise]:
    """Yield the coverage of both intervals."""
    settings = [
        (f"{tuned}, n={n}, {sets} outside", Truth(n, (0.6, 0.55), tuned, sets))
        for tuned in ((0.9, 0.7), (0.98, 0.9), (0.7, 0.7))
        for n, sets in ((40, 1), (100, 3), (250, 1))
    ]
    settings += [(f"(0.9, 0.7), {n} rows in fives", Truth(n, (0.6, 0.55), (0.9, 0.7), groups=5)) for n in (200, 500)]
    settings += [
        (f"(0.8, 0.7), n=100, {seeds} seeds of SD 3 points", Truth(100, (0.6, 0.55), (0.8, 0.7), 1, seeds, 0.03))
        for seeds in (3, 5)
    ]
    for name, truth in settings:
        found = [drops(truth.study(seed)) for seed in range(times)]
        own, others = truth.tuned[0] - truth.tuned[1], truth.base[0] - truth.base[1]
        yield promise("drop", f"loss, {name}", [holds(one["ood_drop"], own) for one in found], COVERAGE)
        yield promise(
            "drop", f"loss beyond the base's, {name}", [holds(one["drop_gap"], own - others) for one in found], COVERAGE
        )


def line(times: int) -> Iterator[Promise]:
    """Yield how often question 6 is answered with a loss on the line."""
    for n in (100, 250, 1000):
        truth = Truth(n, (0.6, 0.55), (0.8, 0.8 - LINES.ood_drop))
        found = [
            walk({"ood_drop": drops(truth.study(seed))["ood_drop"]}, LINES).state(OUT_OF_DOMAIN)
            for seed in range(times)
        ]
        for state in ("yes", "no"):
            yield promise("line", f"{state}, n={n}", [one == state for one in found], high=ERROR / 2)


def overrules(truth: Truth, times: int) -> list[bool]:
    """Tell of each study whether the measurement overruled a flow that says to prompt, for data out of distribution."""
    inputs = {
        "mimics_human": False, "hard_reasoning": False, "n_task_formats": 1, "numeric_target": False, "rows_per_class": 400, "ood_drop": 0.5,
    }  # fmt: skip
    path = walk({name: declared(name, value, "answers") for name, value in inputs.items()}, LINES)
    assert [one.number for one in path.exits] == [OUT_OF_DOMAIN]
    return [
        measurement_of(truth.study(seed, decides=True), path).weighed.stands == "measurement" for seed in range(times)
    ]


def overruled(times: int) -> Iterator[Promise]:
    """Yield how often nothing overrules the flow."""
    for n in (40, 100, 250):
        found = overrules(Truth(n, (0.7, 0.6), (0.7, 0.6), 2), times)
        yield promise("overruled", f"no effect, n={n}", found, high=ERROR)
        lost = overrules(Truth(n, (0.7, 0.7), (0.85, 0.5), 2), times)
        yield promise("overruled", f"+15 in domain, -20 outside, n={n}", lost, high=ERROR)


def found(times: int) -> Iterator[Promise]:
    """Yield how often a true gain overrules the flow."""
    yield promise(
        "found", "+20 in and out of domain, n=250", overrules(Truth(250, (0.6, 0.55), (0.8, 0.75), 2), times), 0.9
    )


PARTS: dict[str, tuple[Callable[[int], Iterator[Promise]], int]] = {
    "drop": (drop, 1000),
    "line": (line, 4000),
    "overruled": (overruled, 300),
    "found": (found, 200),
}


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    missed = 0
    for name in asked.only:
        part, times = PARTS[name]
        lines = told(part(times // 10 if asked.quick else times))
        missed += n_missed(lines)
        known[name] = lines
        if not asked.quick:
            RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
