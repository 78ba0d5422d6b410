"""Stored predictions → scored evidence: the cells of a run with the statistics of every metric.

Reading side: needs plan.json and the cells' files, no study, no model. Pairing with the base model is by
test set, shots, prompt, draw and sample id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hanka.errors import StoreError
from hanka.identity import stream
from hanka.metrics import METRICS, Metric, ScoringContext
from hanka.records import Prediction
from hanka.stats import ResamplingPlan, plan_resampling
from hanka.store.folder import RunFolder, read_json, read_json_or_none, read_predictions

CONTENT_ID = re.compile(r"[0-9a-f]{16}")
"Ids become paths, so a stored one is checked before it is used."

FloatArray = npt.NDArray[np.float64]


@dataclass(slots=True)
class CellEvidence:
    """One cell with what came out."""

    cell: Mapping[str, Any]
    "The cell's fields, from plan.json."
    variant: Mapping[str, Any]
    "Its variant's fields."
    record: Mapping[str, Any]
    "cell.json; {} where the cell was not run."
    predictions: list[Prediction]
    "Empty for a failed cell."
    groups: dict[str, str]
    "Sample id → group."

    @property
    def key(self) -> tuple[Any, ...]:
        """What a base cell must share to be compared with."""
        names = ("test_dataset", "shots", "prompt", "draw")
        return (self.variant["base"], *(self.cell[name] for name in names))

    @property
    def is_base(self) -> bool:
        """Whether the variant is the unadapted model."""
        return bool(self.variant["method"] == "base")


@dataclass(slots=True)
class Evidence:
    """A run's cells, scored on demand."""

    folder: RunFolder
    "The run."
    plan: Mapping[str, Any]
    "plan.json."
    cells: dict[str, CellEvidence]
    "By cell id, in the order of the plan."
    _rows: dict[tuple[str, str, tuple[str, ...]], dict[str, FloatArray]] = field(default_factory=dict)
    _resampling: dict[tuple[str, tuple[str, ...]], ResamplingPlan | None] = field(default_factory=dict)
    _base: dict[tuple[Any, ...], CellEvidence] = field(default_factory=dict)

    def task(self, name: str) -> Mapping[str, Any]:
        """Return a task's kind, labels and metrics."""
        found: Mapping[str, Any] = self.plan["tasks"][name]
        return found

    def metrics(self, cell: CellEvidence) -> list[Metric]:
        """Return the metrics of a cell's task that can have a value there; the primary one first."""
        context = self.context(cell)
        found = [METRICS.get(name) for name in self.task(cell.cell["test_task"])["metrics"]]
        return [metric for metric in found if not metric.missing(context)]

    def primary(self, task: str) -> str:
        """Return the name of a task's primary metric."""
        return str(self.task(task)["metrics"][0])

    def context(self, cell: CellEvidence) -> ScoringContext:
        """Return what metrics may know of a cell; base is described with the labels of all trained tasks."""
        trained = [cell.variant["train_task"]] if cell.variant["train_task"] else self.plan["trained_tasks"]
        labels = tuple(label for name in trained for label in self.task(name)["labels"])
        return ScoringContext(
            labels=tuple(self.task(cell.cell["test_task"])["labels"]),
            training_labels=tuple(dict.fromkeys(labels)),
            max_new_tokens=self.plan["max_new_tokens"],
        )

    def rows(self, cell: CellEvidence, metric: Metric, context: ScoringContext | None = None) -> dict[str, FloatArray]:
        """Return a metric's statistics by sample id; empty where nothing could be scored."""
        context = context or self.context(cell)
        key = (cell.cell["id"], metric.name, context.training_labels if "training_labels" in metric.needs else ())
        if key not in self._rows:
            if any(one.status != "failed" for one in cell.predictions):
                ids, statistics = metric.rows(cell.predictions, context)
                self._rows[key] = dict(zip(ids, statistics, strict=True))
            else:
                self._rows[key] = {}
        return self._rows[key]

    def base_of(self, cell: CellEvidence) -> CellEvidence | None:
        """Return the base model's cell that this one is compared with."""
        if not self._base:
            self._base = {one.key: one for one in self.cells.values() if one.is_base}
        return None if cell.is_base else self._base.get(cell.key)

    def resampling(self, cell: CellEvidence, ids: tuple[str, ...]) -> ResamplingPlan | None:
        """Return the resamples of a test set's samples, shared by all comparisons; None below two units."""
        key = (cell.cell["test_dataset"], ids)
        if key not in self._resampling:
            rng = stream(self.plan["seed"], "resampling", cell.cell["test_dataset"])
            groups = [cell.groups.get(one, "") for one in ids]
            try:
                self._resampling[key] = plan_resampling(len(ids), rng, groups, self.plan["stats"]["resamples"])
            except ValueError:
                self._resampling[key] = None
        return self._resampling[key]

    def done(self) -> Iterator[CellEvidence]:
        """Yield the cells that have predictions."""
        return (cell for cell in self.cells.values() if cell.predictions)

    @property
    def level(self) -> float:
        """Return the confidence level."""
        return float(self.plan["stats"]["level"])


def load_evidence(folder: RunFolder) -> Evidence:
    """Read a run's plan and cells. Raises StoreError where the folder is no run or a file is damaged."""
    plan = read_json(folder.plan)
    for one in [*plan["variants"], *plan["cells"]]:
        if not CONTENT_ID.fullmatch(str(one["id"])):
            raise StoreError(f"{folder.plan}: {one['id']!r} is not a content id; this folder was not written by hanka")
    variants = {variant["id"]: variant for variant in plan["variants"]}
    cells = {}
    for cell in plan["cells"]:
        path = folder.cell(cell["id"])
        record = read_json_or_none(path / "cell.json") or {}
        predictions, groups = read_predictions(path) if record.get("status") == "done" else ([], [])
        named = dict(zip((one.sample_id for one in predictions), groups, strict=True))
        cells[cell["id"]] = CellEvidence(cell, variants[cell["variant_id"]], record, predictions, named)
    return Evidence(folder, plan, cells)
