"""Measure hanka on one GPU: `python -m benchmarks.gpu` from the repository root; `--smoke` tries it on a processor.

Exactness comes first; what does not pass is not timed, and the command ends with 1. The most valuable measurements
come next, over all models. Results are written after every one: a run that is cut short leaves what it has.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.gpu.exactness import checks, needs
from benchmarks.gpu.flops import measured_bandwidth, measured_flops, peak_flops
from benchmarks.gpu.items import FULL, SMOKE, Part, Sizes
from benchmarks.gpu.measure import Place, measure
from benchmarks.gpu.result import describe, shortly, write
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
    print(f"written: {write(result, asked.out).with_suffix('.md')}")
    failed = any(
        one.startswith("it failed") for found in result["models"].values() for one in found["skipped"].values()
    )
    inexact = any(one["reasons"] for found in result["models"].values() for one in found["exactness"].values())
    return 1 if failed or inexact else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="the tiny model and few items, on a processor")
    parser.add_argument("--models", nargs="+", default=None, help="names of benchmarks/gpu/configs/ (default: all)")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="what is measured")
    parser.add_argument("--untimed", action="store_true", help="exactness alone")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8.0, help="begin nothing more after so long")
    parser.add_argument("--seconds", type=float, default=25.0, help="about how long one measurement may take")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results" / "gpu", help="folder")
    return parser


class Run(NamedTuple):
    """A run and what it has found so far."""

    began: float
    "By the monotonic clock."
    asked: argparse.Namespace
    "What was asked for."
    result: dict[str, Any]
    "As it is written."

    def attempt(self, model: str, what: str, work: Callable[[], Any]) -> Any:
        """Do one piece of work; None where no time is left or it fails, and the result says which."""
        found = self.result["models"][model]
        passed = time.monotonic() - self.began
        if passed > 60 * self.asked.minutes:
            found["skipped"][what] = "no time was left"
            return None
        try:
            done = work()
        except FAILURES as error:  # what fails must not cost the others on a machine that is hard to get
            done = None
            found["skipped"][what] = f"it failed: {type(error).__name__}: {error}"[:500]
        release_memory()
        said = found["skipped"].get(what) or shortly(done)
        print(f"{time.monotonic() - self.began:6.0f} s  {model}: {what}: {said}", flush=True)
        return done


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Check and measure, and write the result as it grows."""
    device = torch.device("cpu" if asked.smoke else "cuda")
    sizes = SMOKE if asked.smoke else FULL
    parts = [one for one in sizes.parts if one.kind in asked.only and one.model in (asked.models or [one.model])]
    this = Run(time.monotonic(), asked, _empty(asked, device, parts))
    _check(this, parts, device, sizes)
    place = Place(device, peak_flops(device)[0], sizes, asked.repetitions, asked.seconds)
    for part in [] if asked.untimed else parts:
        found = this.result["models"][part.model]
        wrong = [name for name in needs(part.kind, part.weights) if _reasons(found, name)]
        if wrong:
            found["skipped"][part.name] = f"not exact: {', '.join(wrong)}"
            continue
        measured = this.attempt(part.model, part.name, lambda part=part: measure(part, place))  # type: ignore[misc]
        if measured is not None:
            found["measurements"][part.name] = measured
        write(this.result, asked.out)
    write(this.result, asked.out)
    return this.result


def _check(this: Run, parts: list[Part], device: torch.device, sizes: Sizes) -> None:
    for model, found in this.result["models"].items():
        kinds = {(part.kind, part.weights) for part in parts if part.model == model}
        for name, check in checks(model, kinds, device, sizes).items():
            passed = this.attempt(model, f"exactness, {name}", lambda check=check: check().record())  # type: ignore[misc]
            if passed is not None:
                found["exactness"][name] = passed
            write(this.result, this.asked.out)


def _reasons(found: dict[str, Any], name: str) -> list[str]:
    """Return why a check does not pass; one that was not finished does not."""
    return list(found["exactness"].get(name, {"reasons": ["not checked"]})["reasons"])


def _empty(asked: argparse.Namespace, device: torch.device, parts: list[Part]) -> dict[str, Any]:
    peak, source = peak_flops(device)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d-%H%M"),
        "smoke": asked.smoke,
        "machine": describe(device),
        "peak_tflops": peak / 1e12 if peak else None,
        "peak_source": source,
        "reached_tflops": measured_flops(device) / 1e12 if peak else None,
        "reached_gb_per_second": measured_bandwidth(device) / 1e9 if peak else None,
        "repetitions": asked.repetitions,
        "models": {
            model: {"exactness": {}, "measurements": {}, "skipped": {}}
            for model in dict.fromkeys(part.model for part in parts)
        },
    }


if __name__ == "__main__":
    sys.exit(main())
