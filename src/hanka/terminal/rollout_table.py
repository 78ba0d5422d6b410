"""A run before a stage of a rollout, on the terminal: the verdict, each condition with what was found, what to do next."""

from __future__ import annotations

from pathlib import Path

from hanka.operations.rollout.sentences import STATES, found, stage_name, title, verdict
from hanka.operations.rollout.standing import Standing
from hanka.report.inert import plain
from hanka.report.words import Words
from hanka.terminal.result_tables import console

COLOURS = {"met": "green", "failed": "dark_orange", "open": "yellow"}


def print_standing(standing: Standing, place: Path) -> None:
    """Print where a run stands. place: of the log, as the next command names it."""
    from rich.markup import escape
    from rich.table import Table

    words, screen = Words("en"), console()
    word, sentence = (plain(one) for one in verdict(standing, words))
    screen.print(f"{word}. {sentence}", markup=False, highlight=False)
    if standing.stage is None:
        return
    table = Table(title=escape(f"stage {stage_name(standing.stage, words)}"), title_justify="left")
    for name in ("condition", "found", ""):
        table.add_column(name, overflow="fold")
    for one in standing.criteria:
        state = plain(words(STATES[one.state]))
        table.add_row(
            escape(plain(title(one, words))), escape(plain(found(one, words))), f"[{COLOURS[one.state]}]{state}[/]"
        )
    screen.print(table)
    if standing.verdict == "go_on":
        line = f"to log that it is passed: hanka rollout {standing.candidate.folder.path} --log {place} --promote --by NAME"
        screen.print(line, markup=False, highlight=False)
