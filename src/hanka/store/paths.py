"""A text that is tried as a path: what can be none is one line, never a traceback.

Names of models, files and folders come from study files, the command line and the environment. A name may be longer than
a file system allows, hold a character that no path can hold, or name a home folder that is not known.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from hanka.errors import PathError

SHOWN = 60
"Characters of a name that a message repeats."
LONGEST_NAME = 60
"Characters of a text in a file's name; each may be four bytes, and a name has 255."


def as_path(text: str, start: Path | None = None) -> Path:
    """Return the path that a text names, seen from `start` (default: the working directory); it need not exist.

    Raises PathError in one line for a text that cannot be a path, or one that may not be looked at.
    """
    try:
        path = (start or Path()) / Path(text).expanduser()
        path.resolve()
        path.is_dir()
    except RuntimeError:
        what = (
            "begins with a home folder that is not known here" if text.startswith("~") else "leads in a circle of links"
        )
        raise PathError(f"{shown(text)} {what}; write the path out") from None
    except ValueError:  # UnicodeEncodeError is one
        raise PathError(f"{shown(text)} holds a character that no path can hold; take it out") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise PathError(f"{shown(text)} is {len(text)} characters, longer than a path may be") from None
        raise PathError(f"{shown(text)} cannot be looked at: {error.strerror or error}") from None
    return path


def is_place(value: object) -> bool:
    """Tell whether a value is the absolute path of something on this machine."""
    return isinstance(value, str) and len(value) > 1 and Path(value).is_absolute()


def portable_command(words: Sequence[str]) -> str:
    """Return a command as it is shown: of an absolute path its last part, as nobody else has the folders above."""
    return shlex.join(Path(word).name if is_place(word) else word for word in words)


def shown(text: str) -> str:
    """Quote a text, cut where it is long."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def as_file_name(text: str) -> str:
    """Return a text as part of a file's name: as it is where it can be, else with a hash that tells it from others."""
    plain = re.sub(r"[^\w.\-]", "_", text)[:LONGEST_NAME]
    return (
        text if plain == text else f"{plain}-{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    )


def beside(path: Path) -> list[str]:
    """Return the names in a path's folder, for hints; none where it cannot be read."""
    try:
        return sorted(one.name for one in path.parent.iterdir())
    except OSError:
        return []
