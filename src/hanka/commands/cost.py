"""`hanka cost`: what the systems of a run took, what they cost, what tuning returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.operations.costs.prices import PriceFile
    from hanka.operations.costs.records import Ledger
    from hanka.report.blocks import Block

Run = Annotated[Optional[Path], typer.Argument(metavar="RUN", help="Folder of a run.")]  # noqa: UP045
PriceOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--prices", metavar="FILE", help="What things cost and what an answer is worth (YAML)."),
]
CsvOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--csv", metavar="DIR", help="Write costs.csv and returns.csv into this folder."),
]
HtmlOption = Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Write the page.")]  # noqa: UP045
LangOption = Annotated[Optional[str], typer.Option("--lang", metavar="en|ja", help="Language of the page.")]  # noqa: UP045


def cost(
    run: Run = None,
    prices: PriceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    csv: CsvOption = None,
    html: HtmlOption = None,
    lang: LangOption = None,
    latency: Annotated[
        int,
        typer.Option(
            "--latency", min=0, metavar="N", help="First time N rows of each system one by one, on this machine."
        ),
    ] = 0,
    example: Annotated[bool, typer.Option("--example", help="Print a price file to begin with, and leave.")] = False,
) -> None:
    """Say what the systems of a run took and cost, and what tuning returns against prompting."""
    from hanka.operations.costs.prices import example as price_file

    if example:
        print(price_file(), end="")
        return
    if run is None:
        raise HankaError("no run is named: hanka cost RUN [--prices FILE]; `hanka cost --example` prints a price file")
    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    if lang is not None and html is None:
        raise HankaError(f"--lang {lang} is of the page: add --html FILE")
    file = _prices(prices)
    if latency:
        _time(run, latency)
    ledger = _ledger(run, file)
    if csv is not None:
        from hanka.operations.costs.written import write_ledger_csv

        written = write_ledger_csv(ledger, csv)
    if html is not None:
        _write_page(ledger, html, lang or _language(run))
    if as_json:
        from hanka.operations.costs.written import ledger_json

        print(json.dumps(ledger_json(ledger), ensure_ascii=False, indent=1, allow_nan=False))
        return
    _print(ledger)
    for path in (*(written if csv is not None else ()), *((html,) if html is not None else ())):
        print(f"written: {path}")


def _time(run: Path, n: int) -> None:
    import sys

    from hanka.store.folder import RunFolder
    from hanka.work.latency import measure_latency

    folder = RunFolder(run)
    folder.require_format()
    for one in measure_latency(folder, n, lambda what, _share: print(what, file=sys.stderr, flush=True)):
        said = f"{one.label}, {one.test}, {one.shots}-shot: {one.seconds:.3g} s in the middle of {one.n} rows"
        print(said, file=sys.stderr)


def _prices(path: Path | None) -> PriceFile | None:
    from datetime import UTC, datetime

    from hanka.operations.costs.prices import read_prices

    return None if path is None else read_prices(path, datetime.now(UTC).date())


def _ledger(run: Path, prices: PriceFile | None) -> Ledger:
    from hanka.analysis.evidence import load_evidence
    from hanka.operations.costs.ledger import make_ledger
    from hanka.store.folder import RunFolder

    folder = RunFolder(run)
    folder.require_format()
    return make_ledger(load_evidence(folder), prices)


def _language(run: Path) -> str:
    from hanka.store.folder import RunFolder, read_json

    return str(read_json(RunFolder(run).plan).get("lang", "en"))


def _write_page(ledger: Ledger, path: Path, lang: str) -> None:
    from hanka.operations.costs.page import cost_html
    from hanka.report.words import Words
    from hanka.store.folder import write_text

    write_text(path, cost_html(ledger, Words("ja" if lang == "ja" else "en")))


def _print(ledger: Ledger) -> None:
    """Print the tables of the page, and the sentence that stands above them."""
    from hanka.operations.costs.amount_tables import amount_blocks
    from hanka.operations.costs.page import basis_blocks, bill_blocks, headline, returns_blocks
    from hanka.report.words import Words
    from hanka.terminal.blocks import print_block
    from hanka.terminal.result_tables import console

    words, screen = Words("en"), console()
    parts: list[Block] = [*amount_blocks(ledger, words)]
    if ledger.file is not None:
        parts += [*bill_blocks(ledger, words), *returns_blocks(ledger, words), *basis_blocks(ledger, words)]
    for block in parts:
        print_block(block, screen)
    print(headline(ledger, words).sentence)
