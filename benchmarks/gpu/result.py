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

GOALS = {"training": 0.45, "scoring": 0.50}
"Model FLOPs utilisation to reach, by the first word of a measurement's name."
PACKAGES = ("hanka", "torch", "triton", "transformers", "peft", "accelerate", "flash-attn", "lm-eval", "trl")
HONEST = (
    "Weights are random in published sizes; rotary embeddings are of the plain type. Token ids are given: no tokenising.",
    "MFU divides the operations that the work needs, as each side poses it (shared tokens once for hanka, every row whole "
    "for the peers; benchmarks/gpu/flops.py), by the median time and the peak. Padding and recomputation never count.",
    "Every side runs at its fastest setting of those tried; sides take turns. Spread: (largest - smallest) / median.",
    "First run: a side's first, with kernels chosen and compiled for its shapes; new shapes cost that again. All later "
    "runs repeat the same shapes, on every side.",
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
        "versions": {package: found for package in PACKAGES if (found := _version(package))},
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
    """Write a result as JSON and Markdown; return the JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_stem(result)}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(result), encoding="utf-8")
    return path


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
        if found["exactness"]["reasons"]:
            lines.append("Not exact: no speed is reported.")
            continue
        lines += [
            *_table(found["measurements"]),
            *(f"\n{one}: not measured, {why}" for one, why in found["skipped"].items()),
        ]
    return "\n".join(lines) + "\n"


def _peak(result: dict[str, Any]) -> str:
    if result["peak_tflops"] is None:
        return ""
    return (
        f" Peak {result['peak_tflops']:.4g} TFLOP/s ({result['peak_source']}); "
        f"a large matrix product reaches {result['reached_tflops']:.4g}."
    )


def _exactness(found: dict[str, Any]) -> list[str]:
    lines = [
        f"Exactness, {found['layers']} layers: hanka's gap to float32 at most {found['limits']['mean']} (mean) and "
        f"{found['limits']['largest']} (largest) times plain bf16's; in float32 at most {found['limits']['float32']}.",
        "",
        "| | mean gap, nats | largest gap, nats | gradient, relative error | cosine | loss gap |",
        "|---|---|---|---|---|---|",
    ]
    for name, score in found["scores"].items():
        slope = found["gradients"][name]
        lines.append(
            f"| {name} | {score['mean']:.2g} | {score['largest']:.2g} | {slope['relative_error']:.2g} "
            f"| {slope['cosine']:.6f} | {slope['loss']:.2g} |"
        )
    return lines + [f"- fails: {reason}" for reason in found["reasons"]]


def _table(measurements: dict[str, Any]) -> list[str]:
    lines = [
        "| work | side | setting | first run, s | seconds (spread) | items/s | row tokens/s | forwarded tokens/s | MFU | peak GiB | hanka is × faster |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for work, found in measurements.items():
        for side, one in found["sides"].items():
            if "median_seconds" not in one:
                lines.append(f"| {work} | {side} | {one['note']} | | | | | | | | |")
                continue
            ratio = found["times_faster"].get(side)
            memory = "-" if one["peak_gib"] is None else f"{one['peak_gib']:.1f}"
            forwarded = f"{one['forwarded_tokens_per_second']:,.0f}" if one["forwarded_tokens"] else "not counted"
            lines.append(
                f"| {work} | {side} | {one['setting']} | {one['first_seconds']:.3g} | {one['median_seconds']:.3g} ({one['spread']:.0%}) "
                f"| {one['items_per_second']:,.1f} | {one['row_tokens_per_second']:,.0f} | {forwarded} "
                f"| {'-' if one['mfu'] is None else format(one['mfu'], '.1%')} | {memory} | {'' if ratio is None else f'{ratio:.2f}'} |"
            )
    return lines
