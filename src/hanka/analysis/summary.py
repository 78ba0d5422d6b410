"""Which number has every cell, and how does it differ from the base model's? → summary.csv, summary.parquet.

One row per cell × metric: value with interval; against base in the same cell, paired by sample, the difference with
interval and p-value. The primary metrics of all adapted cells are one family, exploratory: judged together, each has a
simultaneous interval, an adjusted p-value and a verdict that follows from that interval. Other metrics carry intervals
and no verdict. A failed cell is a row without a value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from hanka.analysis.contrasts import Contrast, Contrasts, judging_interval, margin_of
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import METRICS, Metric
from hanka.stats import Family, PairedComparison, estimate_resampled, normal_quantile, verdict
from hanka.store.folder import SUMMARY_COLUMNS

CELLS = "cells"
"Family of the primary metric in every adapted cell: exploratory."


@dataclass(slots=True)
class SummaryRow:
    """A row of summary.csv with the comparison it came from."""

    values: dict[str, Any]
    "By column; None where there is no value."
    comparison: PairedComparison | None
    "Against base; None where there is none."
    contrast: Contrast | None = None
    "The same with what each row contributed, where it is judged."


def summarise(evidence: Evidence, contrasts: Contrasts) -> list[SummaryRow]:
    """Compute every row of the summary, in the order of the plan."""
    found = {cell.cell["id"]: _cell_rows(evidence, contrasts, cell) for cell in evidence.by_question()}
    rows = [row for cell_id in evidence.cells for row in found[cell_id]]
    _judge(evidence, contrasts, rows)
    return rows


def _cell_rows(evidence: Evidence, contrasts: Contrasts, cell: CellEvidence) -> list[SummaryRow]:
    if not cell.is_done:
        return [SummaryRow(_failed_row(evidence, cell), None)]
    return [_row(evidence, contrasts, cell, metric) for metric in evidence.metrics(cell)]


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
        "family": "",
    }
    row |= {name: variant[name] for name in ("train_task", "train_dataset", "train_size", "seed")}
    names = ("test_task", "test_dataset", "relation", "shots", "prompt", "draw", "context")
    return row | {name: one[name] for name in names}


def _failed_row(evidence: Evidence, cell: CellEvidence) -> dict[str, Any]:
    row = _identity(evidence, cell, evidence.primary(cell.cell["test_task"]))
    return row | {"n": 0, "n_failed": cell.record.get("n_failed", cell.cell.get("n_rows", 0))}


def _row(evidence: Evidence, contrasts: Contrasts, cell: CellEvidence, metric: Metric) -> SummaryRow:
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
        found = estimate_resampled(sample, metric.binary, evidence.level, metric.is_supported(own.statistics))
        row |= {"value": found.value, "ci_low": found.low, "ci_high": found.high}
    base = evidence.base_of(cell)
    pair = None if base is None else contrasts.pair(cell, base, metric)
    if pair is None:
        return SummaryRow(row, None)
    comparison = pair.comparison
    row |= {
        "base_value": comparison.value_b,
        "delta": comparison.delta,
        "delta_ci_low": comparison.low,
        "delta_ci_high": comparison.high,
        "p_value": comparison.p_value if metric.higher_is_better is not None else None,
    }
    is_judged = metric.higher_is_better is not None and metric.name == evidence.primary(cell.cell["test_task"])
    return SummaryRow(row, comparison, contrasts.of_pair(pair) if is_judged else None)


def _judge(evidence: Evidence, contrasts: Contrasts, rows: list[SummaryRow]) -> None:
    """Judge the primary cells of the study together, and write their simultaneous intervals and verdicts."""
    judged = [(row.values, row.contrast) for row in rows if row.contrast is not None]
    together = contrasts.judge([contrast for _, contrast in judged], CELLS)
    for values, contrast in judged:
        values |= judgement(evidence, contrast, METRICS.get(values["metric"]), together) | {"family": CELLS}


def judgement(evidence: Evidence, contrast: Contrast, metric: Metric, together: Family) -> dict[str, Any]:
    """Return what a family says of a contrast: simultaneous interval, adjusted p-value, verdict."""
    wide, alone = judging_interval(contrast, together), contrast.interval(normal_quantile(evidence.level))
    word = verdict(
        wide, alone, margin_of(evidence, metric, "equivalence", contrast.value_b), metric.higher_is_better,
        contrast.n_units,
    )  # fmt: skip
    return {
        "p_adjusted": together.adjusted(contrast.z, contrast.p_value) if wide else None,
        "sim_low": wide.low if wide else None,
        "sim_high": wide.high if wide else None,
        "verdict": word,
    }


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
