"""`hanka monitor LOGS --against RUN`: has live traffic drifted, is accuracy falling, should it be retrained?

Leaves with 0 (no alarm), 1 (an alarm stands, or a hook failed), 3 (too little evidence to say so); 2 where the input is wrong.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hanka.commands.entered import By, Log, enter, require_name
from hanka.errors import HankaError, MonitorError

if TYPE_CHECKING:
    from hanka.operations.monitor.alarms import Proposal
    from hanka.operations.monitor.reference import Reference
    from hanka.operations.monitor.results import Report
    from hanka.operations.monitor.watch import Watch
    from hanka.report.words import Words


def monitor(
    logs: Annotated[list[Path], typer.Argument(metavar="LOGS", help="jsonl, jsonl.gz or parquet, or folders of them.")],
    against: Annotated[Path, typer.Option("--against", metavar="RUN", help="Folder of the run that was shipped.")],
    variant: Annotated[str, typer.Option("--variant", metavar="ID", help="Which variant of it is live.")] = "",
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Which task is live.")] = "",
    test: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--test", metavar="NAME", help="Test sets to compare with; left out: those in domain."),
    ] = None,
    settings: Annotated[
        Optional[Path], typer.Option("--settings", metavar="FILE", help="Settings (YAML), see docs/monitor.md.")  # noqa: UP045
    ] = None,
    fields: Annotated[
        str, typer.Option("--fields", metavar="FIELD=COLUMN,…", help="Where columns are called otherwise.")
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="What was read so far: the next call goes on from it."),
    ] = None,
    retrain: Annotated[
        Optional[Path], typer.Option("--retrain", metavar="DIR", help="Where a study for retraining goes.")  # noqa: UP045
    ] = None,
    hook: Annotated[
        str,
        typer.Option("--hook", metavar="COMMAND", help="What starts a retraining; {study} is its file. Only printed."),
    ] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Run the hook, at most once for each proposal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write a page.")] = None,  # noqa: UP045
    lang: Annotated[str, typer.Option("--lang", metavar="en|ja", help="Language of the page.")] = "en",
    log: Log = None,
    by: By = "",
) -> None:
    """Watch logs of live traffic against the run they came from: drift, accuracy, and whether to retrain."""
    if lang not in ("en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    words = shlex_words(hook)
    if confirm and (state is None or not words):
        raise HankaError(
            "--confirm runs a hook at most once for each proposal: name both --hook COMMAND and --state DIR"
        )
    require_name(log, by)
    from hanka.operations.monitor.reference import load_reference
    from hanka.operations.monitor.results import log_bodies, report_of
    from hanka.operations.monitor.run import monitoring
    from hanka.operations.monitor.settings import fields_of, read_settings
    from hanka.operations.monitor.state import note_hook
    from hanka.store.folder import RunFolder

    chosen = read_settings(settings, fields_of(fields))
    run = RunFolder(against)
    reference = load_reference(run, chosen, variant, task, test or ())
    start: list[str] = []
    with monitoring(logs, reference, chosen, time.time(), state) as watch:
        report = report_of(watch)
        said: list[str] = []
        due = _due(report, state)
        if due is not None:
            written, note = _write(run, reference, watch, due, retrain, state)
            said.append(note)
            if words and written is not None:
                start = [word.replace("{study}", str(written)) for word in words]
                if not confirm:
                    said.append(f"would run: {shlex.join(start)} (--confirm runs it)")
                    start = []
        _show(report, said, as_json)
        if html is not None:
            _page(report, html, lang, as_json)
        enter(log, by, "alarm", log_bodies(report), run, once=True)
        if start and state is not None and due is not None:
            note_hook(state, due.window)  # before it is run: once at most, whatever becomes of it
    raise typer.Exit(_run_hook(start, report.exit_code, as_json))


def shlex_words(hook: str) -> list[str]:
    """Split a hook into words as a shell would; it is run without one. Raises HankaError for quotes that do not close."""
    try:
        return shlex.split(hook)
    except ValueError as error:
        raise HankaError(f"--hook {hook!r}: {error}; close every quote") from None


def _due(report: Report, state: Path | None) -> Proposal | None:
    """Return the latest proposal while an alarm stands, unless its hook was run before."""
    from hanka.operations.monitor.state import run_hooks

    if not report.standing or not report.proposals:
        return None
    done = run_hooks(state) if state is not None else []
    return None if report.proposals[-1].window in done else report.proposals[-1]


def _write(
    run: object, reference: Reference, watch: Watch, due: Proposal, retrain: Path | None, state: Path | None
) -> tuple[Path | None, str]:
    """Write the study for retraining, once for a proposal of a state; return its file, and say what was written, or why nothing was."""
    from hanka.operations.monitor.retrain import write_retraining
    from hanka.store.folder import RunFolder

    assert isinstance(run, RunFolder)
    to = retrain or (None if state is None else state / f"retrain-{due.window}")
    if to is None:
        return None, "retraining is asked for: name --state DIR or --retrain DIR to get a study for it"
    study = to / "study.yaml"
    if retrain is None and study.exists():  # somebody may be running it
        return study, f"{study}: retraining, as it was written when it was asked for. Next: hanka validate {study}"
    try:
        written = write_retraining(run, reference, watch.memory.labelled, watch.settings.least_retrain, to)
    except MonitorError as error:
        return None, f"retraining is asked for, but: {error}"
    mixed = f"{written.share:.0%} of a mix with the rows it was trained on" if written.share < 1 else "trained on alone"
    return (
        written.study,
        f"{written.study}: retraining with {written.n_rows:,} labelled rows, {mixed}. Next: hanka validate {written.study}",
    )


def _show(report: Report, said: list[str], as_json: bool) -> None:
    from hanka.operations.monitor.results import as_json as report_json
    from hanka.report.words import Words

    if as_json:
        print(json.dumps({**report_json(report), "notes": said}, ensure_ascii=False, indent=1, allow_nan=False))
        return
    _print(report, said, Words("en"))


def _print(report: Report, said: list[str], words: Words) -> None:
    """Print a row per signal, alarms, odd rows, promises, and the verdict last."""
    from rich.markup import escape
    from rich.table import Table

    from hanka.operations.monitor import sentences
    from hanka.terminal.result_tables import console

    screen = console()
    table = Table(title=escape(f"{report.title} in {report.run}, task {report.task}"), title_justify="left")
    for name, is_number in (("signal", False), ("state", False), (r"latest \[interval]", True), ("limit", True), (r"run \[interval]", True), ("rows", True), ("found after", True)):  # fmt: skip
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    colours = {"alarm": "dark_orange", "quiet": "green", "open": "yellow"}
    for one in report.statuses:
        state = f"[{colours[one.state]}]{one.state}[/]" + (
            f" ({escape(sentences.why_said(one, words))})" if one.missing else ""
        )
        now, before = (sentences.counted_said(one.signal, measured) for measured in (one.now, one.reference))
        table.add_row(
            sentences.signal_said(one.signal, words), state, escape(now), sentences.limit_said(one.signal, one.limit),
            escape(before), f"{one.rows:,}", sentences.delay_said(one, words),
        )  # fmt: skip
    screen.print(table)
    lines = [
        f"alarm: window {one.window} ({sentences.time_said(one.time)}), {sentences.signal_said(one.signal, words)} "
        f"{sentences.alarm_said(one)}, limit {sentences.limit_said(one.signal, one.limit)}, n = {one.n:,}; "
        f"{sentences.cause_said(one, words)}"
        for one in report.standing
    ]
    tally = report.tally
    lines.append(
        f"{tally.requests:,} requests of {tally.rows:,} lines, the newest of {sentences.time_said(report.newest)} UTC; labels: {sentences.labelled_said(report, words)}; "
        + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in tally.odd().items())
    )
    if warning := sentences.odd_said(report, words):
        lines.append(f"warning: {warning}")
    lines += [
        *sentences.promises_said(report, words)[:-1],
        *said,
        f"{report.verdict}: {sentences.verdict_said(report, words)}",
    ]
    for line in lines:
        screen.print(line, markup=False, highlight=False, soft_wrap=True)


def _page(report: Report, path: Path, lang: str, as_json: bool) -> None:
    from hanka.operations.monitor.page import monitor_html
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    write_text(path, monitor_html(report, Words("ja" if lang == "ja" else "en")))
    print(path, file=sys.stderr if as_json else sys.stdout)


def _run_hook(words: list[str], exit_code: int, as_json: bool) -> int:
    """Run a hook without a shell and return what to leave with: 1 where it failed."""
    if not words:
        return exit_code
    out = sys.stderr if as_json else sys.stdout
    print(f"runs: {shlex.join(words)}", file=out, flush=True)
    try:
        code = subprocess.run(words, check=False, stdout=sys.stderr if as_json else None).returncode
    except OSError as error:
        print(f"the hook cannot be run: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"the hook left with {code}", file=out)
    return exit_code if code == 0 else 1
