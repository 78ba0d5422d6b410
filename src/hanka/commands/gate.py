"""`hanka gate RUN --policy FILE`: may this ship? Leaves with 0 (pass), 1 (fail), 3 (inconclusive); 2 where the input is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hanka.commands.entered import By, Log, enter, require_name
from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.operations.gate.results import Gate, Outcome
    from hanka.report.words import Words


def gate(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    policy: Annotated[Path, typer.Option("--policy", metavar="FILE", help="Policy (YAML), see docs/gate.md.")],
    junit: Annotated[Optional[Path], typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,  # noqa: UP045
    markdown: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--markdown", metavar="FILE", help="Write a summary for a pull request."),
    ] = None,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write a page.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    lang: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--lang", metavar="en|ja", help="Language of page and summary; left out: the run's."),
    ] = None,
    log: Log = None,
    by: By = "",
) -> None:
    """Judge a run by a policy: may this ship?

    Leaves with 0 where every rule passes, with 1 where a violation is shown, with 3 where evidence is lacking.
    """
    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    require_name(log, by)
    from hanka.operations.gate.judge import gate_run
    from hanka.operations.gate.page import gate_html
    from hanka.operations.gate.results import EXIT_CODES, as_entry
    from hanka.operations.gate.results import as_json as gate_json
    from hanka.operations.gate.written import junit_xml
    from hanka.operations.gate.written import markdown as gate_markdown
    from hanka.report.words import Words
    from hanka.store.folder import RunFolder, read_json, write_text

    run = RunFolder(folder)
    found = gate_run(run, policy)
    words = Words("ja" if (lang or read_json(run.plan).get("lang")) == "ja" else "en")
    written = {
        junit: junit_xml(found) if junit else "",
        markdown: gate_markdown(found, words) if markdown else "",
        html: gate_html(found, words) if html else "",
    }
    for path, text in written.items():
        if path is not None:
            write_text(path, text)
    enter(log, by, "gate", [as_entry(found)], run)
    if as_json:
        print(json.dumps(gate_json(found), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        _print(found, Words("en"))
    for path in written:
        if path is not None:
            print(path, file=sys.stderr if as_json else sys.stdout)
    raise typer.Exit(EXIT_CODES[found.outcome])


def _print(found: Gate, words: Words) -> None:
    """Print a row per check, what holds each back, and the outcome last."""
    from rich.markup import escape
    from rich.table import Table

    from hanka.operations.gate import sentences
    from hanka.operations.gate.results import reason_said
    from hanka.terminal.result_tables import console

    colours: dict[Outcome, str] = {"pass": "green", "fail": "dark_orange", "inconclusive": "yellow"}
    screen = console()
    table = Table(title=escape(f"{found.candidate} against {found.against}"), title_justify="left")
    for name, is_number in (
        ("rule", False), ("test set", False), ("measure", False), ("n", True), ("candidate", True), ("against", True),
        (r"estimate \[interval]", False), ("has to be", False), ("", False),
    ):  # fmt: skip
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for rule in found.rules:
        for at, check in enumerate(rule.checks):
            said = (
                rule.title if at == 0 else "", sentences.place_said(rule, check, words),
                sentences.measure_said(rule, check, words), f"{check.n:,}", sentences.value_said(rule, check.own),
                sentences.value_said(rule, check.other), sentences.estimate_said(rule, check),
                sentences.limit_said(rule, check, words),
            )  # fmt: skip
            colour = colours[check.outcome]
            table.add_row(*map(escape, said), f"[{colour}]{sentences.MARKS[check.outcome]} {check.outcome}[/]")
    screen.print(table)
    lines = [
        f"{rule.title}, {sentences.place_said(rule, check, words)}: {why}"
        for rule in found.rules
        for check in rule.checks
        if (why := sentences.why_said(check, words))
    ]
    lines += [f"{rule.title}: {reason_said(one, words)}" for rule in found.rules for one in rule.notes]
    lines += [f"note: {reason_said(one, words)}" for one in found.notes]
    lines.append(f"{found.outcome}: {sentences.verdict_said(found, words)}")
    for line in lines:
        screen.print(line, markup=False, highlight=False, soft_wrap=True)
