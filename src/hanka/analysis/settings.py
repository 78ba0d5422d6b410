"""The three settings: what did a method gain or lose in domain, out of domain and on other tasks?

One line per trained task × method × size × relation, over the primary metric's cells: verdicts counted, and
the mean difference with an interval. Cells of one test set share samples, so a sample's differences are
averaged over them first; test sets count equally and are taken as independent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.summary import SummaryRow
from hanka.metrics import METRICS

FloatArray = npt.NDArray[np.float64]
Key = tuple[str, str, str, str, int, str]


def settings_table(evidence: Evidence, rows: list[SummaryRow]) -> list[dict[str, Any]]:
    """Return the lines of the three-setting overview, in the order of the summary."""
    grouped: dict[Key, list[SummaryRow]] = defaultdict(list)
    for row in rows:
        values = row.values
        if values["train_size"] and values["metric"] == evidence.primary(values["test_task"]):
            names = ("base", "train_task", "train_dataset", "method", "train_size", "relation")
            key: Key = tuple(values[name] for name in names)
            grouped[key].append(row)
    return [_line(evidence, key, members) for key, members in grouped.items()]


def _line(evidence: Evidence, key: Key, members: list[SummaryRow]) -> dict[str, Any]:
    verdicts = [row.values["verdict"] for row in members]
    mean, low, high = _mean_difference(evidence, members)
    return {
        "base": key[0],
        "train_task": key[1],
        "train_dataset": key[2],
        "reference": evidence.cells[members[0].values["cell_id"]].reference,
        "method": key[3],
        "train_size": key[4],
        "relation": key[5],
        "n_cells": len(members),
        "n_better": verdicts.count("better"),
        "n_worse": verdicts.count("worse"),
        "n_tied": verdicts.count("tied"),
        "n_failed": sum(1 for row in members if row.values["value"] is None),
        "mean_delta": mean,
        "ci_low": low,
        "ci_high": high,
    }


def _mean_difference(evidence: Evidence, members: list[SummaryRow]) -> tuple[float | None, float | None, float | None]:
    """Average differences over test sets; normal interval from the samples' (or groups') spread."""
    by_set: dict[str, list[CellEvidence]] = defaultdict(list)
    for row in members:
        if row.comparison is not None:
            by_set[row.values["test_dataset"]].append(evidence.cells[row.values["cell_id"]])
    means, variances = [], []
    for cells in by_set.values():
        mean, variance = _set_difference(evidence, cells)
        means.append(mean)
        variances.append(variance)
    if not means:
        return None, None, None
    mean = float(np.mean(means))
    half = float(special.ndtri(0.5 + evidence.level / 2)) * math.sqrt(sum(variances)) / len(means)
    return mean, mean - half, mean + half


def _set_difference(evidence: Evidence, cells: list[CellEvidence]) -> tuple[float, float]:
    """Return the mean paired difference on one test set and its variance, by groups of samples."""
    asked: list[list[str]] = []
    differences: list[FloatArray] = []
    groups: dict[str, str] = {}
    for cell in cells:
        base = evidence.base_of(cell)
        assert base is not None
        metric = METRICS.get(evidence.primary(cell.cell["test_task"]))
        ours, theirs = evidence.rows(cell, metric), evidence.rows(base, metric)
        shared = ours.paired(theirs)
        asked.append([ours.samples.ids[place] for place in shared.places])
        differences.append(ours.statistics[shared.first, 0] - theirs.statistics[shared.second, 0])
        groups |= zip(asked[-1], (ours.samples.groups[place] for place in shared.places), strict=True)
    samples = sorted(groups)
    values = sample_means(samples, asked, differences)
    mean = float(values.mean())
    sums: dict[str, float] = defaultdict(float)
    for sample, value in zip(samples, values.tolist(), strict=True):
        sums[groups[sample] or f"alone:{sample}"] += value - mean
    n_groups = len(sums)
    if n_groups < 2:
        return mean, 0.0
    variance = sum(total**2 for total in sums.values()) / len(values) ** 2 * n_groups / (n_groups - 1)
    return mean, variance


def sample_means(samples: list[str], asked: list[list[str]], values: list[FloatArray]) -> FloatArray:
    """Average what several cells say of each sample: (len(samples),).

    samples: ids, each in at least one cell. asked: the samples of each cell. values: one array per cell, aligned
    with `asked`.
    """
    places = {sample: place for place, sample in enumerate(samples)}
    owner = np.fromiter((places[sample] for cell in asked for sample in cell), dtype=np.int64)
    ordered = np.concatenate(values)[np.argsort(owner, kind="stable")]
    counts = np.bincount(owner, minlength=len(samples))
    starts = np.cumsum(counts) - counts
    means = np.empty(len(samples))
    for count in np.unique(counts):
        same = counts == count
        means[same] = ordered[starts[same][:, None] + np.arange(count)].mean(axis=1)
    return means
