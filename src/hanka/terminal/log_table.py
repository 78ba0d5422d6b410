"""The log of decisions on the terminal: what happened, who did it, and what is served now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hanka.operations.ledger.chain import read
from hanka.operations.ledger.serving import live, pointer_says
from hanka.report.inert import visible
from hanka.terminal.result_tables import console

SAID = ("outcome", "stage", "why", "although", "note", "what")
"Parts of a body that the table shows."


def print_log(place: Path, last: int) -> None:
    """Print the last entries of a log and what is served. Raises LedgerError where it is not whole."""
    from rich.markup import escape
    from rich.table import Table

    screen, entries = console(), read(place)
    table = Table(title=escape(str(place)), title_justify="left")
    for name in ("entry", "time (UTC)", "kind", "by", "about", "says"):
        table.add_column(name, justify="right" if name == "entry" else "left", overflow="fold")
    for one in entries[-last:]:
        by = f"{one.by} ({one.body['role']})" if one.body.get("role") else one.by
        about = " ".join(str(one.body[name]) for name in ("title", "study") if one.body.get(name))
        row = (str(one.index), one.time[:19].replace("T", " "), one.kind, by, about, _said(one.body))
        table.add_row(*(escape(visible(cell)) for cell in row))
    screen.print(table)
    if len(entries) > last:
        screen.print(
            f"The last {last} of {len(entries):,} entries; --last N shows more.", markup=False, highlight=False
        )
    now = live(entries)
    served = "Nothing is released." if now is None else f"Served since {now.entry.time[:19]}: {now.approval.title}."
    screen.print(served, markup=False, highlight=False)
    if wrong := pointer_says(place):
        screen.print(f"warning: {wrong}", markup=False, highlight=False)
    screen.print(f"head {entries[-1].hash}", markup=False, highlight=False)


def _said(body: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {body[name]}" for name in SAID if body.get(name))
