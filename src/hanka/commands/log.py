"""`hanka log`: the log of decisions read, checked, signed and added to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hanka.operations.ledger.serving import Move

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
            print(
                "entries cut off the end are not seen from the log alone: keep this head elsewhere, compare with --head"
            )
    for later, before in found.dated_back:
        print(
            f"entry {later.index} is dated before entry {before.index} ({later.time} after {before.time}): a clock was set back"
        )
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
    print(f"{entry.body['bytes']:,} bytes were set aside, they stand in entry {entry.index}; head {entry.hash}")


@app.command("approve")
def approve_variant(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    variant: Annotated[str, typer.Option("--variant", metavar="V", help="Id, its beginning, label or title.")],
    by: By,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="As what: lead, reviewer, …")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What else is to be known.")] = "",
    although: Annotated[
        str, typer.Option("--although", metavar="REASON", help="Why, where run, decision or gate do not allow it.")
    ] = "",
    place: Annotated[Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")] = LOG,
) -> None:
    """Sign for a variant: its files by hash, its decision, name and date. 1 where run, decision or gate do not allow it."""
    from hanka.operations.ledger.approvals import Signing, approve
    from hanka.store.folder import RunFolder

    entry = approve(place, RunFolder(run), Signing(variant, by, role, note, although))
    n = len(entry.body["files"])
    print(f"approved: {entry.body['title']} by {entry.by} ({entry.body['role']}), {entry.time[:10]}, {n} files by hash")
    if entry.body["although"]:
        print(f"although {'; '.join(entry.body['objections'])}: {entry.body['although']}")
    print(f"entry {entry.index}, head {entry.hash}")


@app.command("withdraw")
def withdraw_approval(
    index: Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the approval's entry.")],
    by: By,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it no longer counts.")],
    place: Annotated[Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")] = LOG,
) -> None:
    """End an approval; what is served stays until a release or a rollback."""
    from hanka.operations.ledger.approvals import withdraw

    entry = withdraw(place, index, by, why)
    print(f"withdrawn: {entry.body['title']} (entry {index}); entry {entry.index}, head {entry.hash}")


@app.command("release")
def release_system(
    by: By,
    to: Annotated[
        str, typer.Option("--to", metavar="V", help="Entry or variant id; the last one approved if left out.")
    ] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it; without, only say what would happen.")] = False,
    place: Annotated[Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")] = LOG,
) -> None:
    """Serve an approved system: its files are checked, current.json tells a server."""
    from hanka.operations.ledger.approvals import RELEASE
    from hanka.operations.ledger.serving import carry_out, plan_release

    move = plan_release(place, to)
    print_move(move, place, confirm)
    if confirm:
        entry = carry_out(place, RELEASE, move, by)
        print(f"released; entry {entry.index}, head {entry.hash}")


@app.command("add")
def add_entry(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="gate, alarm, retrain, or a word of your own.")],
    by: By,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What it says; VALUE as JSON or text. Repeatable."),
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", metavar="RUN", help="The run that it is about.")] = None,
    place: Annotated[Path, typer.Option("--log", metavar="DIR", help="Folder of the log.")] = LOG,
) -> None:
    """Log something seen or done elsewhere: a gate's outcome, an alarm, a retraining."""
    from hanka.operations.ledger.approvals import add
    from hanka.store.folder import RunFolder

    entry = add(place, kind, _body(values or []), by, None if run is None else RunFolder(run))
    print(f"{kind}: entry {entry.index}, head {entry.hash}")


def print_move(move: Move, place: Path, confirm: bool) -> None:
    """Say what a release or a rollback does, or would do."""
    from hanka.operations.ledger.serving import folder_of

    body = move.to.entry.body
    served = "nothing" if move.live is None else move.live.approval.title
    signed = f"{move.to.entry.by} ({body['role']}), {move.to.entry.time[:10]}"
    print(f"{'from' if confirm else 'would go from'} {served}\nto {move.to.title}, approved by {signed}")
    if body["files"]:
        print(f"files: {len(body['files'])} in {folder_of(place, move.to)}, each as it was approved")
    else:
        known = ", ".join(f"{name} {value}" for name, value in (body["base"]["identity"] or {}).items())
        print(f"base model {body['base']['name']} as it is ({known or 'not identified'}); no files to check here")
    if not confirm:
        print("nothing was changed; --confirm does it")


def _body(values: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE words. Raises LedgerError for one that is none, or a key that stands twice."""
    import json

    from hanka.errors import LedgerError

    body: dict[str, Any] = {}
    for word in values:
        key, is_pair, text = word.partition("=")
        if not is_pair or not key.isidentifier() or key in body:
            raise LedgerError(f"--set {word[:80]!r}: write KEY=VALUE, each key once")
        try:
            body[key] = json.loads(text)
        except RecursionError:
            raise LedgerError(
                f"--set {word[:80]!r}…: too many lists and maps within each other; write it flatter"
            ) from None
        except ValueError:
            body[key] = text
    return body
