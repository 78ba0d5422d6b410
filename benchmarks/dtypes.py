"""What bfloat16 saves on a processor, and what it costs: hanka and its peers in float32 and in bfloat16, on the same rows.

    python -m benchmarks.dtypes    # half an hour; writes benchmarks/results/dtypes.json

Four sides alternate, each in a process of its own: hanka and the peer of `scoring` and `training`, in either dtype, at the settings that
were the peer's fastest in float32. Training is one epoch; weights that train are float32, arithmetic is bfloat16 (autocast on both sides).
Beside the ratios stands what this processor allows: the model's matrix products alone, one thread. What bfloat16 costs is counted
on up to ROWS test rows: how many choices differ, with a Wilson interval. Loss curves of three seeds say whether a run in bfloat16 is
further from the same run in float32 than another seed is. Reads the paper's release (HANKA_PAPER_DATA) where it is, else the mini source.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from benchmarks import workloads
from benchmarks.child import measure
from benchmarks.scoring import agreement as choices_agree
from benchmarks.training import WORKLOADS, largest_difference

RESULT = Path(__file__).parent / "results/dtypes.json"
DTYPES = ("float32", "bfloat16")
ITEMS, TRAINING_ROWS, ROWS, SEEDS, CURVE_ROWS = 32, 32, 1000, (0, 1, 2), 96
LM_EVAL_BATCH = 4
TRAINER = {"trainer": "trl", "rows": 4, "padding_free": False}
"The peers' fastest settings in float32: results/scoring.json, results/training.json."
TOKENS = 512
"Of a matrix product that stands for the model's."
SAME_CHOICE, LOSS_LIMIT = 0.9, 0.05
"Two programs round differently in bfloat16: share of equal choices, relative difference of the first step's loss."
TARGETS = {
    "scoring, 4 shots": 2.5,
    "scoring, 8 shots": 2.5,
    "FTICL sentiment, k=4, all weights": 1.8,
    "FTICL sentiment, k=4, LoRA": 1.8,
}
"Asked of hanka in bfloat16 over hanka in float32."


def products() -> dict[str, Any]:
    """Time the products of a token row with every weight of a layer, best of many (child process)."""
    import torch

    torch.set_num_threads(1)
    seconds = dict.fromkeys(DTYPES, 0.0)
    for name, weight in workloads.load().model.named_parameters():
        if ".layers.0." not in name or weight.dim() != 2:
            continue
        for dtype in DTYPES:
            cast = weight.detach().to(getattr(torch, dtype))
            row = torch.randn(TOKENS, weight.shape[1]).to(cast.dtype)
            seconds[dtype] += min(_seconds(row, cast) for _ in range(50))
    return {"seconds_of_a_layer": seconds, "ratio": seconds["float32"] / seconds["bfloat16"]}


def _seconds(row: Any, weight: Any) -> float:
    from torch.nn.functional import linear

    started = time.perf_counter()
    linear(row, weight)
    return time.perf_counter() - started


def losses(dtype: str, seed: int) -> dict[str, Any]:
    """Train LoRA on FTICL rows with hanka (child process)."""
    loaded = workloads.load_to_train("lora", dtype)
    rows = workloads.training_rows(loaded, "sentiment", 4, CURVE_ROWS)
    model = workloads.freed(loaded.model, "lora", seed)
    return {"losses": workloads.train_with_hanka(model, rows, 5e-4, dtype, seed)[0]}


def sides(repetitions: int, module: str, settings: Mapping[str, Any], **asked: Any) -> dict[str, list[dict[str, Any]]]:
    """Measure hanka and the peer of a module in both dtypes, alternating; settings: the peer's own."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repetitions):
        for side, more in (("hanka", {}), ("peer", settings)):
            for dtype in DTYPES:
                one = measure(f"benchmarks.{module}:{side}_side", **asked, **more, dtype=dtype)
                found.setdefault(f"{side}, {dtype}", []).append(one)
    return found


def compared(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return seconds of each side and the ratios, each the median over repetitions, with its range."""
    seconds = {side: [one["seconds"] for one in ones] for side, ones in found.items()}
    ratios = {
        "bfloat16 over float32, hanka": ("hanka, float32", "hanka, bfloat16"),
        "bfloat16 over float32, peer": ("peer, float32", "peer, bfloat16"),
        "hanka over peer, float32": ("peer, float32", "hanka, float32"),
        "hanka over peer, bfloat16": ("peer, bfloat16", "hanka, bfloat16"),
    }
    out: dict[str, Any] = {"seconds": seconds}
    for name, (slow, fast) in ratios.items():
        each = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
        out[name] = {"ratio": median(each), "range": [min(each), max(each)]}
    return out


def scoring(shots: int, repetitions: int) -> dict[str, Any]:
    """Compare label scoring; refuse sides that do not agree."""
    found = sides(repetitions, "scoring", {"batch_size": LM_EVAL_BATCH}, shots=shots, n_items=ITEMS)
    same = {
        dtype: choices_agree(found[f"hanka, {dtype}"][0]["scores"], found[f"peer, {dtype}"][0]["scores"])
        for dtype in DTYPES
    }
    if min(share for share, _ in same.values()) < SAME_CHOICE:
        raise RuntimeError(f"scoring, {shots} shots: the sides choose differently: {same}; no ratio")
    return compared(found) | {"equal choices and largest gap in nats, hanka and peer": same}


def training(name: str, repetitions: int) -> dict[str, Any]:
    """Compare training; refuse sides whose first loss differs."""
    workload = next(one for one in WORKLOADS if one.name == name)
    found = sides(repetitions, "training", {"settings": TRAINER}, workload=workload, n_rows=TRAINING_ROWS)
    last = {side: ones[-1]["losses"] for side, ones in found.items()}
    apart = largest_difference(last["hanka, bfloat16"][:1], last["peer, bfloat16"][:1])
    if apart > LOSS_LIMIT:
        raise RuntimeError(f"{name}: first losses in bfloat16 differ by {apart:.3f}: {last}; no ratio")
    return compared(found) | {"losses": last}


def agreement() -> dict[str, Any]:
    """Count the choices that differ between dtypes."""
    from hanka.stats.intervals import wilson_interval

    exact, rounded = (
        measure("benchmarks.scoring:hanka_side", dtype=dtype, shots=0, n_items=ROWS)["scores"] for dtype in DTYPES
    )
    share, gap = choices_agree(exact, rounded)
    differ = round((1 - share) * len(exact))
    interval = wilson_interval(differ, len(exact))
    return {
        "rows": len(exact),
        "choices_differ": differ,
        "interval": [interval.low, interval.high],
        "largest_nats": gap,
    }


def curves() -> dict[str, Any]:
    """Return loss curves by dtype and seed, and how far dtypes are apart beside how far seeds are, mean over steps."""
    found = {
        dtype: [measure("benchmarks.dtypes:losses", dtype=dtype, seed=seed)["losses"] for seed in SEEDS]
        for dtype in DTYPES
    }
    by_step = {dtype: list(zip(*ones, strict=True)) for dtype, ones in found.items()}
    apart = [abs(fmean(a) - fmean(b)) for a, b in zip(by_step["float32"], by_step["bfloat16"], strict=True)]
    spread = [stdev(one) for one in by_step["float32"]]
    return {
        "losses": found,
        "between_dtypes": fmean(apart),
        "standard_deviation_of_seeds": fmean(spread),
        "within": fmean(apart) <= fmean(spread),
    }


def main() -> int:
    """Measure and write the result; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": measure("benchmarks.machine:describe"), "workloads": {}}
    found["matrix products alone"] = measure("benchmarks.dtypes:products")
    for name in TARGETS:
        print(name, flush=True)
        if name.startswith("scoring"):
            found["workloads"][name] = scoring(int(name.split()[1]), asked.repetitions)
        else:
            found["workloads"][name] = training(name, asked.repetitions)
    found |= {"agreement": agreement(), "curves": curves()}
    found["targets"] = {}
    for name, target in TARGETS.items():
        reached = found["workloads"][name]["bfloat16 over float32, hanka"]["ratio"]
        found["targets"][name] = {"target": target, "met": reached >= target}
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return int(not all(one["met"] for one in found["targets"].values()))


if __name__ == "__main__":
    sys.exit(main())
