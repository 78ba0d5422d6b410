"""Temporary files and folders, named by who writes them, so that what a killed process left is told from what is being written.

The name is `.NAME.PLACE-PID-RANDOM.tmp`: PLACE stands for the machine since it was started and, where there are such, its
namespace of processes. What a dead process of this place left is taken away at once. Of other places nothing is known, on a
shared file system least of all: theirs, and names without a place, go once nobody has written to them for a day.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

NAME = re.compile(r"\.(?P<name>.+?)\.(?:(?P<place>[0-9a-f]{8})-)?(?P<pid>\d+)-[0-9a-f]{8}\.tmp", re.DOTALL)
DAY_SECONDS = 24 * 3600.0
"After which what nobody writes to is left over, wherever its process ran; no file takes that long between two writes."


@lru_cache(maxsize=1)
def place() -> str:
    """Return what stands for where this process runs: a process id means something there alone."""
    known = [platform.node()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(known).encode("utf-8", "backslashreplace")).hexdigest()[:8]


def temporary_name(path: Path) -> Path:
    """Return a name beside `path` that no one else writes to."""
    return path.with_name(f".{path.name}.{place()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that is gone afterwards; what dead processes left of its like is cleared before."""
    sweep(path.parent, path.name)
    scratch = temporary_name(path)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sweep(folder: Path, name: str = "") -> None:
    """Take away what dead processes left in a folder: of one name, or of all names and in the folders below, too.

    What cannot be taken away stays: it is in nobody's way.
    """
    for path in _found(folder, deep=not name):
        match = NAME.fullmatch(path.name)
        if match and name in ("", match["name"]) and _is_left(path, match["place"], int(match["pid"])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def _found(folder: Path, deep: bool) -> Iterator[Path]:
    """Go through what bears the name of something temporary, not into it."""
    for where, folders, files in os.walk(folder):
        temporary = [one for one in folders if one.endswith(".tmp")]
        yield from (Path(where, one) for one in (*files, *temporary) if one.endswith(".tmp"))
        folders[:] = [one for one in folders if one not in temporary] if deep else []


def _is_left(path: Path, where: str | None, pid: int) -> bool:
    if where == place():
        return not _is_running(pid)
    try:
        newest = max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
    except OSError:  # someone takes it away, or puts it into place
        return False
    return time.time() - newest > DAY_SECONDS


def _is_running(pid: int) -> bool:
    if pid == os.getpid():
        return True
    import psutil

    return bool(psutil.pid_exists(pid))
