"""One epoch of training with five tuners: hanka's loop beside PEFT's model under the transformers Trainer.

    python -m benchmarks.tuners                       # writes benchmarks/results/tuners.json
    python -m benchmarks.tuners --rows 16 --quick     # one repetition each, writes nothing

Both sides get the same wrapped model (first weights: one hash), the same encoded rows in the same optimizer batches, AdamW (fused),
learning rate, linear decay and clipping; losses of every step are compared. Sides alternate, each repetition in a process of its own; the
ratio is that of the medians of one run; seconds of the processor stand beside, which other work on the machine hardly moves. The Trainer pads on the right within micro-batches of two rows, the fastest it was found with
(benchmarks/training.py). Rows are the mini source's sentiment rows, or the paper's where they are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.child import measure
from benchmarks.training import LOSS_LIMIT, largest_difference

RESULT = Path(__file__).parent / "results/tuners.json"
TUNED: dict[str, dict[str, Any]] = {
    "lora": {},
    "ia3": {},
    "bitfit": {"biases": "added"},
    "vera": {},
    "prompt_tuning": {},
}
"Tuner → its parameters."
TARGETS = {"lora": 1.2, "ia3": 1.2, "bitfit": 1.2, "vera": 1.0, "prompt_tuning": 1.0}
"Least ratio of the Trainer's seconds to hanka's."
ROWS_PER_PASS = 2
"The Trainer's micro-batch."


def _begin(name: str, n_rows: int) -> tuple[Any, Any, Any]:
    """Return the loaded base, the wrapped model and the rows."""
    from hanka.methods.defaults import RATES
    from hanka.tuners import TUNERS

    loaded, tuner = workloads.load(), TUNERS.get(name)
    rows = workloads.training_rows(loaded, "sentiment", 0, n_rows)
    loaded.model.requires_grad_(False)
    model = tuner.wrap(loaded.model, tuner.own(TUNED[name]), workloads.SEED)
    return loaded, (model, RATES[name]), rows


def hanka_side(name: str, n_rows: int) -> dict[str, Any]:
    """Train with hanka (child process)."""
    _, (model, rate), rows = _begin(name, n_rows)
    begun = workloads.weights_hash(model)
    spent = time.process_time()
    losses, seconds = workloads.train_with_hanka(model, rows, rate)
    return {"seconds": seconds, "cpu_seconds": time.process_time() - spent, "losses": losses, "begun": begun}


def peer_side(name: str, n_rows: int) -> dict[str, Any]:
    """Train with the Trainer (child process)."""
    from transformers import TrainerCallback

    from benchmarks.training import _trainer

    loaded, (model, rate), rows = _begin(name, n_rows)
    begun = workloads.weights_hash(model)
    model.train()
    losses: list[float] = []

    class KeepLosses(TrainerCallback):  # type: ignore[misc]
        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                losses.append(float(logs["loss"]))

    settings = {"trainer": "transformers", "rows": ROWS_PER_PASS, "padding_free": False}
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        trainer = _trainer(model, loaded.tokenizer, workloads.batches(rows), settings, (folder, rate))
        trainer.add_callback(KeepLosses())
        spent, started = time.process_time(), time.perf_counter()
        trainer.train()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - spent
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "losses": losses, "begun": begun}


def compare(name: str, n_rows: int, repetitions: int) -> dict[str, Any]:
    """Measure both sides of a tuner, alternating."""
    ours, theirs = [], []
    for _ in range(repetitions):
        ours.append(measure("benchmarks.tuners:hanka_side", name=name, n_rows=n_rows))
        theirs.append(measure("benchmarks.tuners:peer_side", name=name, n_rows=n_rows))
    hanka, peer = ([one["seconds"] for one in side] for side in (ours, theirs))
    difference = max(largest_difference(a["losses"], b["losses"]) for a, b in zip(ours, theirs, strict=True))
    ratio = statistics.median(peer) / statistics.median(hanka)
    same_start = len({one["begun"] for one in (*ours, *theirs)}) == 1
    return {
        "tuner": name,
        "params": TUNED[name],
        "hanka_seconds": hanka,
        "peer_seconds": peer,
        "hanka_cpu_seconds": [one["cpu_seconds"] for one in ours],
        "peer_cpu_seconds": [one["cpu_seconds"] for one in theirs],
        "ratio": ratio,
        "target": TARGETS[name],
        "losses": {"hanka": ours[0]["losses"], "peer": theirs[0]["losses"]},
        "largest_relative_loss_difference": difference,
        "same_first_weights": same_start,
        "good": ratio >= TARGETS[name] and difference <= LOSS_LIMIT and same_start,
    }


def main() -> int:
    """Measure every tuner; return 1 where losses differ or a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TUNED, default=list(TUNED))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--quick", action="store_true", help="one repetition each; nothing is written")
    asked = parser.parse_args()
    found = []
    for name in asked.only:
        found.append(compare(name, asked.rows, 1 if asked.quick else asked.repetitions))
        one = found[-1]
        print(
            f"{name}: {statistics.median(one['hanka_seconds']):.1f} s beside {statistics.median(one['peer_seconds']):.1f} s, "
            f"ratio {one['ratio']:.2f} (asked {one['target']}), processor {statistics.median(one['hanka_cpu_seconds']):.1f} s beside "
            f"{statistics.median(one['peer_cpu_seconds']):.1f} s, losses differ by {one['largest_relative_loss_difference']:.1e}",
            flush=True,
        )
        if not asked.quick:
            said = {"machine": measure("benchmarks.machine:describe"), "n_rows": asked.rows, "tuners": found}
            RESULT.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return int(not all(one["good"] for one in found))


if __name__ == "__main__":
    sys.exit(main())
