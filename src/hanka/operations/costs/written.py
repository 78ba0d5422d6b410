"""The ledger for programs: JSON, and two CSV files. What never comes is the word `never`; what is not known is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hanka.analysis.amounts import Amounts, Latency, Serving, Training
from hanka.analysis.questions.contract import Measured
from hanka.operations.costs.charges import LINES, Charges
from hanka.operations.costs.records import Comparison, Entry, Ledger, Returns, Unfinished
from hanka.operations.costs.returns import Cheaper, Ends
from hanka.store.folder import write_csv

COSTS_CSV, RETURNS_CSV = "costs.csv", "returns.csv"
UNITS = {
    "labelling": "money_once", "training": "money_each", "serving": "money_per_request", "standing": "money_per_month",
    "review": "money_per_request", "maintenance": "money_per_month",
}  # fmt: skip
"Line of a bill → unit of its money."


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """Return all of a ledger. Raises ValueError for a number that is not finite."""
    prices = ledger.file.prices if ledger.file is not None else None
    found = {
        "study": ledger.study,
        "prices": None if prices is None else prices.model_dump(mode="json"),
        "old_prices": [] if ledger.file is None else [asdict(one) | {"date": str(one.date)} for one in ledger.file.old],
        "level": ledger.level,
        "local_level": ledger.local_level,
        "systems": [_entry(one) for one in ledger.entries],
        "comparisons": [_comparison(one) for one in ledger.comparisons],
        "left_out": list(ledger.left_out),
        "unfinished": [_unfinished(one) for one in ledger.unfinished],
        "study_took": asdict(ledger.totals),
    }
    _require_finite(found, "")
    return found


def write_ledger_csv(ledger: Ledger, folder: Path) -> tuple[Path, Path]:
    """Write what each system took and costs, and what each comparison returns; return the two files."""
    costs, returns = folder / COSTS_CSV, folder / RETURNS_CSV
    rows = [_flat(_entry(one)) for one in ledger.entries]
    write_csv(costs, _columns(rows), _whole(rows))
    rows = [_flat(_comparison(one)) for one in ledger.comparisons]
    write_csv(returns, _columns(rows), _whole(rows))
    return costs, returns


def _unfinished(one: Unfinished) -> dict[str, Any]:
    return {"system": one.system._asdict(), "label": one.label, **one.asked._asdict(), "test": one.test}


# ---- systems


def _entry(one: Entry) -> dict[str, Any]:
    amounts = one.amounts
    return _who(amounts) | {
        "training": None if amounts.training is None else _training(amounts.training),
        "serving": _serving(amounts.serving),
        "charges": None if one.charges is None else _charges(one.charges),
    }


def _who(amounts: Amounts) -> dict[str, Any]:
    return {
        "task": amounts.task, **amounts.system._asdict(), **amounts.asked._asdict(), "is_tuned": amounts.is_tuned,
        "variants": list(amounts.variants),
    }  # fmt: skip


def _training(made: Training) -> dict[str, Any]:
    return {
        "n_labelled": made.n_labelled, "n_seeds": made.n_seeds, "n_parameters": made.n_parameters, "n_tokens": made.n_tokens,
        "n_forwarded_tokens": made.n_forwarded_tokens, "seconds": made.seconds, "energy_joules": made.energy_joules,
        "peak_bytes": dict(made.peak_bytes), "made_from": list(made.made_from),
    }  # fmt: skip


def _serving(serving: Serving) -> dict[str, Any]:
    return {
        "n": serving.n, "n_cells": serving.n_cells, "tests": list(serving.tests), "n_demonstrations": serving.n_demonstrations,
        "n_tokens_read": _measured(serving.n_tokens_read), "n_tokens_written": _measured(serving.n_tokens_written),
        "seconds": serving.seconds, "energy_joules": serving.energy_joules, "peak_bytes": dict(serving.peak_bytes),
        "latency": _latency(serving.latency), "devices": list(serving.devices),
    }  # fmt: skip


def _latency(latency: Latency | None) -> dict[str, Any] | None:
    if latency is None:
        return None
    median, p95 = _measured(latency.median), _measured(latency.p95)
    return {"median_seconds": median, "p95_seconds": p95, "unit": latency.unit, "at_once": latency.at_once}


def _measured(found: Measured | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _charges(charges: Charges) -> dict[str, Any]:
    return {name: {UNITS[name]: charges.line(name).money, "why": charges.line(name).why} for name in LINES}


# ---- comparisons


def _comparison(one: Comparison) -> dict[str, Any]:
    contrast = one.contrast
    return {
        "task": one.task, **one.system._asdict(), **one.asked._asdict(), "rival": one.rival,
        "rival_shots": one.rival_asked.shots, "rival_context": one.rival_asked.context, "tests": list(one.tests),
        "metric": one.metric, "n": contrast.n if contrast else None, "n_units": contrast.n_units if contrast else None,
        "n_seeds": contrast.n_seeds if contrast else None,
        "value": contrast.value_a if contrast else None, "rival_value": contrast.value_b if contrast else None,
        "difference": _ends(one.difference), "added": None if one.added is None else one.added._asdict(),
        "cheaper_at_equal_quality": _cheaper(one.equal), "returns": None if one.returns is None else _returns(one.returns),
        "lacking": [asdict(lack) for lack in one.lacking],
    }  # fmt: skip


def _returns(found: Returns) -> dict[str, Any]:
    at_value, at_low, at_high = map(_cheaper, found.cheaper)
    return {
        "gain_per_request": _ends(found.gain), "net": _ends(found.net), "return_on_costs": _ends(found.on_costs),
        "payback_months": _ends(found.payback),
        "cheaper": {"at_gain": at_value, "at_low": at_low, "at_high": at_high},
    }  # fmt: skip


def _ends(found: Ends | None) -> dict[str, Any] | None:
    return None if found is None else {name: _or_never(value) for name, value in found._asdict().items()}


def _or_never(value: float) -> float | str:
    return "never" if value == math.inf else value


def _cheaper(found: Cheaper | None) -> dict[str, Any] | None:
    """Return the requests a month above and below which tuning is cheaper; below is null where there is no upper end."""
    if found is None:
        return None
    return {"above": _or_never(found.above), "below": None if math.isinf(found.below) else found.below}


# ---- tables


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn maps inside maps into one, names joined by a dot; a list becomes one text."""
    found: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, Mapping):
            found |= _flat(part, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = "; ".join(map(_said, part)) if isinstance(part, list) else part
    return found


def _said(item: Any) -> str:
    return " ".join(str(part) for part in item.values() if part) if isinstance(item, dict) else str(item)


def _columns(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return all columns in the order of the row that has most: one without an answer has the whole as null."""
    wholes = {name.rsplit(".", depth)[0] for row in rows for name in row for depth in range(1, name.count(".") + 1)}
    most = sorted(rows, key=len, reverse=True)
    return tuple(name for name in dict.fromkeys(name for row in most for name in row) if name not in wholes)


def _whole(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = _columns(rows)
    return [{name: row.get(name) for name in names} for row in rows]


def _require_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}, which is no number")
    for name, part in (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    ):
        _require_finite(part, f"{where}.{name}" if where else str(name))
