"""An A/B result as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from hanka.operations.ab.told import Told
from hanka.report.words import Words


def markdown(told: Told, words: Words) -> str:
    """Write a result as Markdown, for a pull request or a wiki."""
    lines = [f"# {words.plain('ab_title')}: {told.word}", "", *(f"{line}  " for line in told.sentences)]
    for table in told.tables:
        lines += ["", f"## {table.title}", "", table.lead, *(f"\n{note}" for note in table.notes)]
        if table.rows:
            lines += ["", _row(table.head), "|" + " --- |" * len(table.head), *map(_row, table.rows)]
    lines += ["", f"## {words.plain('ab_agreed')}", "", told.agreed, ""]
    lines += [f"- {name}: {_cell(text)}" for name, text in told.terms]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
