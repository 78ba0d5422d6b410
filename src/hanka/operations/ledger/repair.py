"""A log whose last line has no end, or that has no line yet: what a process left that was stopped while it wrote.

The entry never came to be, so it is set aside, and that is an entry itself: the torn text, its length and its hash stand in its
body; of a file without a line, the first entry says that it had none. The file is replaced as a whole, so that a repair that is stopped changes nothing. Nothing else is ever repaired.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from hanka.errors import LedgerError
from hanka.operations.ledger.chain import verify
from hanka.operations.ledger.entries import Entry, held, lines_of, log_path, require_name, sealed
from hanka.store.cache import atomic_path


def repair(place: Path, by: str, at: datetime | None = None) -> Entry:
    """Set the torn last line of a log aside, or begin an empty one anew, and log that.

    Raises LedgerError where nothing is torn, or more than that is wrong.
    """
    require_name(by)
    with held(place):
        found = verify(place)
        wrong = [one for one in found.breaks if one.what not in ("torn", "empty")]
        if wrong:
            raise LedgerError(
                f"{log_path(place)}: line {wrong[0].line}: {wrong[0].message}; only a torn last line can be repaired, "
                f"restore this one from a copy"
            )
        *whole, rest = lines_of(place)
        if found.is_whole:
            raise LedgerError(f"{log_path(place)}: no line is torn; nothing to repair")
        body = {
            "torn": rest.decode("utf-8", "backslashreplace"),
            "bytes": len(rest),
            "sha256": hashlib.sha256(rest).hexdigest(),
        }
        entry = sealed(found.entries[-1] if found.entries else None, "repair", body, by.strip(), at)
        with atomic_path(log_path(place)) as temporary:
            temporary.write_bytes(b"".join(one + b"\n" for one in whole) + entry.line())
    return entry
