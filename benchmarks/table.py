"""The table of results/README.md, from the JSON files beside it; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

HEADER = (
    "| workload | hanka | peer | ratio | floor ratio | memory, hanka / peer | agreement | target |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
INTRODUCTION = """\
# Results

Written by `make bench`; each file beside this one holds the numbers behind a row, with machine and versions.
Seconds are medians, the range over repetitions in brackets; the two sides alternate, each measurement in a process of
its own. Ratio: the peer's median over hanka's; in brackets the range over pairs. Floor ratio: multiply-adds the peer
must do over the least there are (`benchmarks/floors.py`); a ratio well below it means hanka leaves time on the table,
one above it that the peer loses time elsewhere.
Memory: peak resident MiB above the loaded model. Where outputs do not agree, no ratio is given.
"""


def seconds_cell(values: Sequence[float]) -> str:
    """Write a median with its range."""
    if len(values) == 1:
        return f"{values[0]:.1f} s"
    return f"{median(values):.1f} s ({min(values):.1f}–{max(values):.1f})"


def agreement_cell(agreements: Sequence[Mapping[str, Any]]) -> str:
    """Write what was compared and what came out."""
    return "; ".join(
        f"{one['what']}: {one['found']:.4g} ({'≥' if one['at_least'] else '≤'} {one['limit']:g}"
        f"{'' if one['holds'] else ', NOT MET'})"
        for one in agreements
    )


def row(result: Mapping[str, Any]) -> str:
    """Write one comparison as a table row."""
    if result["ratio"] is None:
        ratio = "none: outputs differ"
    else:
        low, high = result["ratio_range"]
        ratio = f"**{result['ratio']:.2f}×** ({low:.2f}–{high:.2f})"
    memory = "–"
    if result["hanka_mib"] is not None and result["peer_mib"] is not None:
        share = result["hanka_mib"] / result["peer_mib"]
        memory = f"{result['hanka_mib']:.0f} / {result['peer_mib']:.0f} = {share:.2f}"
    targets = [f"≥ {result['target']:g}×"] if result.get("target") else []
    targets += [f"memory ≤ {result['memory_target']:g}"] if result.get("memory_target") else []
    cells = (
        result["workload"],
        seconds_cell(result["hanka_seconds"]),
        f"{seconds_cell(result['peer_seconds'])}, {result['peer']}",
        ratio,
        f"{result['floor_ratio']:.2f}×",
        memory,
        agreement_cell(result["agreements"]),
        ", ".join(targets) or "–",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def limits_table(name: str, found: Mapping[str, Any]) -> str:
    """Write what `scale` or `costs` measured against its own targets; the rest is in the JSON."""
    lines = f"## {name}\n\n| what | measured | target | met |\n|---|---|---|---|\n"
    for what, figures in found.items():
        if not isinstance(figures, Mapping) or "met" not in figures:
            continue
        targets = figures.get("target", {})
        shown = targets or {key: one for key, one in figures.items() if key != "met" and isinstance(one, int | float)}
        measured = ", ".join(f"{key} {figures[key]:.4g}" for key in shown if key in figures)
        wanted = ", ".join(f"{key} {limit:g}" for key, limit in targets.items()) or "–"
        lines += f"| {what} | {measured} | {wanted} | {'yes' if figures['met'] else 'no'} |\n"
    return lines


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the whole page. results: by file name without suffix, as stored."""
    text = INTRODUCTION
    machines = {str(one["machine"]["processor"]) for one in results.values() if "processor" in one.get("machine", {})}
    for name in sorted(results):
        one = results[name]
        if "comparisons" in one:
            text += f"\n## {name}\n\n{_machine_line(one['machine'])}\n\n{HEADER}"
            text += "".join(map(row, one["comparisons"]))
        else:
            text += "\n" + limits_table(name, one.get("found", {}))
    if len(machines) > 1:
        text += "\nThe files were measured on different processors; compare rows of one file only.\n"
    return text


def _machine_line(machine: Mapping[str, Any]) -> str:
    versions = machine.get("versions", {})
    shown = ", ".join(
        f"{name} {versions[name]}" for name in ("torch", "transformers", "trl", "lm-eval") if name in versions
    )
    return (
        f"{machine.get('processor', '?')}, {machine.get('cores', '?')} cores, {machine.get('memory_gib', '?')} GiB, "
        f"{machine.get('torch_threads', '?')} threads; {shown}."
    )
