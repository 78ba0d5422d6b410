"""What a request to the prompted model took: the 95th percentile of its seconds, and what a thousand requests cost.

focus → **serving** → inputs of remark 8. Only of a model behind an endpoint: there each request was timed as it was sent
(`variants/<id>/responses.jsonl`), and the study states prices. Limits: the times are those of the hour of the run, at the study's
concurrency; a model in memory answers many rows at once, so nothing is known of one request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from scipy import stats

from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, measured
from hanka.stats import LEAST_UNITS, t_interval
from hanka.store.folder import read_table

RESPONSES = "responses.jsonl"
QUANTILE = 0.95
THOUSAND = 1000


def serving(focus: Focus) -> dict[str, Given]:
    """Measure what the rival took, where it is behind an endpoint."""
    return _latency(focus) | _cost(focus)


def _latency(focus: Focus) -> dict[str, Given]:
    taken: list[float] = []
    for one in focus.evidence.plan["variants"]:
        if one["base"] == focus.rival and not one["train_size"]:
            taken += _seconds(focus, str(one["id"]))
    if not taken:
        return {}
    value, interval = quantile(taken, QUANTILE, focus.level)
    return {"p95_latency_seconds": measured(value, interval, len(taken), "requests", focus.rival)}


def _seconds(focus: Focus, variant: str) -> list[float]:
    path = focus.evidence.folder.variant(variant) / RESPONSES
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            seconds = float(json.loads(line)["seconds"])
        except (ValueError, KeyError, TypeError):  # the line a killed process left
            continue
        found += [seconds] if math.isfinite(seconds) else []
    return found


def quantile(values: Sequence[float], share: float, level: float) -> tuple[float, tuple[float, float] | None]:
    """Return a quantile with its interval by order statistics, which assumes no distribution; None where too few values bound it.

    Of n independent values, as many as a binomial says lie below the quantile. Raises ValueError without values.
    Source: David & Nagaraja (2003), Order Statistics, section 7.1.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values: a quantile needs one")
    n, tail = len(ordered), (1 - level) / 2
    value = ordered[min(n, math.ceil(share * n)) - 1]
    below, above = int(stats.binom.ppf(tail, n, share)), int(stats.binom.ppf(1 - tail, n, share)) + 1
    if below < 1 or above > n:
        return value, None
    return value, (ordered[below - 1], ordered[above - 1])


def _cost(focus: Focus) -> dict[str, Given]:
    """Measure what a thousand requests cost at the prices of the study; each row's share of all tokens is that of its own tokens."""
    price = (focus.evidence.plan.get("prices") or {}).get(focus.rival)
    if not price:
        return {}
    costs: list[float] = []
    cells = [one for one in focus.first_prompted() if one.record.get("asked") and one.n_asked]
    for cell in cells:
        asked = cell.record["asked"]
        table = read_table(
            focus.evidence.folder.cell(cell.cell["id"]) / "predictions.parquet", ("n_prompt_tokens", "n_output_tokens")
        )
        read, written = (table.column(name).to_pylist() for name in table.column_names)
        own = [
            price["input"] * _part(asked["n_read"], read, at) + price["output"] * _part(asked["n_written"], written, at)
            for at in range(len(read))
        ]
        costs += [one / 1e6 * THOUSAND for one in own]
    if not costs:
        return {}
    found = t_interval(costs, focus.level) if len(costs) >= LEAST_UNITS else None
    about = f"{focus.rival}, {names([str(one.cell['test_dataset']) for one in cells])}, {price['currency']}"
    ends = None if found is None else (max(0.0, found.low), found.high)
    return {"cost_per_1000": measured(math.fsum(costs) / len(costs), ends, len(costs), about=about)}


def _part(total: float, tokens: Sequence[int], at: int) -> float:
    whole = sum(tokens)
    return total * tokens[at] / whole if whole else total / len(tokens)
