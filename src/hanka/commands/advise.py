"""`hanka advise RUN|STUDY`: prompt or tune, by the flow and by what was measured. Leaves with 0 with a verdict, 3 without, 2 on wrong input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional, cast

import typer

from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.advise.advice import Advice


def advise(
    path: Annotated[Path, typer.Argument(metavar="RUN|STUDY", help="Folder of a run, or a study file.")],
    task: Annotated[Optional[str], typer.Option("--task", metavar="TASK", help="The one task to be solved.")] = None,  # noqa: UP045
    answers: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--answers", metavar="FILE", help="What the run cannot measure (YAML); nobody is asked then."),
    ] = None,
    questions: Annotated[bool, typer.Option("--questions", help="Print the file of answers to fill in.")] = False,
    live: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--live", metavar="FILE", help="Live requests (jsonl, csv, parquet) to hold against training."),
    ] = None,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write the page here.")] = None,  # noqa: UP045
    lang: Annotated[Optional[str], typer.Option("--lang", metavar="en|ja", help="Language of the page.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; nobody is asked then.")] = False,
) -> None:
    """Prompt or tune: the flow, the measured deltas, what is missing, what would flip it."""
    import json

    from hanka.advise.advice import advise as advise_on
    from hanka.advise.advice import as_json as spelt
    from hanka.advise.advice import material_of
    from hanka.advise.answers import NOBODY_ASKED, questions_file, read_answers_file
    from hanka.report.words import Words

    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    if questions and as_json:
        raise HankaError("--questions prints a file and --json prints the advice; give one of them")
    answered = read_answers_file(answers) if answers else NOBODY_ASKED
    material = material_of(path, task or "", live)
    for note in material.notes:
        print(f"note: {note}", file=sys.stderr)
    is_asking = sys.stdin.isatty() and sys.stdout.isatty() and not (answers or as_json or questions)
    found = advise_on(material, answered, input if is_asking else None)
    if html is not None:
        _write(found, html, cast(Literal["en", "ja"], lang or material.lang))
    if questions:
        print(questions_file(found.inputs, found.needs, found.thresholds, Words("en")), end="")
        return
    if as_json:
        print(json.dumps(spelt(found), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        from hanka.terminal.advice_tables import print_advice

        print_advice(found)
        if html is not None:
            print(f"page: {html}")
    raise typer.Exit(found.exit_code)


def _write(advice: Advice, html: Path, lang: Literal["en", "ja"]) -> None:
    from hanka.advise.page import advice_html
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    write_text(html, advice_html(advice, Words(lang)))
