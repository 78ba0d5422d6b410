"""Which number has every cell, and how does it differ from the base model's? → summary.csv, summary.parquet.

One row per cell × metric: value with interval; against base in the same cell, paired by sample, the
difference with interval, the p-value, Holm's adjustment over every comparison of the study, the
verdict. Descriptive metrics have no better end, hence no p-value and no verdict. A failed cell is a row
without a value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import Metric
from hanka.stats import ComparisonSettings, PairedComparison, compare_resampled, estimate_resampled, holm, verdict
from hanka.store.folder import SUMMARY_COLUMNS


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A row of summary.csv with the comparison it came from."""

    values: dict[str, Any]
    "By column; None where there is no value."
    comparison: PairedComparison | None
    "Against base; None where there is none."


def summarise(evidence: Evidence) -> list[SummaryRow]:
    """Compute every row of the summary, in the order of the plan."""
    found = {cell.cell["id"]: _cell_rows(evidence, cell) for cell in evidence.by_question()}
    rows = [row for cell_id in evidence.cells for row in found[cell_id]]
    _adjust(evidence, rows)
    return rows


def _cell_rows(evidence: Evidence, cell: CellEvidence) -> list[SummaryRow]:
    if not cell.is_done:
        return [SummaryRow(_failed_row(evidence, cell), None)]
    return [_row(evidence, cell, metric) for metric in evidence.metrics(cell)]


def _identity(evidence: Evidence, cell: CellEvidence, metric: str) -> dict[str, Any]:
    variant, one = cell.variant, cell.cell
    row: dict[str, Any] = dict.fromkeys(SUMMARY_COLUMNS)
    row |= {
        "cell_id": one["id"],
        "variant_id": variant["id"],
        "base": variant["base"],
        "method": variant["label"],
        "params": json.dumps(variant["params"], sort_keys=True, ensure_ascii=False),
        "metric": metric,
        "verdict": "",
    }
    row |= {name: variant[name] for name in ("train_task", "train_dataset", "train_size", "seed")}
    names = ("test_task", "test_dataset", "relation", "shots", "prompt", "draw", "context")
    return row | {name: one[name] for name in names}


def _failed_row(evidence: Evidence, cell: CellEvidence) -> dict[str, Any]:
    row = _identity(evidence, cell, evidence.primary(cell.cell["test_task"]))
    return row | {"n": 0, "n_failed": cell.record.get("n_failed", cell.cell.get("n_rows", 0))}


def _row(evidence: Evidence, cell: CellEvidence, metric: Metric) -> SummaryRow:
    own = evidence.rows(cell, metric)
    assert cell.samples is not None
    row = _identity(evidence, cell, metric.name)
    row |= {"n": len(own), "n_failed": len(cell.samples.ids) - len(own)}
    if not len(own):
        return SummaryRow(row, None)
    plan = evidence.resampling(cell, own.places)
    row["value"] = metric.value(own.statistics)
    if plan is not None:
        sample = evidence.resampled(own, np.arange(len(own)), metric, plan)
        found = estimate_resampled(sample, metric.binary, evidence.level)
        row |= {"value": found.value, "ci_low": found.low, "ci_high": found.high}
    comparison = _against_base(evidence, cell, metric)
    if comparison is not None:
        row |= {
            "base_value": comparison.value_b,
            "delta": comparison.delta,
            "delta_ci_low": comparison.low,
            "delta_ci_high": comparison.high,
            "p_value": comparison.p_value if metric.higher_is_better is not None else None,
        }
    return SummaryRow(row, comparison)


def _against_base(evidence: Evidence, cell: CellEvidence, metric: Metric) -> PairedComparison | None:
    base = evidence.base_of(cell)
    return None if base is None else compare_cells(evidence, cell, base, metric)


def compare_cells(
    evidence: Evidence, cell: CellEvidence, other: CellEvidence, metric: Metric
) -> PairedComparison | None:
    """Compare two cells on the samples both have scored; None below two independent samples."""
    context = evidence.context(cell)
    ours, theirs = evidence.rows(cell, metric, context), evidence.rows(other, metric, context)
    shared = ours.paired(theirs)
    plan = evidence.resampling(cell, shared.places) if len(shared.places) else None
    if plan is None:
        return None
    settings = ComparisonSettings(binary=metric.binary, level=evidence.level)
    a = evidence.resampled(ours, shared.first, metric, plan)
    return compare_resampled(a, evidence.resampled(theirs, shared.second, metric, plan), settings)


def _adjust(evidence: Evidence, rows: list[SummaryRow]) -> None:
    """Adjust all p-values of the study by Holm and write the verdicts."""
    from hanka.metrics import METRICS

    judged = [row.values for row in rows if row.values["p_value"] is not None]
    if not judged:
        return
    adjusted = holm([values["p_value"] for values in judged])
    for values, p_adjusted in zip(judged, adjusted.tolist(), strict=True):
        values["p_adjusted"] = p_adjusted
        better = METRICS.get(values["metric"]).higher_is_better
        values["verdict"] = verdict(values["delta"], p_adjusted, 1 - evidence.level, better)


def score_table(evidence: Evidence) -> Any:
    """Return scores.parquet: one row per cell × sample × metric, null with status and reason where unscored."""
    import pyarrow as pa

    names = ("cell_id", "sample_id", "metric", "value", "status", "reason")
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for cell in evidence.done():
        for metric in evidence.metrics(cell):
            columns = _score_columns(evidence, cell, metric)
            for name, part in zip(names, columns, strict=True):
                parts[name].append(part)
    types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.string(), pa.string())
    joined = {
        name: pa.concat_arrays(parts.pop(name)) if parts[name] else pa.array([], type)
        for name, type in zip(names, types, strict=True)
    }
    return pa.table(joined, schema=pa.schema(list(zip(names, types, strict=True))))


def _score_columns(evidence: Evidence, cell: CellEvidence, metric: Metric) -> tuple[Any, ...]:
    import pyarrow as pa

    scored = evidence.rows(cell, metric)
    assert cell.samples is not None
    n = len(cell.samples.ids)
    values, is_null = np.zeros(n), np.ones(n, dtype=bool)
    values[scored.places], is_null[scored.places] = scored.statistics[:, 0], False
    return (
        pa.repeat(cell.cell["id"], n),
        cell.samples.column,
        pa.repeat(metric.name, n),
        pa.array(values, mask=is_null),
        cell.status,
        cell.reason,
    )
