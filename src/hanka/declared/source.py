"""Read a YAML file that a user wrote and remember where every key stands, so that errors can name file and line.

`yaml.compose` gives nodes with marks; values are built from them by PyYAML's safe constructor. Anchors and
merges work; duplicate keys, keys that are not text, tags and several documents are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hanka.errors import HankaError

Key = tuple[str | int, ...]

WORDS = ("on",)
"Keys that YAML 1.1 reads as true."

ADVICE = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("mapping values are not allowed", "check the indentation, and put text that holds `: ` in quotes"),
    ("expected <block end>", "keys of one map must stand equally far from the margin"),
    ("expected a single document", "a {noun} is one document; take the second `---` out"),
    ("could not determine a constructor for the tag", "tags (`!…`) are not allowed; write plain values"),
    ("expected ',' or", "close every [ and {, and put text that holds , [ ] { } in quotes"),
    ("while scanning a quoted scalar", "close the quotes"),
    ("cannot start any token", "put the text in quotes"),
)
"""What PyYAML says → what to do."""


class FileKind(NamedTuple):
    """What a file is, in the words of its errors."""

    noun: str
    "Such as study."
    error: type[HankaError]
    "What its mistakes are raised as."
    keys: str
    "Keys that it may begin with, as a line lists them."
    missing: str
    "What to do where there is no such file."
    empty: str
    "What to do where it is empty."


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The raw content of a file with the line of every key."""

    kind: FileKind
    "What it is."
    path: Path
    "The file."
    values: dict[str, Any]
    "Plain Python values."
    lines: dict[Key, int]
    "Key path → line, starting at 1."
    shown: Mapping[str, str] = field(default_factory=dict)
    "Absolute paths among the values → what the file says instead."

    def line(self, key: Key) -> int:
        """Return the line of a key, or of the nearest key above it that stands in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def error(self, key: Key, message: str) -> HankaError:
        """Build the one-line error for a key: file, line, key, message."""
        while key and isinstance(key[-1], int) and key not in self.lines:
            key = key[:-1]
        dotted = ".".join(str(part) for part in key) or f"the {self.kind.noun}"
        return self.kind.error(f"{self.path}:{self.line(key)}: {dotted}: {message}")


def read_file(path: Path, kind: FileKind) -> Source:
    """Read a file. Raises the kind's error for a missing, unreadable or malformed one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise kind.error(f"{path}: no such {kind.noun} file; {kind.missing}") from None
    except IsADirectoryError:
        raise kind.error(f"{path}: a folder, not a {kind.noun} file; name the YAML file in it") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise kind.error(f"{path}:{line}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from None
    except ValueError:
        raise kind.error(f"{str(path)[:60]!r}: holds a character that no path can hold") from None
    except OSError as error:
        raise kind.error(f"{str(path)[:300]}: cannot be read: {error.strerror or error}") from None
    return parse_text(text, path, kind)


def parse_text(text: str, path: Path, kind: FileKind) -> Source:
    """Parse the text of a file; `path` is named in errors."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Key, int] = {}
        values = None
        if root is not None:
            _read_words_as_text(root, set())
            _Lines(kind, path, lines, set(), set()).collect(root, ())
            values = yaml.SafeLoader("").construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise kind.error(f"{path}:{line}: not valid YAML: {_explain(error, kind)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise kind.error(
            f"{path}:{line}: not valid YAML: the character {chr(int(error.character))!r} is not allowed; take it out"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise kind.error(f"{path}:1: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise kind.error(f"{path}:1: not valid YAML: it is nested too deeply") from None
    if root is None:
        raise kind.error(f"{path}:1: the file is empty; {kind.empty}")
    if not isinstance(values, dict):
        raise kind.error(
            f"{path}:{root.start_mark.line + 1}: the {kind.noun} is a {type(values).__name__}, not a map; give keys such as "
            f"{kind.keys}"
        )
    return Source(kind, path, values, lines)


def _read_words_as_text(node: yaml.Node, seen: set[int]) -> None:
    """Make text of keys that are words, though YAML 1.1 reads them as true (`on`), and of days, which it reads as dates."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value in WORDS:
                name.tag = "tag:yaml.org,2002:str"
            _read_words_as_text(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _read_words_as_text(item, seen)
    elif node.tag == "tag:yaml.org,2002:timestamp":
        node.tag = "tag:yaml.org,2002:str"


def _explain(error: yaml.MarkedYAMLError, kind: FileKind) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    advice = next((what for sign, what in ADVICE if sign in said), "")
    advice = advice.replace("{noun}", kind.noun)
    return f"{' '.join(said.split())}; {advice}" if advice else " ".join(said.split())


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Notes the line of every key of a node tree; a node that stands in several places (an alias) is noted once."""

    kind: FileKind
    path: Path
    lines: dict[Key, int]
    above: set[int]
    noted: set[int]

    def collect(self, node: yaml.Node, key: Key) -> None:
        """Note every key below `node`; raise the kind's error for a key that is no text, stands twice or holds itself."""
        self.lines.setdefault(key, node.start_mark.line + 1)
        if id(node) in self.above:
            raise self._error(node, key, "the value holds itself; write it out without the alias")
        if id(node) in self.noted:
            return
        self.noted.add(id(node))
        self.above.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, key)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*key, index)] = item.start_mark.line + 1
                self.collect(item, (*key, index))
        self.above.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, key: Key) -> None:
        seen: set[str] = set()
        for name_node, value_node in node.value:
            if name_node.tag == "tag:yaml.org,2002:merge":
                continue
            name = str(name_node.value)
            if name_node.tag != "tag:yaml.org,2002:str":
                kind = str(name_node.tag).rpartition(":")[2]
                shown = f'{name}: is read as {kind}, not as text; write "{name}":'
                raise self._error(
                    name_node, key, shown if isinstance(name_node, yaml.ScalarNode) else "a key must be text"
                )
            if name in seen:
                raise self._error(name_node, (*key, name), "the key stands twice; keep one")
            seen.add(name)
            self.lines[(*key, name)] = name_node.start_mark.line + 1
            self.collect(value_node, (*key, name))

    def _error(self, node: yaml.Node, key: Key, message: str) -> HankaError:
        dotted = ".".join(map(str, key)) or f"the {self.kind.noun}"
        return self.kind.error(f"{self.path}:{node.start_mark.line + 1}: {dotted}: {message}")
