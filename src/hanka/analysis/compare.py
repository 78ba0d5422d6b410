"""Is variant A better than variant B? Paired by sample, per test set, shots and prompt, and pooled."""

from __future__ import annotations

from typing import Any

import numpy as np

from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.analysis.summary import compare_cells
from hanka.errors import HankaError, nearest
from hanka.identity import stream
from hanka.metrics import METRICS
from hanka.records import is_unadapted
from hanka.stats import ComparisonSettings, compare, holm, mean, plan_resampling, verdict
from hanka.store.folder import RunFolder

POOLED = "(pooled)"


def compare_variants(folder: RunFolder, a: str, b: str) -> dict[str, Any]:
    """Compare two variants of a run on the primary metrics; Holm over the rows of this comparison.

    a, b: variant id, its beginning, or a label that names one variant. Raises HankaError with what to write.
    """
    folder.require_format()
    evidence = load_evidence(folder)
    first, second = _find(evidence, a), _find(evidence, b)
    theirs = {cell.key[1:]: cell for cell in evidence.done() if cell.variant["id"] == second["id"]}
    pairs = [
        (cell, theirs[cell.key[1:]])
        for cell in evidence.done()
        if cell.variant["id"] == first["id"] and cell.key[1:] in theirs
    ]
    rows = [row for cell, other in pairs if (row := _row(evidence, cell, other))]
    rows += _pooled(evidence, pairs)
    if not rows:
        raise HankaError(f"{a} and {b} share no finished cell, so there is nothing to compare")
    for row, p_adjusted in zip(rows, holm([row["p_value"] for row in rows]).tolist(), strict=True):
        row["p_adjusted"] = p_adjusted
        better = METRICS.get(row["metric"]).higher_is_better
        row["verdict"] = verdict(row["delta"], p_adjusted, 1 - evidence.level, better)
    return {"a": _title(evidence, first), "b": _title(evidence, second), "rows": rows}


def _find(evidence: Evidence, name: str) -> dict[str, Any]:
    variants = evidence.plan["variants"]
    found = [one for one in variants if one["id"].startswith(name)] if len(name) >= 4 else []
    found = found or [one for one in variants if name in (one["label"], _title(evidence, one))]
    if len(found) == 1:
        return dict(found[0])
    listed = ", ".join(f"{one['id'][:8]} = {_title(evidence, one)}" for one in (found or variants)[:12])
    if found:
        raise HankaError(f"{name!r} names {len(found)} variants; write the id of one: {listed}")
    raise HankaError(f"no variant {name!r}: {nearest(name, [one['label'] for one in variants])}; variants: {listed}")


def _title(evidence: Evidence, variant: dict[str, Any]) -> str:
    """Name a variant in words: its base where it is that, or where the study has several."""
    if is_unadapted(variant["method"]):
        return f"{variant['label']}/{variant['base']}"
    several = len({one["base"] for one in evidence.plan["variants"]}) > 1
    title = f"{variant['label']}/{variant['train_dataset']}/{variant['train_size']}/seed{variant['seed']}"
    return f"{title}/{variant['base']}" if several else title


def _row(evidence: Evidence, cell: CellEvidence, other: CellEvidence) -> dict[str, Any] | None:
    metric = METRICS.get(evidence.primary(cell.cell["test_task"]))
    result = compare_cells(evidence, cell, other, metric)
    if result is None:
        return None
    where = {
        name: cell.cell[name]
        for name in ("test_task", "test_dataset", "shots", "prompt", "draw", "context", "relation")
    }
    return where | _numbers(metric.name, result)


def _numbers(metric: str, result: Any) -> dict[str, Any]:
    names = ("n", "value_a", "value_b", "delta", "low", "high", "p_value", "test")
    return {"metric": metric} | {name: getattr(result, name) for name in names}


def _pooled(evidence: Evidence, pairs: list[tuple[CellEvidence, CellEvidence]]) -> list[dict[str, Any]]:
    """Pool the per-sample values of test sets per primary metric; a sample asked several times is one cluster."""
    by_metric: dict[str, list[tuple[CellEvidence, CellEvidence]]] = {}
    for cell, other in pairs:
        by_metric.setdefault(evidence.primary(cell.cell["test_task"]), []).append((cell, other))
    rows = []
    for name, members in by_metric.items():
        if len(members) < 2:
            continue
        ours, theirs, clusters = [], [], []
        for cell, other in members:
            mine, yours = (evidence.rows(one, METRICS.get(name)) for one in (cell, other))
            shared = mine.paired(yours)
            ours += mine.statistics[shared.first, 0].tolist()
            theirs += yours.statistics[shared.second, 0].tolist()
            ids, groups = mine.samples.ids, mine.samples.groups
            clusters += [(cell.cell["test_dataset"], groups[place] or ids[place]) for place in shared.places]
        try:
            plan = plan_resampling(
                len(ours), stream(evidence.plan["seed"], "pooled", name), clusters, evidence.plan["stats"]["resamples"]
            )
        except ValueError:
            continue
        settings = ComparisonSettings(binary=METRICS.get(name).binary, level=evidence.level)
        result = compare(np.array(ours), np.array(theirs), mean, plan, settings)
        where = {
            "test_task": POOLED,
            "test_dataset": POOLED,
            "shots": "all",
            "prompt": "all",
            "draw": 0,
            "relation": "",
        }
        rows.append(where | _numbers(name, result))
    return rows
