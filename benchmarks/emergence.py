"""Does the emergence law's interval hold the truth, and how wrong is a broken line on published checkpoints?

    python -m benchmarks.emergence                 # about a quarter of an hour on one core; writes results/
    python -m benchmarks.emergence --quick         # a tenth of the repetitions, nothing written
    python -m benchmarks.emergence --ladder FILE   # olmo-ladder.csv; default ../shared/data/ladder/, left out where it is not

coverage   the 90 % interval of E(5), read below the least fine-tuning size, holds the truth in 80 to 97 of 100 synthetic laws: straight,
           concave and convex in log D, with the base known or fitted, with noise beside that of the test rows
width      without the three smallest sizes the interval is wider
nothing    noise alone is hardly ever a law
ladder     elbows of few-shot curves by range and size of model; fitted to the weaker checkpoints alone, how far off the stronger ones are

The first three are promises: exits with 1 where one is missed. The last is a finding: a broken line need not be right.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.promises import Promise, n_missed, promise, told
from hanka.analysis.emergence.measured import Asked, Measurement, points_of
from hanka.analysis.emergence.predicted import missed
from hanka.stats.emergence import Points, Settings, bootstrap, fit, law_of, outcome, points, sample
from hanka.stats.emergence.likeliest import is_shown

RESULTS = Path(__file__).parent / "results" / "emergence.json"
LADDER = Path(__file__).parents[2] / "shared/data/ladder/olmo-ladder.csv"
SIZES = np.array([32, 64, 128, 256, 512, 1024, 2048, 4096])
LOSSES = np.linspace(1.85, 2.5, 9)
LOW_DATA, LEVEL = 5, 0.90
LEAST, MOST = 0.80, 0.97
"Of the coverage of a 90 % interval."


class Truth(NamedTuple):
    """A known law, and how it is measured."""

    name: str
    k: float
    a: float
    c: float
    base: float | None = 0.25
    "What a fit is told of the base; None: nothing."
    n: int = 0
    "Test rows behind a value; 0: noise alone."
    noise: float = 0.01

    @property
    def elbow(self) -> float:
        """Where the law is read."""
        return float(self.k * np.log(LOW_DATA) ** self.a + self.c)

    def values(self, seed: int) -> Points:
        """Return one value of every loss and size."""
        rng = np.random.default_rng([11, seed])
        loss, rows = (one.ravel() for one in np.meshgrid(LOSSES, SIZES, indexing="ij"))
        true = 0.25 + 0.8 * np.maximum(0, self.k * np.log(rows) ** self.a + self.c - loss)
        found = np.clip(true + self.noise * rng.standard_normal(len(true)), 0, 1)
        return points(loss, rng.binomial(self.n, found) / self.n if self.n else found, rows, n=self.n)


TRUTHS = (
    Truth("straight in log D, base known", 0.05, 1.0, 1.75),
    Truth("concave, base fitted", 0.14, 0.5, 1.60, None),
    Truth("convex, 1,000 test rows a value", 0.006, 2.0, 1.80, 0.25, 1000),
)
PARTS = {"coverage": 100, "width": 20, "nothing": 200}


def coverage(times: int) -> Iterator[Promise]:
    """Yield how often the interval holds the truth, and how often the likeliest is within 0.05 nats of it."""
    for truth in TRUTHS:
        held, near = [], []
        for seed in range(times):
            values = truth.values(seed)
            best = fit(law_of(values, base=truth.base), values)
            low, high = sample(values, best, LOW_DATA, seed).interval(LEVEL)
            held.append(low <= truth.elbow <= high)
            near.append(abs(best.elbow(LOW_DATA) - truth.elbow) <= 0.05)
        yield promise("coverage", truth.name, held, LEAST, MOST)
        yield promise("near", f"likeliest within 0.05 nats, {truth.name}", near, 0.5)


def width(times: int) -> Iterator[Promise]:
    """Yield how often the interval is wider without the three smallest sizes."""
    truth, wider = TRUTHS[0], []
    for seed in range(times):
        whole = truth.values(seed)
        lengths = []
        for values in (whole, whole.among(whole.rows > SIZES[2])):
            low, high = sample(values, fit(law_of(values, base=truth.base), values), LOW_DATA, seed).interval(LEVEL)
            lengths.append(high - low)
        wider.append(lengths[1] > lengths[0])
    yield promise("width", "wider without the three smallest sizes", wider, 0.95)


def nothing(times: int) -> Iterator[Promise]:
    """Yield how often noise alone is taken for a law."""
    found = []
    for seed in range(times):
        rng = np.random.default_rng([12, seed])
        loss, rows = (one.ravel() for one in np.meshgrid(LOSSES, SIZES, indexing="ij"))
        values = points(loss, 0.25 + 0.01 * rng.standard_normal(len(loss)), rows)
        try:
            best = fit(law_of(values, base=0.25 if seed % 2 else None), values)
        except ValueError:
            found.append(False)
            continue
        found.append(is_shown(best, values))
    yield promise("nothing", "noise alone is a law", found, 0.0, 0.05)


# ---- published checkpoints


RC = "downstream/{}_rc_5shot_len_norm"
TASKS = {
    "csqa": (RC.format("csqa_val"),),
    "hellaswag": (RC.format("hellaswag_val"),),
    "mmlu": tuple(RC.format(f"mmlu_{part}_test") for part in ("stem", "humanities", "social_sciences", "other")),
}
MODELS = ("190M", "370M", "760M", "1B", "3B")
HELD_OUT_BELOW = (3.3, 3.0)
"Losses below which checkpoints are held out."


def ladder_values(path: Path, task: str, below: float = 7.0) -> list[Measurement]:
    """Return a task's few-shot values, one of every checkpoint with a loss below a bound; a run is a model."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    loss = "c4_en-validation/CrossEntropyLoss"
    found = (
        Measurement(row["run"], float(row[loss]), float(np.mean([float(row[one]) for one in TASKS[task]])), 0)
        for row in rows
    )
    return [one for one in found if one.loss < below]


def ladder(path: Path, resamples: int) -> Iterator[dict[str, Any]]:
    """Yield elbows by task and size of model, and errors at held-out checkpoints."""
    for task in TASKS:
        values = ladder_values(path, task)
        yield _elbow(task, "all, loss < 7", values, resamples)
        for bound in (5.0, 4.0):
            yield _elbow(task, f"all, loss < {bound:g}", [one for one in values if one.loss < bound], resamples)
        for model in MODELS:
            yield _elbow(task, model, [one for one in values if one.model.startswith(model)], resamples)
        for bound in HELD_OUT_BELOW:
            yield _held_out(task, f"loss < {bound:g}", values, [one.loss < bound for one in values])
        yield _held_out(task, "1B and 3B", values, [one.model.startswith(MODELS[3:]) for one in values])


def _elbow(task: str, what: str, values: Sequence[Measurement], resamples: int) -> dict[str, Any]:
    found = points_of(values)
    best = fit(law_of(found), found)
    ends = bootstrap(found, best, 0, 0, resamples).interval(LEVEL)
    return {
        "task": task, "what": f"elbow, {what}", "n": len(found), "runs": found.n_models, "elbow": round(best.elbow(0), 4),
        "low": ends and round(ends.low, 4), "high": ends and round(ends.high, 4), "slope": round(best.slope, 4),
        "base": round(best.base, 4), "rmse": round(best.residual, 4),
    }  # fmt: skip


def _held_out(task: str, what: str, values: Sequence[Measurement], out: Sequence[bool]) -> dict[str, Any]:
    marked = [replace(one, is_held_out=held) for one, held in zip(values, out, strict=True)]
    seen = points_of([one for one in marked if not one.is_held_out])
    fitted = outcome("all", seen, Settings(0, None, 0))
    found = missed(fitted, marked, Asked())
    said: dict[str, Any] = {"task": task, "what": f"held out: {what}", "n_fitted": len(seen)}
    if found is None or fitted.best is None:
        return said | {"why": fitted.why}
    return said | {
        "n": found.n, "runs": found.n_models, "mean_error": round(found.error, 4), "rmse": round(found.rmse, 4),
        "covered": round(found.covered, 4), "elbow": round(fitted.best.elbow(0), 4), "slope": round(fitted.best.slope, 4),
    }  # fmt: skip


def main() -> int:
    """Run all parts, print a line each, write results; return 1 where a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    parser.add_argument("--only", choices=[*PARTS, "ladder"], nargs="+", default=[*PARTS, "ladder"])
    parser.add_argument("--ladder", type=Path, default=LADDER, help="olmo-ladder.csv")
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    missed = 0
    for name, part in (("coverage", coverage), ("width", width), ("nothing", nothing)):
        if name in asked.only:
            known[name] = told(part(PARTS[name] // 10 if asked.quick else PARTS[name]))
            missed += n_missed(known[name])
    if "ladder" in asked.only and asked.ladder.is_file():
        known["ladder"] = []
        for line in ladder(asked.ladder, 10 if asked.quick else 100):
            known["ladder"].append(line)
            print(" ".join(f"{key} {value}" for key, value in line.items()), flush=True)
    elif "ladder" in asked.only:
        print(f"ladder: left out, {asked.ladder} is not here")
    if not asked.quick:
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
