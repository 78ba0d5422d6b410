"""Does a gate err as seldom as it promises, where the truth is known?

    python -m benchmarks.gate            # the whole grid, some minutes on one core; writes results/gate.json
    python -m benchmarks.gate --groups 5 # one part: rows in groups of five
    python -m benchmarks.gate --quick    # a tenth of the repetitions, nothing written

Three rules on three test sets (a margin of 5 points, a margin of 10, and a floor), on paired right-or-wrong rows, alone and in groups of five or twenty
of which half of the rows go together. Differences are exact: the accuracies of both models are set, and how often they
differ on a row. A promise per scenario:

passes a violation   one rule at its limit, the others far on the right side: the gate passes in at most 5 in 100
passes all at limit  every rule at its limit: rarer still
fails the sound      every rule exactly at its limit, which is the hardest of what violates none: fails in at most 5 in 100
fails the equal      a candidate exactly as good as what it replaces, the floor met: fails in at most 5 in 100
finds a loss         20 points lost on one set: fails in at least 80 in 100, so that never deciding is no way to keep promises
lets the sound pass  as good, margins of 5 and 10 points at 1,000 rows: passes in at least 80 in 100

Every study is simulated in memory and judged by the code that judges a run. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.promises import ERROR, Promise, n_missed, promise, told
from benchmarks.simulated import Study
from hanka.declared.source import parse_text
from hanka.operations.gate.judge import judge
from hanka.operations.gate.policy_file import POLICY, Asked, policy_of
from hanka.operations.gate.results import Outcome
from hanka.operations.gate.systems import sides_of

RESULTS = Path(__file__).parent / "results" / "gate.json"
TIMES = 1000
MARGINS = (0.05, 0.10)
FLOOR = 0.75
POLICY_TEXT = f"""
candidate: m
rules:
- {{non_inferior: {MARGINS[0]}, test: t0}}
- {{non_inferior: {MARGINS[1]}, test: t1}}
- {{floor: {FLOOR}, test: t2}}
"""
FAR = 0.15
"Points on the right side that leave a rule no doubt at these sizes of test set."
POWER = 0.8
SIZES = {1: (100, 250, 1000), 5: (250, 1000), 20: (1000,)}
"Rows in a group → rows of each test set."


class Truth(NamedTuple):
    """What is true of the candidate."""

    deltas: tuple[float, float]
    "Its difference from the base on the first two test sets."
    value: float
    "Its accuracy on the third."


AT_LIMIT = Truth((-MARGINS[0], -MARGINS[1]), FLOOR)
EQUAL = Truth((0.0, 0.0), FLOOR + 0.1)


def violations() -> Iterator[tuple[str, Truth]]:
    """Yield one rule at its limit with the others far from theirs, for each rule."""
    yield "first margin", Truth((-MARGINS[0], FAR), FLOOR + FAR)
    yield "second margin", Truth((FAR, -MARGINS[1]), FLOOR + FAR)
    yield "floor", Truth((FAR, FAR), FLOOR)


def asked() -> Asked:
    """Return the policy."""
    return policy_of(parse_text(POLICY_TEXT, Path("policy.yaml"), POLICY))


def outcome(seed: int, policy: Asked, truth: Truth, n: int, groups: int, base: float, discordant: float) -> Outcome:
    """Simulate one study and judge it. base: accuracy of the base; discordant: rows on which both differ where they are equal."""
    rng, study = np.random.default_rng([11, seed, n, groups, round(1000 * discordant)]), Study(seed)
    for place, delta in enumerate(truth.deltas):
        before, after = paired_rows(rng, n, groups, (base, base + delta), max(discordant, abs(delta) + 0.02))
        study.add("base", f"t{place}", before, groups=groups)
        study.add("m", f"t{place}", after, groups=groups)
    before, after = paired_rows(rng, n, groups, (truth.value, truth.value), discordant)
    study.add("base", "t2", before, groups=groups)
    study.add("m", "t2", after, groups=groups)
    evidence = study.evidence()
    return judge(policy, sides_of(policy, evidence, evidence)).outcome


def paired_rows(
    rng: np.random.Generator, n: int, groups: int, accuracies: tuple[float, float], discordant: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 1) right answers of both: exact accuracies, and exactly this share of rows right with one alone in expectation.

    groups: rows of a group come from one draw in half of the cases, so that a group is right or wrong together more than by chance.
    """
    first, second = accuracies
    only_second, only_first = (discordant + second - first) / 2, (discordant + first - second) / 2
    shares = np.array([only_first, only_second, first - only_first, 0.0])
    shares[3] = 1 - shares.sum()
    assert (shares >= -1e-9).all(), shares
    shares = np.clip(shares, 0, None) / np.clip(shares, 0, None).sum()
    kind = rng.choice(4, n, p=shares)
    if groups > 1:
        shared = np.repeat(rng.choice(4, -(-n // groups), p=shares), groups)[:n]
        kind = np.where(rng.random(n) < 0.5, shared, kind)
    return ((kind == 0) | (kind == 2)).astype(float)[:, None], ((kind == 1) | (kind == 2)).astype(float)[:, None]


def promises(times: int, groups: int) -> Iterator[Promise]:
    """Yield what is promised in every scenario with so many rows in a group."""
    policy = asked()
    for n in SIZES[groups]:
        for discordant in (0.06, 0.2):
            where = f"n={n}, {f'groups of {groups}' if groups > 1 else 'alone'}, {discordant:.0%} differ"

            def found(truth: Truth, n: int = n, differ: float = discordant) -> list[Outcome]:
                return [outcome(seed, policy, truth, n, groups, 0.8, differ) for seed in range(times)]

            for name, truth in violations():
                yield promise("passes a violation", f"{name}, {where}", is_(found(truth), "pass"), high=ERROR)
            at_limit, equal = found(AT_LIMIT), found(EQUAL)
            yield promise("passes all at limit", where, is_(at_limit, "pass"), high=ERROR)
            yield promise("fails the sound", f"all at limit, {where}", is_(at_limit, "fail"), high=ERROR)
            yield promise("fails the equal", where, is_(equal, "fail"), high=ERROR)
            if n >= 250:
                lost = found(Truth((-0.2, 0.0), FLOOR + 0.1))
                yield promise("finds a loss", where, is_(lost, "fail"), low=POWER)
            if n >= 1000 and groups == 1:
                yield promise("lets the sound pass", where, is_(equal, "pass"), low=POWER)


def is_(found: list[Outcome], wanted: Outcome) -> list[bool]:
    """Tell which outcomes are the wanted one."""
    return [one == wanted for one in found]


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, choices=SIZES, nargs="+", default=list(SIZES), help="rows in a group")
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    given = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    missed = 0
    for groups in given.groups:
        lines = told(promises(TIMES // 10 if given.quick else TIMES, groups))
        missed += n_missed(lines)
        known[f"groups of {groups}"] = lines
        if not given.quick:
            RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
