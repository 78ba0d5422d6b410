"""What bfloat16 saves on a processor, and what it costs: hanka in bfloat16 beside hanka in float32, on the same rows.

    python -m benchmarks.dtypes    # some ten minutes; writes benchmarks/results/dtypes.json

Seconds alternate, each in a process of its own; training is an epoch of FTICL rows, without what a run does around it once. Cost is how many
choices differ on up to ROWS test rows, with a Wilson interval, and the largest gap of a label's score. Reads the paper's release
(HANKA_PAPER_DATA) where it is, else the mini source.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.child import measure

RESULT = Path(__file__).parent / "results/dtypes.json"
DTYPES = ("float32", "bfloat16")
ITEMS, TRAINING_ROWS, ROWS = 60, 64, 1000
TARGETS = {
    "scoring, 4 shots": 2.5,
    "scoring, 8 shots": 2.5,
    "FTICL training, LoRA": 1.8,
    "FTICL training, all weights": 1.8,
}
"Asked of the ratios."


def load(dtype: str) -> Any:
    """Load the model of every benchmark in a dtype."""
    from hanka.models.catalogue import find_model
    from hanka.models.loading import load_model

    return load_model(find_model(workloads.BASE, Path.cwd()), dtype)


def scoring(dtype: str, shots: int, n_items: int) -> dict[str, Any]:
    """Score labels (child process)."""
    loaded = load(dtype)
    queries = workloads.sentiment_queries(loaded, shots, n_items)
    workloads.score(loaded, queries[:2])
    started = time.perf_counter()
    scores = workloads.score(loaded, queries)
    return {"seconds": time.perf_counter() - started, "scores": scores}


def training(dtype: str, peft: str) -> dict[str, Any]:
    """Train one epoch as a variant of that dtype does: weights that train are float32 (child process)."""
    from hanka.training.loop import Course, train
    from hanka.training.params import CourseParams

    loaded = load("float32" if peft == "none" else dtype)
    rows = workloads.training_rows(loaded, "sentiment", 4, TRAINING_ROWS)
    model = workloads.freed(loaded.model, peft)
    for value in model.parameters():
        if value.requires_grad:
            value.data = value.data.float()
    settings = CourseParams(epochs=1, batch_size=workloads.BATCH_SIZE, learning_rate=1e-4)
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        course = Course(model, settings, rows, 0, Path(folder), lambda _what, _share: None)
        course = replace(course, mixed_precision="bf16" if dtype == "bfloat16" else "no")
        state = train(course)
    return {"seconds": state.seconds, "losses": list(state.losses)}


def _pairs(target: str, repetitions: int, **arguments: Any) -> dict[str, Any]:
    """Measure both dtypes, alternating."""
    found: dict[str, list[dict[str, Any]]] = {dtype: [] for dtype in DTYPES}
    for _ in range(repetitions):
        for dtype in DTYPES:
            found[dtype].append(measure(f"benchmarks.dtypes:{target}", dtype=dtype, **arguments))
    seconds = {dtype: [one["seconds"] for one in ones] for dtype, ones in found.items()}
    ratios = [slow / fast for slow, fast in zip(seconds["float32"], seconds["bfloat16"], strict=True)]
    last = {f"losses, {dtype}": ones[-1]["losses"] for dtype, ones in found.items() if "losses" in ones[-1]}
    return {"seconds": seconds, "ratio": statistics.median(ratios), "range": [min(ratios), max(ratios)]} | last


def agreement() -> dict[str, Any]:
    """Count the choices that differ."""
    from hanka.stats.intervals import wilson_interval

    exact, rounded = (
        measure("benchmarks.dtypes:scoring", dtype=dtype, shots=0, n_items=ROWS)["scores"] for dtype in DTYPES
    )
    pairs = list(zip(exact, rounded, strict=True))
    differ = sum(one.index(max(one)) != other.index(max(other)) for one, other in pairs)
    gap = max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))
    interval = wilson_interval(differ, len(pairs))
    return {
        "rows": len(pairs),
        "choices_differ": differ,
        "interval": [interval.low, interval.high],
        "largest_nats": gap,
    }


def main() -> int:
    """Measure and write the result; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": measure("benchmarks.machine:describe"), "ratios": {}}
    for shots in (4, 8):
        found["ratios"][f"scoring, {shots} shots"] = _pairs("scoring", asked.repetitions, shots=shots, n_items=ITEMS)
    for peft, name in (("lora", "LoRA"), ("none", "all weights")):
        found["ratios"][f"FTICL training, {name}"] = _pairs("training", asked.repetitions, peft=peft)
    found["agreement"] = agreement()
    found["targets"] = {
        name: {"target": target, "met": found["ratios"][name]["ratio"] >= target} for name, target in TARGETS.items()
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return int(not all(one["met"] for one in found["targets"].values()))


if __name__ == "__main__":
    sys.exit(main())
