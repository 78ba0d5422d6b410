"""How often does a stage of a rollout pass what it should not, or stop what it should not? On runs whose truth is known.

    python -m benchmarks.rollout            # a few minutes on one core; writes results/rollout.json
    python -m benchmarks.rollout --quick    # a tenth of the repetitions, nothing written

edge      a system at the edge (no gain; or a loss of exactly the margin on one or both test sets, whatever it gains) passes in at
          most 5 in 100
stopped   a system at the edge, or beyond it on the right side, is called not met in at most 5 in 100
power     with as many rows as `hanka rollout` asks for, a good system passes about as often as that promises (8 in 10)

Every run is simulated in memory and judged by the code that judges a run. Exits with 1 where a promise is missed.
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
from benchmarks.simulated import Study, difficulty, share_for
from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.pooling import Pooling
from hanka.operations.rollout.criteria import Judging, bounded
from hanka.operations.rollout.stages import Stage

RESULTS = Path(__file__).parent / "results" / "rollout.json"
TIMES = 400
STAGE = Stage(name="one")
MARGIN = STAGE.margin


class Truth(NamedTuple):
    """What is true of a simulated system."""

    name: str
    gain: float
    "In domain."
    losses: tuple[float, ...]
    "On each test set out of domain."
    n: int
    "Rows of a test set."
    discordant: float = 0.2
    "Share of rows on which two models of one skill differ."
    seeds: int = 1
    "Trainings, all of the same skill."


EDGES = (
    *(Truth("no gain, no loss", 0.0, (0.0,), n) for n in (40, 250, 1000)),
    *(Truth("no gain, a gain elsewhere", 0.0, (-0.1, -0.1), n) for n in (250, 1000)),
    *(Truth("a loss at the margin", 0.2, (MARGIN,), n) for n in (40, 250, 1000)),
    *(Truth("a loss at the margin, 5 % differ", 0.2, (MARGIN,), n, 0.05) for n in (40, 250, 1000)),
    *(Truth("losses at the margin on two sets", 0.2, (MARGIN, MARGIN), n) for n in (250, 1000)),
    Truth("a loss at the margin on one of two sets", 0.2, (MARGIN, -0.1), 1000),
    Truth("a loss at the margin, three trainings", 0.2, (MARGIN,), 250, 0.2, 3),
    Truth("no gain, three trainings", 0.0, (-0.1,), 250, 0.2, 3),
)
GOOD = tuple(Truth("a gain, no loss", 0.1, (0.0,), n) for n in (40, 250, 1000))
ENOUGH = (Truth("a gain, no loss, as many rows as are asked for", 0.1, (0.0,), 3100),)
"1.64 and 0.84 standard errors within two points, where 20 % of rows differ: 3,091 rows."


def verdict_of(truth: Truth, seed: int) -> str:
    """Judge one simulated run: met, failed or open."""
    rng, study = np.random.default_rng([7, seed, truth.n, len(truth.losses)]), Study(seed)
    tests = [("home", truth.gain), *((f"away{at}", -loss) for at, loss in enumerate(truth.losses))]
    for test, effect in tests:
        hard = difficulty(rng, truth.n, share_for(0.6, truth.discordant))
        relation = "in_domain" if test == "home" else "out_of_domain"
        study.add("base", test, hard.right(rng, 0.6), relation=relation)
        for one in range(truth.seeds):
            study.add("sft", test, hard.right(rng, 0.6 + effect), relation=relation, seed=one)
    contrasts = Contrasts(study.evidence())
    (system,) = Pooling(contrasts).systems()
    judging = Judging(contrasts.evidence, claims_of(contrasts), system, STAGE, ["task"])
    states = {one.state for one in bounded(judging)}
    return "failed" if "failed" in states else "open" if "open" in states else "met"


def promises(times: int) -> Iterator[Promise]:
    """Yield every promise of the grid."""
    for truth in EDGES:
        found = [verdict_of(truth, seed) for seed in range(times)]
        said = f"{truth.name}, n={truth.n}"
        yield promise("edge", said, [one == "met" for one in found], high=ERROR)
        yield promise("stopped", said, [one == "failed" for one in found], high=ERROR)
    for truth in GOOD:
        found = [verdict_of(truth, seed) for seed in range(times)]
        yield promise("stopped", f"{truth.name}, n={truth.n}", [one == "failed" for one in found], high=ERROR)
        yield promise("power", f"{truth.name}, n={truth.n}: passed", [one == "met" for one in found])
    for truth in ENOUGH:
        passed = [verdict_of(truth, seed) == "met" for seed in range(times)]
        yield promise("power", f"{truth.name}, n={truth.n}: passed", passed, low=0.75, high=0.87)


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    is_quick = parser.parse_args().quick
    lines = told(promises(TIMES // 10 if is_quick else TIMES))
    if not is_quick:
        RESULTS.write_text(json.dumps({"rollout": lines}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(n_missed(lines) > 0)


if __name__ == "__main__":
    sys.exit(main())
