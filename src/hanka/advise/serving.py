"""What a request to the prompted model took: the 95th percentile of its seconds, and what a thousand requests cost.

focus → **serving** → inputs of remark 8. Seconds are those of single requests: of a model behind an endpoint as it was asked, of one on this
machine where they were measured (`hanka cost RUN --latency N`). Prices are the study's. Limits: times are those of the hour of the run, at the study's
concurrency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, measured
from hanka.analysis.amounts import serving_of
from hanka.stats import LEAST_UNITS, t_interval
from hanka.store.folder import read_table

THOUSAND = 1000


def serving(focus: Focus) -> dict[str, Given]:
    """Measure what the rival took, as far as single requests were timed and a price is stated."""
    return _latency(focus) | _cost(focus)


def _latency(focus: Focus) -> dict[str, Given]:
    """Take the 95th percentile at the first asking; too few requests bound it on one side alone, and then it decides nothing."""
    cells = focus.first_prompted()
    latency = serving_of(focus.evidence, cells).latency if cells else None
    if latency is None:
        return {}
    found = latency.p95
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    return {"p95_latency_seconds": measured(found.value, ends, int(found.n or 0), "requests", focus.rival)}


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
