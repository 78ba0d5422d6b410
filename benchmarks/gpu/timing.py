"""Time and memory on a device: waits for it before and after, alternates the sides, looks for the fastest setting.

All of it keeps to a span of seconds: the search ends early, repetitions are left out; at least one run of each side counts.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from hanka.models.memory import is_out_of_memory, release_memory

QUICK = 1.0
"Seconds; a longer trial is not repeated."
SLOWER = 1.05
"A setting so many times slower than the best one before ends the search: those beyond gain nothing more."
SEARCH = 0.6
"Share of the time that the search may take, all sides together."


class Timed(NamedTuple):
    """One run."""

    seconds: float
    "Wall clock, device included."
    peak_gib: float | None
    "Most device memory allocated at once, the model included; None on a processor."


@dataclass(slots=True)
class Side:
    """One way to do the work."""

    name: str
    "hanka, or a peer's code path."
    run: Callable[[int], int]
    "Do the work once with a setting; returns the tokens that passed the model, padding included."
    settings: Sequence[int]
    "Settings to choose the fastest from, in the order in which they are tried."
    unit: str
    "What a setting counts."
    flops: float
    "Operations that the work needs, as this side poses it."
    default: int | None = None
    "The setting that users have without asking; None: there is none."
    trials: dict[str, float | None] = field(default_factory=dict)
    "Seconds by setting; None: out of memory."
    first_seconds: float | None = None
    "The very first run: kernels are chosen and compiled for its shapes."
    seconds: list[float] = field(default_factory=list)
    "Per run of the work, one entry per repetition."
    peak_gib: float | None = None
    "Over all repetitions."
    n_forwarded: int = 0
    "Tokens that passed the model in one run."

    @property
    def best(self) -> int | None:
        """The fastest setting; None where none fits into memory."""
        fitting = [one for one in self.settings if self.trials.get(str(one)) is not None]
        return min(fitting, key=lambda one: self.trials[str(one)] or 0.0, default=None)


def timed(run: Callable[[], Any], device: torch.device) -> Timed:
    """Run once and wait for the device."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    started = time.perf_counter()
    run()
    if on_gpu:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - started
    return Timed(seconds, torch.cuda.max_memory_allocated(device) / 2**30 if on_gpu else None)


def find_best(side: Side, device: torch.device, seconds: float = math.inf) -> None:
    """Try settings in their order until one is slower than the best or time is over.

    The first that fits runs twice, because it warms up; others, where that is quick. Larger settings than one that was
    out of memory are left out. seconds: after so long no further setting is tried.
    """
    began, too_large = time.monotonic(), math.inf
    for setting in side.settings:
        if setting >= too_large:
            continue

        def run(setting: int = setting) -> None:
            side.n_forwarded = side.run(setting)

        before = side.best
        try:
            taken = timed(run, device).seconds
            side.first_seconds = side.first_seconds or taken
            side.trials[str(setting)] = timed(run, device).seconds if before is None or taken < QUICK else taken
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            side.trials[str(setting)], too_large = None, setting
        release_memory()
        now = side.trials[str(setting)]
        slower = before is not None and now is not None and now > SLOWER * (side.trials[str(before)] or 0.0)
        if slower or (side.best is not None and time.monotonic() - began > seconds):
            break


def alternate(
    sides: Sequence[Side], repetitions: int, least_seconds: float, device: torch.device, seconds: float = math.inf
) -> None:
    """Find every side's best setting, then repeat all sides in turn; a repetition lasts `least_seconds` or longer.

    seconds: about how long all of it may take; sides then are repeated less often, but once.
    """
    began = time.monotonic()
    for side in sides:
        find_best(side, device, SEARCH * seconds / len(sides))
    for repetition in range(repetitions):
        for side in sides:
            setting = side.best
            if setting is None or (repetition and time.monotonic() - began > seconds):
                continue
            n_runs = max(1, min(50, round(least_seconds / max(side.trials[str(setting)] or 0.0, 1e-3))))

            def repeat(side: Side = side, setting: int = setting, n_runs: int = n_runs) -> None:
                for _ in range(n_runs):
                    side.n_forwarded = side.run(setting)

            found = timed(repeat, device)
            side.seconds.append(found.seconds / n_runs)
            if found.peak_gib is not None:
                side.peak_gib = max(side.peak_gib or 0.0, found.peak_gib)
            release_memory()


def summary(side: Side, row_tokens: int, peak: float | None) -> dict[str, Any]:
    """Return one side's numbers; row_tokens: tokens of the rows as they stand, nothing shared or padded."""
    if not side.seconds:
        return {"setting": None, "trials": side.trials, "note": "out of memory at every setting"}
    median = statistics.median(side.seconds)
    return {
        "setting": f"{side.best} {side.unit}",
        "trials": side.trials,
        "default_seconds": side.trials.get(str(side.default)),
        "first_seconds": side.first_seconds,
        "seconds": side.seconds,
        "median_seconds": median,
        "spread": (max(side.seconds) - min(side.seconds)) / median,
        "row_tokens_per_second": row_tokens / median,
        "forwarded_tokens": side.n_forwarded,
        "forwarded_tokens_per_second": side.n_forwarded / median,
        "flops": side.flops,
        "mfu": side.flops / median / peak if peak else None,
        "peak_gib": side.peak_gib,
    }
