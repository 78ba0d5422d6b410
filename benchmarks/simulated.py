"""Studies whose truth is known: answers drawn in memory, judged by the code that judges a run.

A simulated study has the evidence that a finished run has (cells, scored rows, groups, seeds, draws) and no files. Answers
come from a Gaussian copula: a row's difficulty is shared by all models, each adds noise of its own, and a threshold gives
the wanted share of right answers. So two models of equal skill differ on a known share of rows, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from hanka.analysis.answers import Samples, Scored
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.store.folder import RunFolder

FloatArray = npt.NDArray[np.float64]
MARGINS = {"equivalence": 0.03, "harm": 0.05, "worthwhile": 0.02}


@dataclass(slots=True)
class Study:
    """A study in memory; cells are added with the rows they have right."""

    seed: int
    "Draws resamples and signs."
    metric: str = "accuracy"
    "Primary metric of every task."
    margins: Mapping[str, float] = field(default_factory=lambda: dict(MARGINS))
    resamples: int = 1
    "Bootstrap resamples: verdicts need none."
    block: int | None = None
    "Rows between two looks of a study that grows until it is decided."
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: dict[str, CellEvidence] = field(default_factory=dict)
    rows: dict[tuple[str, str, tuple[str, ...]], Scored] = field(default_factory=dict)
    samples: dict[tuple[str, int, int], Samples] = field(default_factory=dict)

    def add(self, label: str, test: str, statistics: FloatArray, **where: Any) -> None:
        """Add a cell. statistics: (n, k) of the metric. where: task, relation, seed, prompt, draw, shots, groups, most.

        rows_of: test set whose rows these are, changed; default: their own.
        """
        task, seed, groups = where.get("task", "task"), where.get("seed", 0), where.get("groups", 1)
        is_base = label == "base"
        name = "base" if is_base else f"{label}/{seed}"
        variant = self.variants.setdefault(
            name,
            {
                "id": name, "base": "model", "method": "base" if is_base else "sft", "label": label, "params": {},
                "seed": seed, "train_task": "" if is_base else task, "train_dataset": "" if is_base else "train",
                "train_size": 0 if is_base else 64, "meant_shots": where.get("meant_shots", 0),
            },
        )  # fmt: skip
        asked = {name: where.get(name, default) for name, default in (("shots", 0), ("prompt", "p1"), ("draw", 0))}
        cell = {
            "id": f"{name}|{test}|{'|'.join(map(str, asked.values()))}", "variant_id": name, "test_task": task,
            "test_dataset": test, "relation": where.get("relation", "in_domain"), "context": "drawn", **asked,
        }  # fmt: skip
        n = len(statistics)
        cell["n_rows"] = where.get("most", n)
        of = str(where.get("rows_of", test))
        key = (of, n, groups)
        if key not in self.samples:
            ids = tuple(f"{of}{place}" for place in range(n))
            self.samples[key] = Samples(ids, tuple("" if groups == 1 else f"g{place // groups}" for place in range(n)))
        samples = self.samples[key]
        self.cells[cell["id"]] = CellEvidence(cell, variant, {"status": "done", "n": n, "n_failed": 0}, samples)
        self.rows[cell["id"], self.metric, ()] = Scored(samples, np.arange(n), statistics)

    def evidence(self) -> Evidence:
        """Return it as a run that was read."""
        tasks = {str(cell.cell["test_task"]) for cell in self.cells.values()}
        plan = {
            "variants": list(self.variants.values()),
            "cells": [cell.cell for cell in self.cells.values()],
            "tasks": {name: {"kind": "classification", "labels": ["a", "b"], "metrics": [self.metric]} for name in tasks},
            "trained_tasks": sorted({variant["train_task"] for variant in self.variants.values()} - {""}),
            "seed": self.seed, "max_new_tokens": 8, "contexts": ["drawn"], "probes": [], "block": self.block,
            "stats": {"level": 0.95, "resamples": self.resamples, **self.margins},
        }  # fmt: skip
        found = Evidence(RunFolder(Path("/nonexistent")), plan, self.cells)
        found._rows.update(self.rows)
        return found


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What makes rows hard for every model alike."""

    common: FloatArray
    "(n,) standard normal."
    share: float
    "Of the variance of an answer that rows share; the rest is each model's own."

    def right(self, rng: np.random.Generator, accuracy: float) -> FloatArray:
        """Return (n, 1) right answers of one model."""
        own = rng.normal(size=len(self.common))
        latent = np.sqrt(self.share) * self.common + np.sqrt(1 - self.share) * own
        return (latent < stats.norm.ppf(accuracy)).astype(np.float64)[:, None]


def difficulty(rng: np.random.Generator, n: int, share: float, groups: int = 1, within: float = 0.3) -> Difficulty:
    """Draw the difficulty of n rows. groups: rows in a group; within: correlation of difficulty inside one."""
    own = rng.normal(size=n)
    if groups > 1:
        shared = np.repeat(rng.normal(size=-(-n // groups)), groups)[:n]
        own = np.sqrt(within) * shared + np.sqrt(1 - within) * own
    return Difficulty(own, share)


def share_for(accuracy: float, discordant: float) -> float:
    """Return the shared variance at which two models of one accuracy differ on a share of rows."""
    cut = float(stats.norm.ppf(accuracy))

    def differ(share: float) -> float:
        both = stats.multivariate_normal.cdf([cut, cut], cov=[[1, share], [share, 1]])
        return 2 * (accuracy - float(both))

    low, high = 0.0, 0.9999
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if differ(middle) > discordant else (low, middle)
    return (low + high) / 2


def class_rows(targets: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], n_labels: int) -> FloatArray:
    """Return (n, 1 + 3c) statistics of macro-F1."""
    target, answer = np.eye(n_labels)[targets], np.eye(n_labels)[answers]
    hits = target * answer
    return np.hstack([hits.sum(axis=1, keepdims=True), hits, target, answer])


def share_of(found: Sequence[bool]) -> tuple[float, float]:
    """Return a share with its Monte-Carlo standard error."""
    p = float(np.mean(found))
    return p, float(np.sqrt(max(p * (1 - p), 1 / len(found)) / len(found)))
