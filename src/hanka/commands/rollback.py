"""`hanka rollback`: back to the last approved system, first as a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanka.commands.log import LOG, print_move


def rollback(
    place: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the log.")] = LOG,
    to: Annotated[
        str, typer.Option("--to", metavar="V", help="Entry or variant id; the one approved before if left out.")
    ] = "",
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it.")] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="What made it necessary.")] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it; without, only say what would happen.")] = False,
) -> None:
    """Go back to the last approved system: its files are checked, current.json tells a server, the log says who and why.

    What is left loses its approval. Leaves with 1 where nothing approved is left, or its files are not as approved.
    """
    from hanka.errors import LedgerError
    from hanka.operations.ledger.approvals import ROLLBACK
    from hanka.operations.ledger.serving import POINTER, carry_out, plan_rollback

    if confirm and not (by.strip() and why.strip()):
        raise LedgerError("--confirm needs --by NAME and --why TEXT: a rollback is logged with both")
    move = plan_rollback(place, to)
    print_move(move, place, confirm)
    if confirm:
        entry = carry_out(place, ROLLBACK, move, by, why.strip())
        print(f"rolled back; {place / POINTER} says so; entry {entry.index}, head {entry.hash}")
