"""Files that a guardrail names: plain text, read once, relative to the file that names them."""

from __future__ import annotations

from pathlib import Path

from hanka.errors import HankaError
from hanka.store.paths import as_path

NOTE = "#"
"Begins a line that is a note."


def text_of(name: str, folder: Path) -> str:
    """Return the text of a file. Raises HankaError in one line where it cannot be read."""
    path = as_path(name, folder)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise HankaError(f"{name!r} does not exist: paths are seen from {folder}") from None
    except UnicodeDecodeError as error:
        raise HankaError(f"{name!r} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise HankaError(f"{name!r} cannot be read: {error.strerror or error}") from None


def lines_of(name: str, folder: Path) -> tuple[str, ...]:
    """Return the lines of a file that hold something and are no notes. Raises HankaError where there are none."""
    lines = [line.strip() for line in text_of(name, folder).splitlines()]
    found = tuple(line for line in lines if line and not line.startswith(NOTE))
    if not found:
        raise HankaError(f"{name!r} has no entries; write one a line")
    return found
