"""`hanka log`: the log of decisions read, checked, signed and added to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LOG = Path("hanka-log")
"Where the log is unless a command says otherwise."

app = typer.Typer(help="The log of decisions: check, show, approve, release, add.", no_args_is_help=True)

Place = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the log.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it.")]


@app.command("verify")
def verify_log(
    place: Place = LOG,
    head: Annotated[str, typer.Option("--head", metavar="HASH", help="A head that was kept elsewhere.")] = "",
) -> None:
    """Check the chain: 0 whole, 1 broken, each line with what is wrong, 3 where there is nothing to check."""
    from hanka.operations.ledger import verify
    from hanka.operations.ledger.entries import log_path

    found = verify(place, head)
    broken = [one for one in found.breaks if one.what != "empty"]
    for one in found.breaks:
        print(f"{log_path(place)}:{one.line}: {one.what}: {one.message}")
    n = len(found.entries)
    if found.is_whole:
        print(f"{log_path(place)}: whole, {n} {'entry' if n == 1 else 'entries'}, head {found.head}")
        if found.since is not None:
            print(f"since the head that was given: {found.since} more")
        else:
            print("entries cut off the end are not seen from the log alone: keep this head elsewhere, compare with --head")
    raise typer.Exit(1 if broken else 3 if found.breaks else 0)


@app.command("show")
def show_log(
    place: Place = LOG,
    last: Annotated[int, typer.Option("--last", min=1, metavar="N", help="Only the last N entries.")] = 50,
) -> None:
    """Print the entries of a log that is whole, and what is served now."""
    from hanka.operations.ledger import verify
    from hanka.terminal.log_table import print_log

    verify(place)  # no log is an error here
    print_log(place, last)


@app.command("repair")
def repair_log(by: By, place: Place = LOG) -> None:
    """Set a torn last line aside, which a stopped process left, and log that; nothing else is ever repaired."""
    from hanka.operations.ledger import repair

    entry = repair(place, by)
    print(f"{entry.body['bytes']} bytes were set aside, they stand in entry {entry.index}; head {entry.hash}")
