"""What was measured, on what, as JSON and as a Markdown table."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import hanka
from hanka.store.folder import write_text

GOALS = {"training": 0.45, "scoring": 0.50}
"Model FLOPs utilisation to reach, by the first word of a measurement's name."
PACKAGES = ("torch", "triton", "transformers", "peft", "accelerate", "flash-attn", "lm-eval", "trl")
HONEST = (
    "Weights are random in published sizes; rotary embeddings are of the plain type. Token ids are given: no tokenising.",
    "MFU divides the operations that the work needs, as each side poses it (shared tokens once for hanka, every row whole "
    "for the peers; benchmarks/gpu/flops.py), by the median time and the peak. Padding and recomputation never count.",
    "Every side runs at its fastest setting of those tried; sides take turns. Spread: (largest - smallest) / median.",
    "First run: a side's first, with kernels chosen and compiled for its shapes; new shapes cost that again. All later "
    "runs repeat the same shapes, on every side.",
    "Both sides train under bfloat16 autocast: float32 weights where all train, float32 adapters on a bfloat16 base.",
    "What is not exact is not timed: hanka's gap to float32 may be 1.5 (mean) and 2 (largest) times plain bf16's, and 2e-3 "
    "in float32 (`exactness.py`); an untrained adapter changes no bit.",
    "A path named `rebuilt` follows the peer's code on transformers alone; the peer itself was not run.",
)


def describe(device: torch.device) -> dict[str, Any]:
    """Return the device, its driver, and versions."""
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else platform.processor() or platform.machine()
    return {
        "device": name,
        "driver": _driver() if on_gpu else "",
        "cuda": torch.version.cuda or "",
        "memory_gib": round(torch.cuda.get_device_properties(device).total_memory / 2**30, 1) if on_gpu else None,
        "python": sys.version.split()[0],
        "versions": {"hanka": hanka.__version__} | {name: found for name in PACKAGES if (found := _version(name))},
    }


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0].strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def file_stem(result: dict[str, Any]) -> str:
    """Return the name of a result's files, without ending."""
    device = re.sub(r"[^a-z0-9]+", "-", result["machine"]["device"].lower()).strip("-") or "device"
    kind = "-smoke" if result["smoke"] else ""
    return f"{device}{kind}-{result['date']}"


def write(result: dict[str, Any], folder: Path) -> Path:
    """Write a result as JSON and Markdown, each whole or not at all; return the JSON file."""
    path = folder / f"{file_stem(result)}.json"
    write_text(path, json.dumps(result, indent=1) + "\n")
    write_text(path.with_suffix(".md"), markdown(result))
    return path


def shortly(found: dict[str, Any]) -> str:
    """Return one line about what a check or a measurement found."""
    if "sides" not in found:
        return "; ".join(found["reasons"]) or "passes"
    parts = []
    for name, one in found["sides"].items():
        if "median_seconds" not in one:
            parts.append(f"{name}: {one['note']}")
            continue
        mfu = "" if one["mfu"] is None else f", MFU {one['mfu']:.1%}"
        parts.append(f"{name} {one['median_seconds']:.3g} s at {one['setting']}{mfu}")
    return "; ".join(parts)


def markdown(result: dict[str, Any]) -> str:
    """Return a result as Markdown; without exactness there are no ratios."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {found}" for name, found in machine["versions"].items())
    lines = [
        f"# {'Smoke run, no measurement' if result['smoke'] else 'One GPU'}: {machine['device']}, {result['date']}",
        "",
        f"Driver {machine['driver'] or '-'}, CUDA {machine['cuda'] or '-'}, {versions}."
        + _peak(result)
        + "".join(f" Goal for {kind}: MFU {goal:.0%}." for kind, goal in GOALS.items()),
        "",
        *(f"- {line}" for line in HONEST),
    ]
    for name, found in result["models"].items():
        lines += ["", f"## {name}", "", *_exactness(found["exactness"]), ""]
        if found["measurements"]:
            lines += _table(found["measurements"])
        lines += [f"\n{one}: not measured, {why}" for one, why in found["skipped"].items()]
    return "\n".join(lines) + "\n"


def _peak(result: dict[str, Any]) -> str:
    if result["peak_tflops"] is None:
        return ""
    return (
        f" Peak {result['peak_tflops']:.4g} TFLOP/s ({result['peak_source']}); "
        f"a large matrix product reaches {result['reached_tflops']:.4g}, large copies "
        f"{result['reached_gb_per_second']:,.0f} GB/s read and written."
    )


def _exactness(checks: dict[str, Any]) -> list[str]:
    if not checks:
        return ["Exactness was not checked."]
    lines = ["| check | comparison | gaps |", "|---|---|---|"]
    for name, found in checks.items():
        for comparison, gaps in found["gaps"].items():
            said = ", ".join(f"{which} {gap:.2g}" for which, gap in gaps.items())
            lines.append(f"| {name} | {comparison} | {said} |")
    return lines + [f"- {name} fails: {reason}" for name, found in checks.items() for reason in found["reasons"]]


def _table(measurements: dict[str, Any]) -> list[str]:
    lines = [
        "| work | side | setting | first run, s | by default, s | seconds (spread, runs) | items/s | row tokens/s "
        "| forwarded tokens/s | MFU | peak GiB | hanka is × faster |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for work, found in measurements.items():
        for side, one in found["sides"].items():
            if "median_seconds" not in one:
                lines.append(f"| {work} | {side} | {one['note']} | | | | | | | | | |")
                continue
            lines.append(" | ".join([f"| {work}", side, *_cells(one, found["times_faster"].get(side))]) + " |")
    return lines


def _cells(one: dict[str, Any], ratio: float | None) -> list[str]:
    default = one["default_seconds"]
    return [
        one["setting"],
        f"{one['first_seconds']:.3g}",
        "-" if default is None else f"{default:.3g}",
        f"{one['median_seconds']:.3g} ({one['spread']:.0%}, {len(one['seconds'])})",
        f"{one['items_per_second']:,.1f}",
        f"{one['row_tokens_per_second']:,.0f}",
        f"{one['forwarded_tokens_per_second']:,.0f}" if one["forwarded_tokens"] else "not counted",
        "-" if one["mfu"] is None else f"{one['mfu']:.1%}",
        "-" if one["peak_gib"] is None else f"{one['peak_gib']:.1f}",
        "" if ratio is None else f"{ratio:.2f}",
    ]
