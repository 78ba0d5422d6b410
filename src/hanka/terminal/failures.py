"""Failures that need the user now, in lines for the console: while a unit ends, and once more below the results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hanka.plan import Plan, Unit
from hanka.store.folder import RunFolder, iterate_csv, read_json_or_none

MOST_LINES = 8
"Different reasons that are listed; the report has all."
NUMBERS = re.compile(r"\d[\d,.]*")


@dataclass(slots=True)
class _Reason:
    """What went wrong for one reason, with numbers left open."""

    text: str
    n: int = 0
    total: int = 0
    where: list[str] = field(default_factory=list)

    def add(self, n: int, total: int, where: str) -> None:
        """Count another place."""
        self.n, self.total = self.n + n, self.total + total
        self.where += [] if where in self.where else [where]


def unit_failures(plan: Plan, folder: RunFolder, unit: Unit) -> list[str]:
    """Say what failed in a unit that just ended: it, its cells, or rows of them."""
    if unit.kind == "prepare":
        failed = read_json_or_none(folder.data(unit.of) / "failed.json") or {}
        return [f"rows of {plan.made[unit.of].recipe.name} were not made: {failed['reason']}"] if failed else []
    if unit.kind == "probe":
        record = read_json_or_none(folder.probe(unit.of) / "probe.json") or {}
        label = plan.variants[plan.probes[unit.of].variant_id].variant.label
        return [f"{record['probe']} of {label} failed: {record['reason']}"] if record.get("status") == "failed" else []
    variant = plan.variants[unit.of].variant
    if unit.kind == "adapt":
        made = read_json_or_none(folder.variant(unit.of) / "variant.json") or {}
        return [f"{variant.label} was not made: {made['reason']}"] if made.get("status") == "failed" else []
    made = read_json_or_none(folder.variant(unit.of) / "variant.json") or {}
    records = [read_json_or_none(folder.cell(one.cell.id) / "cell.json") or {} for one in plan.cells_of(unit.of)]
    known = made.get("reason") if made.get("status") == "failed" else None
    return list(_lines((one, variant.label) for one in records if not known or one.get("reason") != known))


def run_failures(folder: RunFolder) -> list[str]:
    """Say below the results which cells and rows have none, by reason."""
    plan = read_json_or_none(folder.plan) or {}
    labels = {one["id"]: one["label"] for one in plan.get("variants", ())}
    cells = {
        row["cell_id"]: row["variant_id"] for row in iterate_csv(folder.summary) if row["n_failed"] not in ("", "0")
    }
    records = (
        (read_json_or_none(folder.cell(name) / "cell.json") or {}, labels.get(variant, variant))
        for name, variant in cells.items()
    )
    found = list(_lines(records))
    more = [f"… and {len(found) - MOST_LINES} more reasons; the report has them"] if len(found) > MOST_LINES else []
    return found[:MOST_LINES] + more


def _lines(records: Iterator[tuple[Mapping[str, Any], str]]) -> Iterator[str]:
    """Say what cells lack, a line for every reason; reasons that differ in numbers alone are one."""
    cells: dict[str, _Reason] = {}
    rows: dict[str, _Reason] = {}
    for record, label in records:
        where = f"{label} on {record.get('test_dataset', '?')}"
        if record.get("status") == "failed":
            why = str(record.get("reason"))
            cells.setdefault(NUMBERS.sub("0", why), _Reason(why)).add(1, 1, where)
        else:
            asked = record.get("n", 0) + record.get("n_failed", 0)
            for why, count in (record.get("failures") or {}).items():
                rows.setdefault(NUMBERS.sub("0", why), _Reason(why)).add(count, asked, where)
    for one in cells.values():
        yield f"{one.n} {'cell' if one.n == 1 else 'cells'} failed ({_places(one)}): {one.text}"
    for one in rows.values():
        yield f"{one.n:,} of {one.total:,} rows got no answer ({_places(one)}): {one.text}"


def _places(one: _Reason) -> str:
    return ", ".join(one.where[:3]) + (f" and {len(one.where) - 3} more" if len(one.where) > 3 else "")
