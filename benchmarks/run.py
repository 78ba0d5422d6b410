"""Measure hanka beside its peers and write results/.

    python -m benchmarks.run                                # everything (hours on two cores)
    python -m benchmarks.run --only scoring --items 100     # one part
    python -m benchmarks.run --quick                        # a few items each, to see that it works; writes nothing

Every heavy measurement runs in a child process of this one, hanka and peer in turn, with the same threads and passive
OpenMP waits. Exits with 1 where outputs disagree or a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import table
from benchmarks.child import measure
from benchmarks.comparison import Comparison

RESULTS = Path(__file__).parent / "results"
PARTS = ("scoring", "training", "grid", "scale", "costs")
TARGETS: dict[str, float] = {
    "label scoring, 4 shots": 4.5,
    "label scoring, 8 shots": 7.0,
    "FTICL sentiment": 3.0,
    "FTICL question": 2.0,
    "FT sentiment": 1.3,
    "the paper's grid": 5.0,
}
"Workload's beginning → least ratio; workloads without an entry are reported without a target."
MEMORY_TARGETS: dict[str, float] = {"FTICL": 0.5}
"Workload's beginning → most of the peer's peak memory."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the asked parts; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--items", type=int, default=100, help="items per repetition of scoring")
    parser.add_argument("--all-items", type=int, default=500, help="items on which choices are compared")
    parser.add_argument("--rows", type=int, help="training rows (default: each workload's own)")
    parser.add_argument("--quick", action="store_true", help="a few items, one repetition, nothing written")
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.repetitions, asked.items, asked.all_items, asked.rows = 1, 4, 4, 16
    failed = False
    for part in asked.only:
        for found in _measure(part, asked):
            for line in _lines(found):
                print(line, flush=True)
            failed |= not _good(found)
            if not asked.quick:
                _write(part, found)
    return int(failed)


def _measure(part: str, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what is stored of a part, once more with every comparison that is done; nothing for a part not here."""
    if part in ("scale", "costs"):
        if importlib.util.find_spec(f"benchmarks.{part}") is not None:
            yield {"found": importlib.import_module(f"benchmarks.{part}").measure()}
        return
    machine = measure("benchmarks.machine:describe")
    stored: list[dict[str, Any]] = []
    for one in _comparisons(part, asked):
        targets = {
            "target": target_of(one.workload, TARGETS),
            "memory_target": target_of(one.workload, MEMORY_TARGETS),
        }
        stored.append(one.as_json() | targets)
        yield {"machine": machine, "comparisons": list(stored)}


def _comparisons(part: str, asked: argparse.Namespace) -> Iterator[Comparison]:
    if part == "scoring":
        from benchmarks.scoring import measure_all as score_all

        return score_all(asked.items, asked.all_items, asked.repetitions)
    if part == "training":
        from benchmarks.training import measure_all as train_all

        return train_all(asked.repetitions, asked.rows)
    from benchmarks.grid import measure_all as grid_all

    return grid_all(asked.repetitions, asked.quick)


def target_of(workload: str, targets: Mapping[str, float]) -> float | None:
    """Return a workload's target, or None."""
    return next(
        (target for start, target in targets.items() if workload.startswith(start) and "plain Trainer" not in workload),
        None,
    )


def _lines(found: dict[str, Any]) -> list[str]:
    if "comparisons" not in found:
        return [json.dumps(found["found"], indent=1)]
    last = found["comparisons"][-1]
    return [last["refused"] or table.row(last).strip()]


def _good(found: dict[str, Any]) -> bool:
    """Tell whether all outputs agree and all targets are met."""
    if "comparisons" in found:
        return all(map(_met, found["comparisons"]))
    return all(one.get("met", True) for one in found["found"].values() if isinstance(one, dict))


def _met(one: Mapping[str, Any]) -> bool:
    if one["ratio"] is None or (one["target"] is not None and one["ratio"] < one["target"]):
        return False
    most = one.get("memory_target")
    return most is None or one["hanka_mib"] <= most * one["peer_mib"]


def _write(part: str, found: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{part}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    mine = [path for path in sorted(RESULTS.glob("*.json")) if path.stem in PARTS]
    stored = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in mine}
    (RESULTS / "README.md").write_text(table.page(stored), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
