"""`hanka rollout`: before which stage does a run stand, may it go on, what is missing, and a page to sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hanka.commands.log import LOG


def rollout(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    stages: Annotated[
        Path | None, typer.Option("--stages", metavar="FILE", help="Stages (YAML); else the defaults.")
    ] = None,
    variant: Annotated[
        str, typer.Option("--variant", metavar="V", help="Id, its beginning or label; else what the decision is about.")
    ] = "",
    place: Annotated[Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")] = LOG,
    promote_it: Annotated[bool, typer.Option("--promote", help="Log that the stage is passed, where it is.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who logs it.")] = "",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where the page goes.")] = None,
    lang: Annotated[str | None, typer.Option("--lang", metavar="en|ja", help="Language of the page.")] = None,
) -> None:
    """Judge a run by the next stage: 0 it may go on, 1 it must not, 3 evidence is missing. Writes a page to sign."""
    from datetime import UTC, datetime

    from hanka.errors import HankaError
    from hanka.operations.rollout import promote, read_stages, stand
    from hanka.operations.rollout.page import rollout_html
    from hanka.store.folder import RunFolder, write_text
    from hanka.terminal.rollout_table import print_standing

    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    if promote_it and not by.strip():
        raise HankaError("--promote needs --by NAME: who logs it")
    folder = RunFolder(run)
    asked = read_stages(stages)
    standing = stand(folder, place, asked, variant, datetime.now(UTC))
    print_standing(standing, place)
    page = html or run / "rollout.html"
    chosen: Literal["en", "ja"] = "ja" if (lang or standing.candidate.evidence.plan["lang"]) == "ja" else "en"
    write_text(page, rollout_html(standing, folder, chosen))  # before anything is logged
    if promote_it:
        entry = promote(place, standing, by)
        print(f"stage {entry.body['stage']} is passed: entry {entry.index}, head {entry.hash}")
        standing = stand(folder, place, asked, str(standing.candidate.variant["id"]), datetime.now(UTC))
        write_text(page, rollout_html(standing, folder, chosen))
    print(f"page: {page}")
    raise typer.Exit(0 if promote_it else standing.exit_code)
