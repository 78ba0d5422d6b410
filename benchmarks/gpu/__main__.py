"""Measure hanka on one GPU: `python -m benchmarks.gpu` from the repository root; `--smoke` tries it on a processor.

Exactness comes first for every model; where it fails, nothing of that model is timed and the command ends
with 1. Results are written after every measurement, so a run that is cut short leaves what it has.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.exactness import check
from benchmarks.gpu.flops import measured_flops, peak_flops
from benchmarks.gpu.items import FULL, SMOKE
from benchmarks.gpu.measure import Place, tasks
from benchmarks.gpu.result import describe, markdown, write
from hanka.models.memory import release_memory

KINDS = ("scoring", "training", "writing")
FAILURES = (RuntimeError, ValueError, TypeError, ImportError, AttributeError, KeyError, AssertionError, MemoryError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    asked = _parser().parse_args(arguments)
    if not asked.smoke and not torch.cuda.is_available():
        print("no CUDA device here; --smoke tries the code on a processor", file=sys.stderr)
        return 2
    result = run(asked)
    print(markdown(result))
    failed = any(
        one.startswith("it failed") for found in result["models"].values() for one in found["skipped"].values()
    )
    return 1 if failed or any(found["exactness"]["reasons"] for found in result["models"].values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="the tiny model and few items, on a processor")
    parser.add_argument("--models", nargs="+", default=None, help="names of benchmarks/gpu/configs/")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="what is measured")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no further measurement after so long")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    return parser


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Check and measure every model, and write the result as it grows."""
    began = time.monotonic()
    device = torch.device("cpu" if asked.smoke else "cuda")
    peak, source = peak_flops(device)
    place = Place(device, peak, SMOKE if asked.smoke else FULL, asked.repetitions)
    result: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d-%H%M"),
        "smoke": asked.smoke,
        "machine": describe(device),
        "peak_tflops": peak / 1e12 if peak else None,
        "peak_source": source,
        "reached_tflops": measured_flops(device) / 1e12 if peak else None,
        "repetitions": asked.repetitions,
        "models": {},
    }
    for name in asked.models or (["tiny"] if asked.smoke else ["llama-3.2-1b", "llama-2-7b"]):
        found = result["models"][name] = {
            "exactness": check(name, device, place.sizes),
            "measurements": {},
            "skipped": {},
        }
        write(result, asked.out)
        if found["exactness"]["reasons"]:
            continue
        for what, measure in tasks(name, asked.only, place):
            if time.monotonic() - began > 60 * asked.minutes:
                found["skipped"][what] = "no time was left"
                continue
            print(f"{time.monotonic() - began:6.0f} s  {name}: {what}", file=sys.stderr, flush=True)
            try:
                found["measurements"][what] = measure()
            except FAILURES as error:  # one side that fails must not cost the others on a machine that is hard to get
                found["skipped"][what] = f"it failed: {type(error).__name__}: {error}"[:500]
                print(found["skipped"][what], file=sys.stderr, flush=True)
            release_memory()
            write(result, asked.out)
    write(result, asked.out)
    return result


if __name__ == "__main__":
    sys.exit(main())
