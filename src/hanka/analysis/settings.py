"""The three settings: what did a method gain or lose in domain, out of domain and on other tasks?

One line per trained set × method × size × relation × metric, over the primary metric's cells: verdicts counted, and the
mean difference with an interval over rows, seeds and draws. Test sets count equally; different metrics are never averaged.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hanka.analysis.contrasts import Contrasts, PairResult
from hanka.analysis.evidence import Evidence
from hanka.analysis.summary import SummaryRow
from hanka.metrics import METRICS
from hanka.stats import normal_quantile

Key = tuple[str, str, str, str, int, str, str]
VERDICTS = ("better", "worse", "equivalent", "leaning", "undecided")


def settings_table(evidence: Evidence, rows: list[SummaryRow], contrasts: Contrasts) -> list[dict[str, Any]]:
    """Return the lines of the three-setting overview, in the order of the summary."""
    grouped: dict[Key, list[SummaryRow]] = defaultdict(list)
    for row in rows:
        values = row.values
        if values["train_size"] and values["metric"] == evidence.primary(values["test_task"]):
            names = ("base", "train_task", "train_dataset", "method", "train_size", "relation", "metric")
            key: Key = tuple(values[name] for name in names)
            grouped[key].append(row)
    return [_line(evidence, contrasts, key, members) for key, members in grouped.items()]


def _line(evidence: Evidence, contrasts: Contrasts, key: Key, members: list[SummaryRow]) -> dict[str, Any]:
    verdicts = [row.values["verdict"] for row in members]
    names = ("base", "train_task", "train_dataset", "method", "train_size", "relation", "metric")
    return {
        **dict(zip(names, key, strict=True)),
        "reference": evidence.cells[members[0].values["cell_id"]].reference,
        "n_cells": len(members),
        **{f"n_{word}": verdicts.count(word) for word in VERDICTS},
        "n_failed": sum(1 for row in members if row.values["value"] is None),
        **_mean_difference(evidence, contrasts, members),
    }


def _mean_difference(evidence: Evidence, contrasts: Contrasts, members: list[SummaryRow]) -> dict[str, Any]:
    metric = METRICS.get(members[0].values["metric"])
    pairs: list[PairResult] = []
    for row in members:
        cell = evidence.cells[row.values["cell_id"]]
        base = evidence.base_of(cell)
        pair = contrasts.pair(cell, base, metric) if base is not None and row.comparison is not None else None
        if pair is not None:
            pairs.append(pair)
    if not pairs:
        return {"mean_delta": None, "ci_low": None, "ci_high": None, "n_seeds": 0}
    found = contrasts.pooled(pairs, metric)
    interval = found.interval(normal_quantile(evidence.level))
    low, high = interval if interval else (None, None)
    return {"mean_delta": found.delta, "ci_low": low, "ci_high": high, "n_seeds": found.n_seeds}
