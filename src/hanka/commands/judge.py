"""`hanka judge RUN --with BASE-or-FILE`: a base model as annotator or judge, always beside its agreement with people.

Leaves with 0, with 1 where rows got no answer, with 3 where agreement beyond chance is not shown, with 2 where the input is wrong, and
that is what too few labelled rows are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.judge import Heard
    from hanka.operations.judging.spec import AskedJudge

FILES = (".yaml", ".yml")


def judge(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    judge_with: Annotated[
        str,
        typer.Option("--with", metavar="BASE|FILE", help="A base model, or a judge's file (YAML), see docs/judge.md."),
    ],
    base: Annotated[
        str, typer.Option("--base", metavar="MODEL", help="Another base model than the file's; not with --with BASE.")
    ] = "",
    labels: Annotated[
        str, typer.Option("--labels", metavar="A,B", help="With a base: labels; the last one's rate is reported.")
    ] = "",
    prompt: Annotated[str, typer.Option("--prompt", metavar="TEXT", help="With a base: what is asked.")] = "",
    human: Annotated[
        str, typer.Option("--human", metavar="FILE", help="With a base: what people say; or `target`.")
    ] = "",
    sheet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--sheet", metavar="FILE", help="Write rows for people to label (CSV) and ask nothing."),
    ] = None,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write a page.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    lang: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--lang", metavar="en|ja", help="Language of the page; left out: the run's."),
    ] = None,
) -> None:
    """Let a model judge answers: its agreement with people first, then rates, raw and corrected."""
    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    from hanka.judge import hear, sheet_of
    from hanka.operations.judging.page import judge_html
    from hanka.operations.judging.results import as_json as judged_json
    from hanka.report.words import Words
    from hanka.store.folder import RunFolder, read_json, write_text

    asked = _asked(judge_with, base, {"labels": labels, "prompt": prompt, "human": human})
    run = RunFolder(folder)
    if sheet is not None:
        if sheet.exists():
            raise HankaError(f"--sheet {sheet}: exists, and people may have filled it; name another file, or delete it")
        write_text(sheet, sheet_of(run, asked))
        print(f"rows to label: {sheet}")
        return
    heard = hear(run, asked, _report)
    if html is not None:
        words = Words("ja" if (lang or read_json(run.plan).get("lang")) == "ja" else "en")
        write_text(html, judge_html(heard.judge, folder.name, heard.measures, words))
    if as_json:
        print(
            json.dumps(
                {"judge": heard.judge} | judged_json(heard.measures), ensure_ascii=False, indent=1, allow_nan=False
            )
        )
    else:
        _print(heard)
    if html is not None:
        print(f"page: {html}", file=sys.stderr if as_json else sys.stdout)
    raise typer.Exit(1 if heard.measures.n_missing else 0 if heard.measures.is_heard else 3)


def _asked(judge_with: str, base: str, given: dict[str, str]) -> AskedJudge:
    """Read a judge's file, or make a judge of a base and what else the command line says."""
    from hanka.operations.judging.spec import judge_of_words, read_judge

    if judge_with.endswith(FILES):
        wrong = next((name for name, value in given.items() if value), None)
        if wrong:
            raise HankaError(f"--{wrong} is for --with BASE; {judge_with} says it itself: write `{wrong}:` there")
        return read_judge(Path(judge_with), base)
    if base:
        raise HankaError(f"--base {base!r}: --with {judge_with!r} names the base already; leave one out")
    values: dict[str, Any] = {"base": judge_with} | {name: value for name, value in given.items() if value}
    if given["labels"]:
        values["labels"] = [one.strip() for one in given["labels"].split(",") if one.strip()]
    return judge_of_words(values)


def _report(what: str, share: float) -> None:
    print(f"{what}: {share:.0%}", file=sys.stderr)


def _print(heard: Heard) -> None:
    """Print agreement, biases and rates, in this order; rates never come alone."""
    from rich.markup import escape
    from rich.table import Table

    from hanka.operations.judging.told import tables, told
    from hanka.report.words import Words
    from hanka.terminal.result_tables import console

    screen, words = console(), Words("en")
    for one in tables(heard.measures, words):
        table = Table(title=escape(one.title), title_justify="left")
        for at, name in enumerate(one.head):
            table.add_column(escape(name), justify="left" if at in one.texts else "right", overflow="fold")
        for row in one.rows:
            table.add_row(*map(escape, row))
        screen.print(table)
    for line in told(heard.judge, heard.measures, words):
        screen.print(line, markup=False, highlight=False, soft_wrap=True)
    screen.print(f"asked now: {heard.n_asked:,} of {heard.n_questions:,} questions; answers: {heard.folder}", markup=False,
                 highlight=False, soft_wrap=True)  # fmt: skip
