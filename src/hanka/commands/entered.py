"""`--log DIR --by NAME`: what a command found becomes entries of the log of decisions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.store.folder import RunFolder

Log = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--log", metavar="DIR", help="Enter the outcome into this log of decisions."),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="With --log: who asks, a person or a build.")]


def require_name(log: Path | None, by: str) -> None:
    """Refuse one without the other, before anything is judged. Raises HankaError."""
    if log is not None and not by:
        raise HankaError(f"--log {log}: an entry needs a name; say who asks with --by NAME")
    if by and log is None:
        raise HankaError(f"--by {by!r}: names who enters something into a log; name the log with --log DIR")


def enter(
    log: Path | None, by: str, kind: str, bodies: Sequence[Mapping[str, Any]], run: RunFolder, once: bool = False
) -> None:
    """Add entries about a run to a log, and say where they stand; nothing without a log.

    once: what stands there word for word is not added again, as an alarm that is still standing.
    """
    if log is None:
        return
    from hanka.operations.ledger.approvals import about_run, add
    from hanka.operations.ledger.chain import read
    from hanka.operations.ledger.entries import log_path

    about = about_run(run) if bodies else {}
    for body in bodies:
        known = read(log) if once and log_path(log).exists() else ()
        if any(one.kind == kind and one.body == {**about, **body} for one in known):
            continue
        entry = add(log, kind, body, by, run)
        print(f"{log}: entry {entry.index} ({kind}), head {entry.hash}", file=sys.stderr)
