"""`hanka emergence TABLE.csv`: at which pretraining loss does performance leave its base? 0: predicted; 3: no prediction; 2: the table is wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.analysis.emergence.measured import Asked
    from hanka.analysis.questions.contract import Answer, Entry
    from hanka.operations.emergence.table import Table
    from hanka.report.words import Words

SHOWN = ("fit", "points", "models", "losses", "elbow", "likeliest", "resampled", "residual", "why")
"Columns of the answer's table that a terminal has room for."
MOST_NAMED = 6
"Unused columns that a line names."


def emergence(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="CSV: loss, performance; rows, n, model, tokens, parameters, held_out."),
    ],
    column: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--column", metavar="NAME=COLUMN", help="What the table calls a column; may be repeated."),
    ] = None,
    chance: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--chance", metavar="P", help="The base, where it is known; left out: it is fitted."),
    ] = None,
    low_data: Annotated[int, typer.Option("--low-data", metavar="N", help="Rows at which the law is read.")] = 5,
    below: Annotated[
        float, typer.Option("--below", metavar="LOSS", help="Only rows with a loss below this.")
    ] = math.inf,
    hold_out: Annotated[
        float,
        typer.Option(
            "--hold-out",
            metavar="LOSS",
            help="Keep rows with a loss below this from the fit, and hold it against them.",
        ),
    ] = -math.inf,
    unit: Annotated[
        str, typer.Option("--unit", metavar="nats|bits", help="Of losses: nats per token, bits per byte.")
    ] = "nats",
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of all that is drawn.")] = 0,
    resamples: Annotated[int, typer.Option("--resamples", min=10, metavar="N", help="Of the bootstrap.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write the page.")] = None,  # noqa: UP045
    lang: Annotated[str, typer.Option("--lang", metavar="en|ja", help="Language of the page.")] = "en",
) -> None:
    """Predict from a table of models at which pretraining loss performance leaves its base.

    With fine-tuned values the emergence law, else the few-shot curve alone; always with its interval and its sensitivity to the losses fitted.
    """
    from hanka.analysis.emergence.measured import Asked
    from hanka.operations.emergence.table import column_names, read_table

    _require(chance, low_data, unit, lang)
    _require_page(html, table)
    asked = Asked(
        low_data=low_data, chance=chance, unit="bits" if unit == "bits" else "nats", seed=seed, resamples=resamples
    )
    found = read_table(table, column_names(column or ()), below, hold_out)
    answer, is_said = _answer(table, found, asked, html, lang)
    if as_json:
        print(json.dumps(answer.as_json(), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        _print(answer, found)
        if html is not None:
            print(f"written: {html}")
    raise typer.Exit(0 if is_said else 3)


def _require(chance: float | None, low_data: int, unit: str, lang: str) -> None:
    if chance is not None and not 0 <= chance < 1:
        raise HankaError(f"--chance {chance:g}: give a share from 0 to below 1")
    if low_data < 2:
        raise HankaError(f"--low-data {low_data}: give at least 2; the law says nothing of fewer rows")
    for name, value, allowed in (("unit", unit, ("nats", "bits")), ("lang", lang, ("en", "ja"))):
        if value not in allowed:
            raise HankaError(f"--{name} {value!r}: allowed: {', '.join(allowed)}")


def _require_page(html: Path | None, table: Path) -> None:
    """Refuse what would be lost, or not written, before anything is fitted."""
    if html is None:
        return
    if html.resolve() == table.resolve():
        raise HankaError(f"--html {html}: is the table itself; name another file")
    if html.is_dir():
        raise HankaError(f"--html {html}: is a folder; name a file in it, such as {html / 'emergence.html'}")


def _answer(path: Path, table: Table, asked: Asked, html: Path | None, lang: str) -> tuple[Answer, bool]:
    """Predict, and write the page where one is wanted; returns the answer and whether it says anything."""
    from hanka.analysis.emergence.predicted import predict
    from hanka.analysis.emergence.told import Topic, answer_of

    try:
        found = predict(table.measured, asked)
    except ValueError as error:
        raise HankaError(f"{path}: {error}") from None
    answer = answer_of(found, Topic(path.stem, path.stem))
    if html is not None:
        from hanka.operations.emergence.page import emergence_html
        from hanka.report.words import Words
        from hanka.store.folder import write_text

        write_text(html, emergence_html(path.name, found, answer, Words("ja" if lang == "ja" else "en")))
    return answer, found.main.posterior is not None


def _print(answer: Answer, table: Table) -> None:
    """Print what is said, a row for every fit, and what of the file was not used."""
    from rich.markup import escape
    from rich.table import Table as Grid

    from hanka.report.words import Words
    from hanka.terminal.result_tables import console

    words = Words("en")
    print(answer.sentence_en)
    grid = Grid(title="fits", title_justify="left")
    for name in SHOWN:
        grid.add_column(escape(words.of("column", f"emergence_{name}")), overflow="fold")
    places = {column.name: place for place, column in enumerate(answer.columns)}
    for row in answer.rows:
        grid.add_row(*(escape(_cell(row[places[f"emergence_{name}"]], words)) for name in SHOWN))
    console().print(grid)
    for note in answer.notes:
        print(note.message_en)
    if table.n_beyond:
        print(f"not used: {table.n_beyond} rows with a loss that is not below --below")
    if table.unused:
        more = len(table.unused) - MOST_NAMED
        print(f"not used: columns {', '.join(table.unused[:MOST_NAMED])}" + (f" and {more} more" if more > 0 else ""))


def _cell(entry: Entry, words: Words) -> str:
    """Write an entry of the answer's table; names of fits and reasons in words."""
    from hanka.analysis.questions.contract import Measured

    if isinstance(entry, Measured):
        ends = "" if entry.low is None or entry.high is None else f" [{entry.low:.3f}, {entry.high:.3f}]"
        return f"{entry.value:.3f}{ends}"
    if isinstance(entry, float):
        return f"{entry:.3f}"
    return words.of("emergence", entry) if isinstance(entry, str) and entry else "" if entry is None else str(entry)
