"""Which learning rate and how many epochs let a small study train? What `hanka.methods.defaults` rests on.

    python -m benchmarks.pilot --minutes 25    # goes on with benchmarks/results/pilot.json; delete it to start over

SmolLM2-135M is trained on rows of small packaged data sets with each tuner at three learning rates, a factor of about three apart, and
looked at on validation rows half-way and at the end; no test row is read. Runs are ordered so that a budget that ends early still holds whole
rounds: first the middle rates on the first data set, then on the second, then their neighbours, then more rows and the third. A
rate's score is the loss on validation rows at its better look over that before training, averaged over data sets: comparable
between data sets, lower is better. Warm-up is not varied. Limits: one model, one seed, tasks with labels, few rows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks import machine

BASE = "smollm2-135m-instruct"
RESULT = Path(__file__).parent / "results/pilot.json"
RATES: Mapping[str, tuple[float, ...]] = {
    "lora": (1e-3, 3e-4, 3e-3),
    "none": (1e-4, 3e-5, 3e-4),
    "bitfit": (3e-3, 1e-3, 1e-2),
    "ia3": (1e-2, 3e-3, 3e-2),
}
"By tuner, the one that is tried first before its neighbours."
EXTRAS: Mapping[str, dict[str, Any]] = {"bitfit": {"biases": "added"}}
"What a tuner needs beside its name on a model without biases."


LOOKS = 2
"Looks at validation rows in training."


class Corpus(NamedTuple):
    """A packaged data set to train on."""

    task: str
    "Its task, whose training set it is."
    validation: float
    "Share of its rows to validate on: about 35 rows."


CORPORA: Mapping[str, Corpus] = {
    "tweets": Corpus("sentiment", 0.018),
    "narrative-answers": Corpus("detection", 0.06),
    "boolq": Corpus("inference", 0.009),
}


class Trial(NamedTuple):
    """One training."""

    dataset: str
    "What it is trained on."
    tuner: str
    "Which weights train."
    rate: float
    "Peak learning rate."
    n_rows: int
    "Training rows."
    epochs: int
    "Passes over them."


def trials() -> Iterator[Trial]:
    """Yield the trainings, the most telling first."""
    first, second, third = CORPORA
    for place in range(3):
        for dataset in (first, second):
            yield from (Trial(dataset, tuner, rates[place], 40, 4) for tuner, rates in RATES.items())
    yield from (Trial(first, tuner, rates[0], 400, 1) for tuner, rates in RATES.items())
    yield from (Trial(third, tuner, rates[0], 40, 4) for tuner, rates in RATES.items())


def carry_out(trial: Trial, folder: Path) -> dict[str, Any]:
    """Train once; return what was looked at before, on the way and at the end."""
    from hanka.plan import build_plan
    from hanka.store.folder import RunFolder, read_json
    from hanka.study.resolve import resolve
    from hanka.study.source import parse_source
    from hanka.work.worker import Worker

    plan = build_plan(resolve(parse_source(json.dumps(study(trial)), folder / "study.json")))
    worker, out = Worker(plan, RunFolder(folder), lambda _what, _share: None), {}
    for unit in plan.units():
        if unit.kind == "adapt":
            worker.run(unit)
            out = read_json(RunFolder(folder).variant(unit.of) / "variant.json")
    record = out.get("record", {})
    return trial._asdict() | {
        "status": out["status"],
        "reason": out["reason"],
        "seconds": out["seconds"],
        "torch_capability": machine.describe()["torch_capability"],
        **{name: record.get(name) for name in ("steps", "fit", "checkpoints", "change")},
    }


def study(trial: Trial) -> dict[str, Any]:
    """Return the study of a trial: one variant, looked at half-way and at the end."""
    corpus = CORPORA[trial.dataset]
    entry = {"peft": trial.tuner, "learning_rate": trial.rate} | EXTRAS.get(trial.tuner, {})
    return {
        "name": "pilot",
        "base": BASE,
        "data": {"source": "mini"},
        "tasks": {corpus.task: {"in_domain": [trial.dataset], "out_of_domain": []}},
        "methods": ["base", {"sft": entry}],
        "train": {
            "sizes": [trial.n_rows], "epochs": trial.epochs, "warmup_ratio": 0.0, "batch_size": 8, "max_length": 512,
            "validation": corpus.validation, "checkpoints": LOOKS, "checkpoint_seconds": 1e6,
        },
        "eval": {"limit": 1, "cross_task": False},
    }  # fmt: skip


def summarised(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line per tuner, rate, rows and data sets they share: mean scores and accuracies; best first."""
    by_setting: dict[tuple[str, float, int], list[Mapping[str, Any]]] = defaultdict(list)
    for run in runs:
        if run["status"] == "done" and run["checkpoints"]:
            by_setting[run["tuner"], run["rate"], run["n_rows"]].append(run)
    lines = [
        {
            "tuner": tuner,
            "rate": rate,
            "n_rows": n_rows,
            "datasets": [run["dataset"] for run in found],
            "score": fmean(min(_scores(run)) for run in found),
            "last_score": fmean(_scores(run)[-1] for run in found),
            "accuracy": fmean(run["checkpoints"][-1]["accuracy"] for run in found),
            "own_accuracy": fmean(_value(run, "train", "after", "accuracy") for run in found),
        }
        for (tuner, rate, n_rows), found in by_setting.items()
    ]
    return sorted(lines, key=lambda line: (line["tuner"], line["n_rows"], -len(line["datasets"]), line["score"]))


def _scores(run: Mapping[str, Any]) -> list[float]:
    """Return the loss on validation rows at each look over that before training."""
    before = _value(run, "validation", "before", "loss")
    return [look["loss"] / before for look in run["checkpoints"]]


def _value(run: Mapping[str, Any], *name: str) -> float:
    return next(float(one["value"]) for one in run["fit"] if (one["rows"], one["when"], one["metric"]) == name)


def measure(minutes: float) -> dict[str, Any]:
    """Carry out the trials that the result file lacks until the budget is spent; a trial that has begun is finished."""
    ends = time.monotonic() + 60 * minutes
    wanted = list(trials())
    runs: list[dict[str, Any]] = json.loads(RESULT.read_text(encoding="utf-8"))["runs"] if RESULT.exists() else []
    done = [{name: run[name] for name in Trial._fields} for run in runs]
    for trial in wanted:
        if time.monotonic() > ends:
            break
        if trial._asdict() in done:
            continue
        with tempfile.TemporaryDirectory(prefix="hanka-pilot-") as scratch:
            runs.append(carry_out(trial, Path(scratch)))
        print(f"{len(runs)}/{len(wanted)} {trial} {runs[-1]['seconds']:.0f} s {runs[-1]['reason']}", flush=True)
        RESULT.write_text(json.dumps(written(runs, len(wanted)), indent=1) + "\n", encoding="utf-8")
    return written(runs, len(wanted))


def written(runs: Sequence[Mapping[str, Any]], n_wanted: int) -> dict[str, Any]:
    """Return what the result file holds."""
    return {"machine": machine.describe(), "n_trials": n_wanted, "summary": summarised(runs), "runs": list(runs)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=25.0)
    print(json.dumps(measure(parser.parse_args().minutes)["summary"], indent=1))
