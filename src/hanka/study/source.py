"""Read a YAML study file and remember where every key stands, so that errors can name file and line.

`yaml.compose` gives nodes with marks; values are built by PyYAML's safe constructor. Anchors and
merges work; duplicate keys, tags and several documents are errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hanka.errors import StudyError

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class StudySource:
    """The raw content of a study file with the line of every key."""

    path: Path
    "The file."
    values: dict[str, Any]
    "Plain Python values."
    lines: dict[Key, int]
    "Key path → line, starting at 1."

    def error(self, key: Key, message: str) -> StudyError:
        """Build the one-line error for a key: file, line, key, message."""
        where = key
        while where and where not in self.lines:
            where = where[:-1]
        line = self.lines.get(where, 1)
        dotted = ".".join(str(part) for part in key) or "the file"
        return StudyError(f"{self.path}:{line}: {dotted}: {message}")


def read_source(path: Path) -> StudySource:
    """Read a study file. Raises StudyError for a missing, unreadable or malformed file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such study file; `hanka init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    return parse_source(text, path)


def parse_source(text: str, path: Path) -> StudySource:
    """Parse the text of a study file; `path` is named in errors."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise StudyError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StudyError(f"{path}:1: not valid YAML: {' '.join(str(error).split())}") from None
    if root is None or not isinstance(values, dict):
        raise StudyError(f"{path}:1: a study is a mapping of keys such as `name:`, `base:`, `tasks:` and `methods:`")
    lines: dict[Key, int] = {}
    _collect(root, (), lines, path)
    return StudySource(path, values, lines)


def _collect(node: yaml.Node, key: Key, lines: dict[Key, int], path: Path) -> None:
    """Note the line of every key below `node`; raise StudyError for duplicate or non-text keys."""
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name_node, value_node in node.value:
            name = str(name_node.value)
            line = name_node.start_mark.line + 1
            if name in seen and name != "<<":
                raise StudyError(f"{path}:{line}: {'.'.join(map(str, (*key, name)))}: the key stands twice; keep one")
            seen.add(name)
            lines[(*key, name)] = line
            _collect(value_node, (*key, name), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*key, index)] = item.start_mark.line + 1
            _collect(item, (*key, index), lines, path)
