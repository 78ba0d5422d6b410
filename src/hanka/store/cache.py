"""Where downloaded and prepared files live, and how a file comes to exist whole or not at all.

Stands below every stage that writes: datasets, models and the run folder. The cache is safe to delete.
Limits: `atomic_path` survives a killed process; it does not promise that the folder entry itself is on
disk after a power cut.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hanka.errors import PathError, StoreError
from hanka.store.leftovers import temporary_name
from hanka.store.paths import as_path

REASONS = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "permission denied: choose another folder",
}


LASTING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"Errors after which nothing more can be written anywhere in the folder."


def unwritable(error: BaseException | None) -> str:
    """Say why nothing more can be written, and what to do; empty for another error.

    Looks at what caused the error, too, and at its text: libraries that are not Python's own raise no OSError.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        number = error.errno if isinstance(error, OSError) else None
        text = str(error).lower()
        for lasting in LASTING:
            if number == lasting or f"os error {lasting})" in text or os.strerror(lasting).lower() in text:
                return REASONS[lasting]
        error = error.__cause__ or error.__context__
    return ""


def cache_root() -> Path:
    """Return the cache folder: `HANKA_CACHE`, else `~/.cache/hanka`; it may not exist yet."""
    chosen = os.environ.get("HANKA_CACHE", "").strip()
    if not chosen:
        return Path.home() / ".cache" / "hanka"
    try:
        return as_path(chosen)
    except PathError as error:
        raise StoreError(f"HANKA_CACHE: {error}") from None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; when the block ends well, that file becomes `path`.

    Makes missing parent folders. On any error nothing is left behind and an older `path` stays as it was.
    Raises StoreError in one line, with `path`, when it cannot be written.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in REASONS:
            raise StoreError(f"cannot write {path}: {REASONS[error.errno]}") from error
        if error.filename == str(temporary):  # a name that nobody asked for
            raise StoreError(f"cannot write {path}: {error.strerror}; choose another path") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
