"""Guardrails: what share of rows shows something unwanted, and what answering takes.

Between places and checks, beside `measured.py`. Read from the stored answers of the candidate's cells; requests of served models from
what the server answered. Rates have exact bounds. The 95th percentile of the seconds of a request has the bounds of order
statistics, which assume nothing of the distribution (scipy's `quantile_test`) and need 59 requests at a level of 95 %.

Limits: of weights loaded here, rows are answered many at once, so the seconds of a single row are not known; requests that a server
answers at one time are not independent, and times are those of the hour of the run.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats as scipy_stats

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.stored_rows import read_rows
from hanka.errors import StoreError
from hanka.guardrails.answers import said
from hanka.guardrails.contract import Row
from hanka.guardrails.limits import Limit
from hanka.identity import stream
from hanka.operations.gate.measured import LackingError, Measured, n_looks, require_answers, require_done, share
from hanka.operations.gate.places import Place
from hanka.operations.gate.policy import Guardrail
from hanka.stats import Interval, compare, mean, normal_quantile, plan_resampling

COLUMNS = ("n_prompt_tokens", "n_output_tokens")
"Columns beside those that detectors read."
RESPONSES = "responses.jsonl"
"Where the answers of a server are kept, in the folder of its variant."
QUANTILE = 0.95
CANDIDATES = 5
"Commonest answers among which the one with the highest upper bound is looked for: groups may turn their order."
THOUSAND = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The stored answers of some rows."""

    groups: Sequence[str]
    rows: Sequence[Row]
    n_read: npt.NDArray[np.float64]
    "Tokens read."
    n_written: npt.NDArray[np.float64]
    "Tokens written."

    def answered(self) -> Rows:
        """Leave out rows that failed."""
        places = [place for place, row in enumerate(self.rows) if row.status != "failed"]
        return Rows(
            [self.groups[place] for place in places],
            [self.rows[place] for place in places],
            self.n_read[places],
            self.n_written[places],
        )


def guard(evidence: Evidence, place: Place, rail: Guardrail, title: str, most_missing: float) -> Measured:
    """Measure a guardrail at a place. Raises LackingError where there is no evidence."""
    cell = require_done(place.cell, title)
    found = _read(evidence, cell, place)
    if not found.rows:
        raise LackingError("no_rows")
    looks = n_looks(evidence, cell)
    if rail.rate is not None and rail.rate.detector.of_asked:
        return share(_flags(evidence, cell, rail.rate, found.rows), found.groups, looks)
    answered = found.answered()
    require_answers(len(found.rows) - len(answered.rows), len(found.rows), most_missing)
    if rail.asks == "one_answer":
        return _commonest(answered, len(evidence.task(cell.cell["test_task"])["labels"]), looks)
    if rail.rate is not None:
        return share(_flags(evidence, cell, rail.rate, answered.rows), answered.groups, looks)
    if rail.asks == "label_share":
        if rail.label not in _labels(evidence, cell):
            raise LackingError("no_label", label=rail.label)
        return share([row.parsed == rail.label for row in answered.rows], answered.groups, looks)
    return _amount(evidence, cell, answered, rail, looks)


def _flags(evidence: Evidence, cell: CellEvidence, rate: Limit, rows: Sequence[Row]) -> list[bool]:
    """Let a detector judge rows. Raises LackingError where it has nothing to say of the task."""
    task = str(cell.cell["test_task"])
    if rate.detector.needs_labels:
        _labels(evidence, cell)
    if not rate.detector.reads(evidence.task(task)["kind"], evidence.task(task)["labels"]):
        raise LackingError("not_read", guardrail=rate.name, task=task)
    return [flag.flagged for flag in rate.detector.flags(rows, rate.params)]


def _labels(evidence: Evidence, cell: CellEvidence) -> Sequence[str]:
    labels: Sequence[str] = evidence.task(cell.cell["test_task"])["labels"]
    if not labels:
        raise LackingError("no_labels", task=str(cell.cell["test_task"]))
    return labels


def _read(evidence: Evidence, cell: CellEvidence, place: Place) -> Rows:
    try:
        found = read_rows(evidence, cell, COLUMNS)
    except StoreError as error:
        raise LackingError("unreadable", why=str(error)) from None
    kept = [at for at, one in enumerate(found.ids) if place.rows is None or one in place.rows]
    n_read, n_written = (
        np.array([math.nan if (one := found.beside[name][at]) is None else one for at in kept], dtype=np.float64)
        for name in COLUMNS
    )
    return Rows([found.groups[at] for at in kept], [found.rows[at] for at in kept], n_read, n_written)


def _commonest(rows: Rows, n_labels: int, looks: int) -> Measured:
    """Bound the share of whatever answer is the commonest.

    Every answer has to stay below the bound, so the highest upper bound counts, without correction (Berger 1982); a violation by
    any of them is a claim about as many as there are.
    """
    answers = [said(row) for row in rows.rows]
    counts = Counter(answers)
    shares = [share([one == text for one in answers], rows.groups, looks) for text, _ in counts.most_common(CANDIDATES)]
    n_answers = max(n_labels, len(counts))

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound the highest of the shares."""
        high = max(one.ends(alpha, is_shared).high for one in shares)
        return Interval(max(one.ends(alpha / n_answers, is_shared).low for one in shares), high)

    first = shares[0]
    return Measured(first.estimate, first.n, first.n_units, ends, own=first.estimate)


def _amount(evidence: Evidence, cell: CellEvidence, rows: Rows, rail: Guardrail, looks: int) -> Measured:
    """Bound the mean of tokens or of a price a row."""
    if not np.isfinite(rows.n_read + rows.n_written).all():
        raise LackingError("no_number", metric="tokens")
    asked = cell.record.get("asked") or {}
    read, written = (
        _as_counted(column, asked.get(name))
        for column, name in ((rows.n_read, "n_read"), (rows.n_written, "n_written"))
    )
    if rail.asks == "tokens":
        return _mean(evidence, cell, read + written, rows, looks)
    price = (evidence.plan.get("prices") or {}).get(cell.variant["base"])
    if not price or not asked:
        raise LackingError("no_price", base=str(cell.variant["base"]))
    money = (read * float(price["input"]) + written * float(price["output"])) / 1e6 * THOUSAND
    return _mean(evidence, cell, money, rows, looks)


def _as_counted(rows: npt.NDArray[np.float64], counted: Any) -> npt.NDArray[np.float64]:
    """Scale tokens of rows to the sum that a server counted: it reads a row once for every label."""
    total = float(rows.sum())
    return rows * (float(counted) / total) if counted and total > 0 else rows


def _mean(evidence: Evidence, cell: CellEvidence, values: npt.NDArray[np.float64], rows: Rows, looks: int) -> Measured:
    groups = list(rows.groups) if any(rows.groups) else None
    try:
        plan = plan_resampling(len(values), stream("gate", str(cell.cell["id"])), groups, 1)
    except ValueError:
        raise LackingError("no_rows") from None
    spread = compare(values, np.zeros(len(values)), mean, plan).spread
    assert spread is not None

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by the t interval of the rows, or groups."""
        del is_shared
        return spread.interval(normal_quantile(1 - 2 * alpha / looks))

    value = float(values.mean())
    return Measured(value, len(values), plan.n_units, ends, own=value)


def seconds_of_requests(evidence: Evidence, variant_id: str) -> Measured:
    """Bound the seconds that 95 in 100 requests of a served variant stay below. Raises LackingError where none are kept."""
    path = evidence.folder.variant(variant_id) / RESPONSES
    if not path.is_file():
        raise LackingError("no_seconds")
    seconds = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            one = float(json.loads(line)["seconds"])
        except (ValueError, KeyError, TypeError):  # the line that a killed process left
            continue
        if not math.isfinite(one):
            raise LackingError("no_number", metric="seconds")
        seconds.append(one)
    if not seconds:
        raise LackingError("no_seconds")
    values = np.array(seconds)

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by order statistics; boundless where there are too few."""
        del is_shared
        found = [
            scipy_stats.quantile_test(values, q=0, p=QUANTILE, alternative=way).confidence_interval(1 - alpha)
            for way in ("greater", "less")
        ]
        low, high = float(found[0].low), float(found[1].high)
        return Interval(-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)

    value = float(np.quantile(values, QUANTILE))
    return Measured(value, len(values), len(values), ends, own=value)
