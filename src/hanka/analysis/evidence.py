"""Stored predictions → scored evidence: the cells of a run with the statistics of every metric.

Reading side: needs plan.json and the cells' files, no study, no model. Pairing with the base model is by
test set, shots, prompt, draw and sample id. A cell's file is read when the cell is first asked for; what
stays is columns of numbers. Resamples are kept for a few test sets at a time, so whoever compares many
cells goes through them `by_question`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hanka.analysis.answers import Places, SampleKey, Samples, Scored, read_answers
from hanka.analysis.said import Said, columns_of, say
from hanka.errors import StoreError
from hanka.identity import stream
from hanka.metrics import METRICS, Metric, ScoringContext
from hanka.metrics.measured import declare
from hanka.records import SEVERAL, is_unadapted
from hanka.stats import Resampled, ResamplingPlan, plan_resampling, resampled
from hanka.store.folder import RunFolder, read_json, read_json_or_none

if TYPE_CHECKING:
    import pyarrow as pa

ASKING = ("shots", "prompt", "draw", "context")
"Fields of a cell that say how a test set is asked."
CONTENT_ID = re.compile(r"[0-9a-f]{16}")
"Ids become paths, so a stored one is checked before it is used."
KEPT_BYTES = 256 << 20
"Of resampling plans in memory, resamples × samples × 2 bytes each; the last one stays."
KEPT_PLANS = 64
"Resampling plans in memory, however small."
KEPT_SAMPLES = 24
"Statistics under a plan in memory: those of a cell and of its base, in every metric."


@dataclass(slots=True, eq=False)
class CellEvidence:
    """One cell with what came out."""

    cell: Mapping[str, Any]
    "The cell's fields, from plan.json."
    variant: Mapping[str, Any]
    "Its variant's fields."
    record: Mapping[str, Any]
    "cell.json; {} where the cell was not run."
    samples: Samples | None = None
    "Its samples, once it was read."
    status: pa.Array = None
    "ok, unparsed or failed, per sample, once it was read."
    reason: pa.Array = None
    "Why a sample is not ok, once it was read."
    said: Said | None = None
    "What came out, kept small, once it was read."

    @property
    def key(self) -> tuple[Any, ...]:
        """What a base cell must share to be compared with."""
        return (self.reference, self.cell["test_dataset"], *self.asking)

    @property
    def asking(self) -> tuple[Any, ...]:
        """How it was asked; a variant at an asking is a system."""
        return tuple(self.cell.get(name, "") for name in ASKING)

    @property
    def reference(self) -> str:
        """Base model whose unadapted answers this cell's are compared with."""
        return str(self.variant.get("reference") or self.variant["base"])

    @property
    def is_unadapted(self) -> bool:
        """Whether the base model answered as it is."""
        return is_unadapted(self.variant["method"])

    @property
    def is_done(self) -> bool:
        """Whether it has predictions."""
        return bool(self.record.get("status") == "done")

    @property
    def n_asked(self) -> int:
        """Rows that were asked so far, failed ones among them."""
        return int(self.record["n"]) + int(self.record["n_failed"]) if self.is_done else 0

    @property
    def n_most(self) -> int:
        """Rows of the test set: all that can be asked."""
        return int(self.cell["n_rows"])


NOTHING = Scored(Samples((), ()), np.zeros(0, dtype=np.int64), np.zeros((0, 1)))
"What is scored of a cell without predictions."

RowsKey = tuple[str, str, tuple[str, ...]]
"Cell id, metric, training labels where the metric needs them."


@dataclass(slots=True)
class Evidence:
    """A run's cells, read and scored on demand."""

    folder: RunFolder
    "The run."
    plan: Mapping[str, Any]
    "plan.json."
    cells: dict[str, CellEvidence]
    "By cell id, in the order of the plan."
    _contexts: dict[tuple[str, str], ScoringContext] = field(default_factory=dict)
    _samples: dict[SampleKey, Samples] = field(default_factory=dict)
    _rows: dict[RowsKey, Scored] = field(default_factory=dict)
    _plans: dict[tuple[Any, ...], ResamplingPlan | None] = field(default_factory=dict)
    _resampled: dict[tuple[Any, ...], Resampled] = field(default_factory=dict)
    _base: dict[tuple[Any, ...], CellEvidence] = field(default_factory=dict)
    _again: dict[tuple[Any, ...], list[CellEvidence]] = field(default_factory=dict)

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
        key = (cell.variant["train_task"], cell.cell["test_task"])
        if key not in self._contexts:
            trained = key[0].split(SEVERAL) if key[0] else self.plan["trained_tasks"]
            labels = tuple(label for name in trained for label in self.task(name)["labels"])
            self._contexts[key] = ScoringContext(
                labels=tuple(self.task(key[1])["labels"]),
                training_labels=tuple(dict.fromkeys(labels)),
                max_new_tokens=self.plan["max_new_tokens"],
            )
        return self._contexts[key]

    def rows(self, cell: CellEvidence, metric: Metric, context: ScoringContext | None = None) -> Scored:
        """Return a metric's statistics of the samples that could be scored; none of a cell that is not done."""
        if not cell.is_done:
            return NOTHING
        context = context or self.context(cell)
        key = _rows_key(cell, metric, context)
        if key not in self._rows:
            self._score(cell, metric, context)
        return self._rows[key]

    def _score(self, cell: CellEvidence, asked: Metric, context: ScoringContext) -> None:
        """Read a cell and compute a metric; the first time, all that the cell has, for the texts are not kept."""
        wanted = [(asked, context)]
        if cell.samples is None:
            wanted += [(metric, self.context(cell)) for metric in self.metrics(cell)]
        kind = self.task(cell.cell["test_task"])["kind"]
        columns = {column for metric, _ in wanted for column in metric.reads} | columns_of(kind)
        answers = read_answers(self.folder.cell(cell.cell["id"]), self._samples, columns)
        cell.samples, cell.status, cell.reason = answers.samples, answers.status, answers.reason
        cell.said = cell.said or say(kind, answers, self.context(cell), self.level)
        for metric, known in wanted:
            key = _rows_key(cell, metric, known)
            if key not in self._rows:
                self._rows[key] = answers.score(metric, known)

    def said(self, cell: CellEvidence) -> Said:
        """Return what a cell that is done said, kept small."""
        if cell.said is None:
            self.rows(cell, self.metrics(cell)[0])
        assert cell.said is not None
        return cell.said

    def base_of(self, cell: CellEvidence) -> CellEvidence | None:
        """Return the base model's cell that this one is compared with."""
        if not self._base:
            self._base = {one.key: one for one in self.cells.values() if one.is_unadapted}
        return None if cell.is_unadapted else self._base.get(cell.key)

    def asked_again(self, base: CellEvidence) -> CellEvidence | None:
        """Return a base cell of the same test set and shots in another draw, or else in other words; None without one."""
        if not self._again:
            for one in self.done():
                if one.is_unadapted:
                    self._again.setdefault(_question(one), []).append(one)
        others = (one for one in self._again.get(_question(base), ()) if one is not base)
        prompt = base.cell["prompt"]
        return min(others, key=lambda one: (one.cell["prompt"] != prompt, self.order(one.asking)), default=None)

    def resampling(self, cell: CellEvidence, places: Places) -> ResamplingPlan | None:
        """Return the resamples of a test set's samples, shared by all comparisons; None below two units."""
        assert cell.samples is not None
        return self.resampling_of(cell.cell["test_dataset"], cell.samples, places)

    def resampling_of(self, test_dataset: str, samples: Samples, places: Places) -> ResamplingPlan | None:
        """Return the resamples of some samples of a test set; see `resampling`."""
        groups = samples.groups_at(places)
        key = (test_dataset, len(places), groups)
        if key not in self._plans:
            rng = stream(self.plan["seed"], "resampling", test_dataset)
            try:
                found = plan_resampling(len(places), rng, groups or None, self.plan["stats"]["resamples"])
            except ValueError:
                found = None
            self._plans[key] = found
            self._forget_plans()
        return self._plans[key]

    def _forget_plans(self) -> None:
        """Drop the oldest plans until the rest are few and small enough, and with them what holds them."""
        total = sum(plan.counts.nbytes for plan in self._plans.values() if plan)
        while len(self._plans) > 1 and (total > KEPT_BYTES or len(self._plans) > KEPT_PLANS):
            plan = self._plans.pop(next(iter(self._plans)))
            total -= plan.counts.nbytes if plan else 0
            self._resampled.clear()

    def resampled(self, rows: Scored, index: Places, metric: Metric, plan: ResamplingPlan) -> Resampled:
        """Return some rows of a metric's statistics under a plan; the base model's serve every variant."""
        key = (rows, index.tobytes(), plan)
        found = self._resampled.pop(key, None) or resampled(rows.statistics[index], metric.aggregate, plan)
        self._resampled[key] = found  # at the end: used last
        if len(self._resampled) > KEPT_SAMPLES:
            del self._resampled[next(iter(self._resampled))]
        return found

    def order(self, asking: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what askings are sorted by: fewest shots, first prompt and draw, contexts as the study lists them."""
        contexts = self.plan.get("contexts", [])
        *how, context = asking
        return (*how, contexts.index(context) if context in contexts else len(contexts))

    def by_question(self) -> list[CellEvidence]:
        """Return the cells so that those which were asked the same follow each other, in the order of the plan."""
        return sorted(self.cells.values(), key=lambda one: tuple(map(str, one.key[1:])))

    def done(self) -> Iterator[CellEvidence]:
        """Yield the cells that have predictions."""
        return (cell for cell in self.cells.values() if cell.is_done)

    @property
    def level(self) -> float:
        """Return the confidence level."""
        return float(self.plan["stats"]["level"])

    @property
    def block(self) -> int | None:
        """Return the rows between two looks of a study that grows until it is decided; None where all are asked."""
        found = self.plan.get("block")
        return None if found is None else int(found)


def _question(cell: CellEvidence) -> tuple[Any, ...]:
    return (cell.reference, *(cell.cell[name] for name in ("test_dataset", "shots", "context")))


def _rows_key(cell: CellEvidence, metric: Metric, context: ScoringContext) -> RowsKey:
    return cell.cell["id"], metric.name, context.training_labels if "training_labels" in metric.needs else ()


def load_evidence(folder: RunFolder) -> Evidence:
    """Read a run's plan and cells. Raises StoreError where the folder is no run or a file is damaged."""
    plan = read_json(folder.plan)
    declare(plan.get("measures", ()))
    for one in [*plan["variants"], *plan["cells"]]:
        if not CONTENT_ID.fullmatch(str(one["id"])):
            raise StoreError(f"{folder.plan}: {one['id']!r} is not a content id; this folder was not written by hanka")
    variants = {variant["id"]: variant for variant in plan["variants"]}
    cells = {}
    for cell in plan["cells"]:
        path = folder.cell(cell["id"])
        record = read_json_or_none(path / "cell.json") or {}
        cells[cell["id"]] = CellEvidence(cell, variants[cell["variant_id"]], record)
    return Evidence(folder, plan, cells)
