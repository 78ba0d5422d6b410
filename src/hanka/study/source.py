"""A study file as it is read: YAML with the line of every key, and a study's own words in its errors."""

from __future__ import annotations

from pathlib import Path

from hanka.declared.source import FileKind, Key, Source, parse_text, read_file
from hanka.errors import StudyError

__all__ = ["Key", "StudySource", "parse_source", "read_source"]

STUDY = FileKind(
    noun="study",
    error=StudyError,
    keys="`name:`, `base:`, `tasks:` and `methods:`",
    missing="`hanka init` writes one",
    empty="`hanka init` writes a study to begin with",
)
StudySource = Source
"The raw content of a study file with the line of every key."


def read_source(path: Path) -> Source:
    """Read a study file. Raises StudyError for a missing, unreadable or malformed file."""
    return read_file(path, STUDY)


def parse_source(text: str, path: Path) -> Source:
    """Parse the text of a study file; `path` is named in errors."""
    return parse_text(text, path, STUDY)
