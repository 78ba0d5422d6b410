"""Studies that grow until they are decided, simulated: false claims over all looks, rows saved, verdicts that change.

Every look is judged by the code that judges a run. A system that is decided is asked no more, as in a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.promises import ERROR, Promise, promise
from benchmarks.simulated import FloatArray, Study, difficulty, share_for
from hanka.analysis.claims import SystemClaims, claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import judge

MOST, BLOCK = 1000, 40
"Rows at the end, and between two of the 25 looks."
CLAIMS = ("better", "worse")


class Grown(NamedTuple):
    """One system of a study that grew."""

    claimed: str
    "Verdict of its gain when it stopped."
    rows: int
    "Rows it was asked."
    at_once: str
    "Verdict of the same rows, all asked at once."


def looks(times: int) -> Iterator[Promise]:
    """Yield false claims over all looks without an effect; with one, how often it is found, and what that saves."""
    nothing = {
        "1 system, 20 % differ": (times, 1, 0.2, 1),
        "1 system, 4 % differ": (times, 1, 0.04, 1),
        "1 system, rows in fives": (times, 1, 0.2, 5),
        "8 systems, 20 % differ": (times // 4, 8, 0.2, 1),
    }
    for name, (repetitions, n_systems, discordant, groups) in nothing.items():
        grown = [_grow(seed, (0.0,) * n_systems, discordant, groups) for seed in range(repetitions)]
        wrong = [any(one.claimed in CLAIMS for one in study) for study in grown]
        yield promise("looks", f"false claim over 25 looks, {name}", wrong, high=ERROR)
    for effect in (0.05, 0.10, 0.20):
        grown = [_grow(seed, (effect,), 0.2 + effect / 2, 1) for seed in range(times)]
        only = [study[0] for study in grown]
        name = f"+{100 * effect:.0f} points"
        yield promise("looks", f"gain found, {name}", [one.claimed == "better" for one in only])
        yield _mean("looks", f"share of rows saved, {name}", [1 - one.rows / MOST for one in only])
        differs = [(one.claimed in CLAIMS) != (one.at_once in CLAIMS) for one in only]
        yield promise("looks", f"verdict is not that of all {MOST} rows, {name}", differs)
        yield promise("looks", f"claim against the truth, {name}", [one.claimed == "worse" for one in only], high=0.01)


def _mean(part: str, scenario: str, values: Sequence[float]) -> Promise:
    error = float(np.std(values) / np.sqrt(len(values)))
    return Promise(part, scenario, float(np.mean(values)), error, 0.0, 1.0, len(values))


def _grow(seed: int, effects: Sequence[float], discordant: float, groups: int) -> list[Grown]:
    rng = np.random.default_rng([7, seed, len(effects), groups])
    hard = difficulty(rng, MOST, share_for(0.65, discordant), groups)
    base, tuned = hard.right(rng, 0.65), [hard.right(rng, 0.65 + effect) for effect in effects]
    stopped: dict[str, tuple[str, int]] = {}
    for n in range(BLOCK, MOST + 1, BLOCK):
        for system in _claims(seed, base[:n], [one[:n] for one in tuned], groups, BLOCK):
            label = system.cells.system.label
            decided = judge(system, 0.95, {}).outcome != "undecided"
            if label not in stopped and (decided or n == MOST):
                stopped[label] = (system.toughest.verdict, n)
        if len(stopped) == len(effects):
            break
    once = {one.cells.system.label: one.toughest.verdict for one in _claims(seed, base, tuned, groups, None)}
    return [Grown(verdict, rows, once[label]) for label, (verdict, rows) in stopped.items()]


def _claims(
    seed: int, base: FloatArray, tuned: Sequence[FloatArray], groups: int, block: int | None
) -> tuple[SystemClaims, ...]:
    study = Study(seed, block=block)
    study.add("base", "t", base, groups=groups, most=MOST)
    for place, rows in enumerate(tuned):
        study.add(f"m{place}", "t", rows, groups=groups, most=MOST)
    return claims_of(Contrasts(study.evidence())).systems
