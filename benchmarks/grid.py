"""The paper's grid in small: `hanka run` beside the published procedure on the same rows and hyperparameters.

hanka's seconds are those of the whole command, from the start of the interpreter to the report; the procedure's hold
training and evaluation only. Answers and the loss of every training step are compared before a ratio is given.
Needs the paper's release, which is read where it is (HANKA_PAPER_DATA).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.child import environment, measure
from benchmarks.comparison import Agreement, Comparison
from benchmarks.floors import Parameters, Work, floor_ratio
from benchmarks.training import largest_difference

STUDY = Path(__file__).parent / "grid.yaml"
MICRO_BATCHES = (4,)
EVAL_BATCHES = (4, 8)
"The procedure's rows at once, tried; eight are a whole cell, one and two were slower."
SAME_LABELS = 0.995
SAME_TEXTS = 0.98
"Greedy text flips where two tokens are equally likely up to rounding."
LOSS_LIMIT = 1e-3


def hanka_side(study: Path, limit: int | None) -> dict[str, Any]:
    """Run the study with hanka into a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "hanka.cli", "run", str(study), "--out", str(out)]
        command += ["--limit", str(limit)] if limit else []
        started = time.perf_counter()
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"hanka run failed ({done.returncode}): {(done.stdout + done.stderr)[-2000:]}")
        return {"seconds": seconds} | workloads.grid_outcome(out)


def peer_side(plan: dict[str, Any], micro_batch: int, eval_batch: int) -> dict[str, Any]:
    """Run the published procedure into a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        return measure(
            "benchmarks.published:run", plan=plan, folder=folder, micro_batch=micro_batch, eval_batch=eval_batch
        )


def best_batches(plan: dict[str, Any]) -> tuple[int, int, dict[str, float]]:
    """Return the procedure's fastest micro-batch and evaluation batch, tried on one variant and a cell of each task."""
    largest = next(one for one in reversed(plan["variants"]) if one["rows"])
    untrained = next(one for one in plan["variants"] if not one["rows"])
    few = {cell["task"]: cell for cell in plan["cells"] if cell["variant_id"] == untrained["id"]}
    trial = plan | {"variants": [largest, untrained], "cells": list(few.values())}
    seconds: dict[str, float] = {}
    trained: dict[int, float] = {}
    for size in (one for one in MICRO_BATCHES if one <= plan["batch_size"]):
        trained[size] = peer_side(trial, size, EVAL_BATCHES[-1])["train_seconds"]
        seconds[f"training, {size} rows"] = trained[size]
    micro_batch = min(trained, key=trained.__getitem__)
    answered: dict[int, float] = {}
    for size in EVAL_BATCHES:
        found = peer_side(trial, micro_batch, size)
        answered[size] = found["seconds"] - found["train_seconds"]
        seconds[f"evaluation, {size} rows"] = answered[size]
    return micro_batch, min(answered, key=answered.__getitem__), seconds


def same_share(plan: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], labels: bool) -> float:
    """Return the share of equal answers of the classification cells, or of the generation cells."""
    pairs = [
        pair
        for cell in plan["cells"]
        if bool(cell["labels"]) == labels
        for pair in zip(ours[cell["id"]], theirs[cell["id"]], strict=True)
    ]
    return sum(bool(one == other) for one, other in pairs) / len(pairs)


def compare(repetitions: int, limit: int | None) -> Comparison:
    """Measure both sides, alternating."""
    plan = measure("benchmarks.workloads:grid_plan", study=str(STUDY), limit=limit)
    micro_batch, eval_batch, tried = best_batches(plan)
    ours, theirs = [], []
    for _ in range(repetitions):
        ours.append(hanka_side(STUDY, limit))
        theirs.append(peer_side(plan, micro_batch, eval_batch))
    first, other = ours[0], theirs[0]
    counts = other["counts"]
    n_output = sum(first["n_output"].values())
    least = Work(*counts["least_without_decoding"]).plus(Work(n_output, n_output))
    trained = [one["id"] for one in plan["variants"] if one["rows"]]
    difference = max(largest_difference(first["losses"][name], other["losses"][name]) for name in trained)
    n_items = sum(len(cell["items"]) for cell in plan["cells"])
    return Comparison(
        workload=f"the paper's grid in small: {len(trained)} variants, {len(plan['cells'])} cells, {n_items} answers",
        peer=f"published procedure, {micro_batch} rows a micro-batch, {eval_batch} in evaluation",
        hanka_seconds=[one["seconds"] for one in ours],
        peer_seconds=[one["seconds"] for one in theirs],
        agreements=[
            Agreement(
                "share of equal labels", same_share(plan, first["answers"], other["answers"], True), SAME_LABELS, True
            ),
            Agreement(
                "share of equal texts", same_share(plan, first["answers"], other["answers"], False), SAME_TEXTS, True
            ),
            Agreement("largest relative difference of a step's loss", difference, LOSS_LIMIT, False),
        ],
        floor_ratio=floor_ratio(least, Work(*counts["whole"]), Parameters(*counts["parameters"])),
        details={
            "trial_seconds": tried,
            "peer_train_seconds": [one["train_seconds"] for one in theirs],
            "least": least._asdict(),
            "peer_forwards": Work(*counts["whole"])._asdict(),
        },
    )


def measure_all(repetitions: int, quick: bool) -> Iterator[Comparison]:
    """Measure the grid once per repetition; quick: two rows and two items each."""
    if workloads.paper_folder() is None:
        print("grid: the paper's release is not here (HANKA_PAPER_DATA); left out", flush=True)
        return
    yield compare(repetitions, 2 if quick else None)
