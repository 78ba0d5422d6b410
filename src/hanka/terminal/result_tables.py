"""Results on the terminal: the headline table of a run, and the comparison of two variants."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from hanka.store.folder import RunFolder, iterate_csv, read_json

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 200
"Cells that the headline table lists."
SHOWN = 3
"Rows that an audit's line names."
SIGNS = {
    "better": ("▲", "blue"), "worse": ("▼", "dark_orange"), "equivalent": ("■", "green"), "leaning": ("◆", "yellow"),
    "undecided": ("●", ""), "": (" ", ""),
}  # fmt: skip


def console() -> Console:
    """Return a console as wide as the terminal, or wide enough for the tables where there is none."""
    import shutil
    import sys

    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else max(150, shutil.get_terminal_size().columns))


def print_headline(folder: RunFolder) -> None:
    """Print the decision and, per cell, the primary metric against base; notes and audit warnings below.

    Of a large study the first MOST_ROWS cells; the summary and the report hold all.
    """
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    findings, audits, plan = read_json(folder.findings), read_json(folder.audits), read_json(folder.plan)
    table = Table(title=escape(str(plan["study"])), title_justify="left")
    told = [name for name, words in _several(plan).items() if len(words) > 1]
    for name in (
        *told,
        "method",
        "trained on",
        "rows",
        "test set",
        "relation",
        "shots",
        "metric",
        "n",
        "value",
        r"Δ base \[interval]",
        "",
    ):
        table.add_column(name, justify="right" if name in ("rows", "shots", "n", "value") else "left", overflow="fold")
    primary = findings["primary_metrics"]
    rows = (row for row in iterate_csv(folder.summary) if row["metric"] == primary[row["test_task"]])
    for row in islice(rows, MOST_ROWS):
        texts = [*(row[name] for name in told), *_headline_row(row)[:-1]]
        table.add_row(*map(escape, texts), _verdict(row))
    screen.print(table)
    if (n_cells := len(plan["cells"])) > MOST_ROWS:
        line = f"The first {MOST_ROWS} of {n_cells:,} cells; all of them: {folder.summary}"
        screen.print(line, markup=False, highlight=False)
    for note in findings["notes"]:
        screen.print(f"note: {note['message_en']}", markup=False, highlight=False)
    for warning in audits["warnings"]:
        screen.print(audit_line(warning), markup=False, highlight=False)
    for entry in findings["decision"]["per_task"]:
        for one in (entry, *entry.get("others", ())):
            screen.print(one["sentence_en"], markup=False, highlight=False)


def audit_line(warning: Mapping[str, Any]) -> str:
    """Say one finding of an audit, with some of the rows it is about."""
    shown = [str(one)[:80] for one in warning["examples"][:SHOWN]]
    more = ", …" if shown and len(shown) < warning["count"] else ""
    rows = f" ({', '.join(shown)}{more})" if shown else ""
    counts = f"{warning['count']:,} of {warning['total']:,}"
    return f"audit: {warning['audit']}, {warning['where']}: {counts}: {warning['message']}{rows}"


def _several(plan: dict[str, Any]) -> dict[str, set[str]]:
    """Return what tells rows apart only in a study that has several of it."""
    contexts = {one["context"] for one in plan["cells"]}
    seeds = {str(one["seed"]) for one in plan["variants"]}
    return {"base": {one["base"] for one in plan["variants"]}, "seed": seeds, "context": contexts}


def _headline_row(row: dict[str, str]) -> list[str]:
    shots = row["shots"] + (f" {row['prompt']}" if row["prompt"] != "p1" else "")
    trained = row["train_dataset"] or "–"
    head = [row["method"], trained, row["train_size"] or "–", row["test_dataset"]]
    head += [row["relation"].replace("_", " "), shots, row["metric"], row["n"]]
    if not row["value"]:
        return [*head, "failed", "", ""]
    delta = ""
    if row["delta"]:
        delta = _difference(
            row["delta"], row["sim_low"] or row["delta_ci_low"], row["sim_high"] or row["delta_ci_high"]
        )
    return [*head, f"{float(row['value']):.3f}", delta, ""]


def _difference(delta: Any, low: Any, high: Any) -> str:
    """Write a difference with its interval; without one where the rows support none."""
    ends = "" if low in (None, "") else f" [{float(low):+.3f}, {float(high):+.3f}]"
    return f"{float(delta):+.3f}{ends}"


def _p(value: float | None) -> str:
    """Write a p-value; a dash where the rows support none."""
    return "–" if value is None else f"{value:.2g}"


def _verdict(row: dict[str, str]) -> str:
    if not row["value"]:
        return "✕ failed"
    sign, colour = SIGNS[row["verdict"]]
    text = f"{sign} {row['verdict']}".strip()
    return f"[{colour}]{text}[/]" if colour else text


def print_comparison(result: dict[str, Any]) -> None:
    """Print a paired comparison of two variants, or of two runs."""
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    table = Table(title=escape(f"{result['a']} against {result['b']}"), title_justify="left")
    several = any("method" in row for row in result["rows"])
    names = ("test set", "shots", "prompt", "metric", "n", "A", "B", r"A − B \[interval]", "p", "p together", "")
    for name in ("method", *names) if several else names:
        table.add_column(
            name, justify="right" if name in ("shots", "n", "A", "B", "p", "p together") else "left", overflow="fold"
        )
    for row in result["rows"]:
        sign, colour = SIGNS[row["verdict"]]
        text = f"{sign} {row['verdict']}".strip()
        table.add_row(
            *([escape(row["method"])] if several else []), escape(row["test_dataset"]), str(row["shots"]), row["prompt"], row["metric"], str(row["n"]),
            f"{row['value_a']:.3f}", f"{row['value_b']:.3f}",
            escape(_difference(row["delta"], row["sim_low"], row["sim_high"])),
            _p(row["p_value"]), _p(row["p_adjusted"]), f"[{colour}]{text}[/]" if colour else text,
        )  # fmt: skip
    screen.print(table)
    for note in (result[name] for name in ("note", "growth") if result.get(name)):
        screen.print(f"note: {note}", markup=False, highlight=False)
    for test, count in result.get("left_out", {}).items():
        line = f"{test}: {count} rows left out, because id or reference are not the same in both runs"
        screen.print(line, markup=False, highlight=False)
    if result.get("not_compared"):
        screen.print(f"not compared: {', '.join(result['not_compared'])}", markup=False, highlight=False)
