"""Where the files that a study names lie: told to this machine in a file of its own, and to readers of the study only as far as they need it.

DIR/study.yaml is meant to be shown, and is run again. So it names files relative to the folder of the study file, or by the end of their
path where they lie elsewhere; `study.places.json` beside it says where each of them is here. On a machine where that file is missing, or
leads nowhere, names start at the folder of study.yaml like those of any study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hanka.store.folder import read_json_or_none, write_json, write_text
from hanka.store.paths import as_path
from hanka.study.source import Key, StudySource, read_source


@dataclass(frozen=True, slots=True)
class Located:
    """A file or folder among the values of a study."""

    path: Path
    "Absolute."
    shown: str = ""
    "What it was shown as before; empty: to be chosen."


def places_path(study: Path) -> Path:
    """Return where the places of a study file stand."""
    return study.with_suffix(".places.json")


def tail(path: Path, start: Path, taken: Mapping[str, Path]) -> str:
    """Return what a place is shown as: relative to `start`, else the end of its path that no other place is shown as."""
    if path.is_relative_to(start):
        return path.relative_to(start).as_posix()
    ends = ("/".join(path.parts[-n:]) for n in range(1, len(path.parts)))
    return next((end for end in ends if taken.get(end, path) == path), path.name)


def portable(values: Any, start: Path) -> tuple[Any, list[dict[str, Any]]]:
    """Return the values of a study with places as they are shown, and where these are: key, text, path.

    start: folder of the study file.
    """
    places: list[dict[str, Any]] = []
    taken = {one.shown: one.path for _, one in _located(values, ()) if one.shown}

    def show(value: Any, key: Key) -> Any:
        """Return a value with its places as they are shown, and note where they are."""
        if isinstance(value, Located):
            shown = value.shown or tail(value.path, start, taken)
            taken.setdefault(shown, value.path)
            places.append({"key": list(key), "shown": shown, "path": str(value.path)})
            return shown
        if isinstance(value, dict):
            return {name: show(item, (*key, name)) for name, item in value.items()}
        return [show(item, (*key, at)) for at, item in enumerate(value)] if isinstance(value, list) else value

    return show(values, ()), places


def _located(value: Any, key: Key) -> Iterator[tuple[Key, Located]]:
    if isinstance(value, Located):
        yield key, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from _located(item, (*key, name))


def write_portable(path: Path, values: Mapping[str, Any], start: Path) -> None:
    """Write a study from values that hold places, and where they are; what a person wrote at `path` is replaced."""
    import yaml

    shown, places = portable(values, start)
    write_study(path, str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110)), places)


def write_study(path: Path, text: str, places: list[dict[str, Any]]) -> None:
    """Write the text of a study, and where its places are."""
    write_json(places_path(path), {"places": places})
    write_text(path, text)


def read_placed(path: Path) -> StudySource:
    """Read a study file with the places that are known here as absolute paths. Raises StudyError like `read_source`."""
    source = read_source(path)
    known = {
        (*one["key"],): (one["shown"], one["path"])
        for one in (read_json_or_none(places_path(path)) or {}).get("places", ())
        if as_path(one["path"]).exists()
    }
    shown: dict[str, str] = {}

    def place(value: Any, key: Key) -> Any:
        """Return a value with what is shown replaced by where it is."""
        if isinstance(value, dict):
            return {name: place(item, (*key, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [place(item, (*key, at)) for at, item in enumerate(value)]
        if key in known and known[key][0] == value:
            shown[known[key][1]] = value
            return known[key][1]
        return value

    values = place(source.values, ()) if known else source.values
    return replace(source, values=values, shown=shown)


def located(source: StudySource) -> dict[str, Any]:
    """Return the values of a study file that was read, its places marked as such."""

    def mark(value: Any) -> Any:
        """Return a value with its places marked."""
        if isinstance(value, dict):
            return {name: mark(item) for name, item in value.items()}
        if isinstance(value, list):
            return [mark(item) for item in value]
        known = isinstance(value, str) and value in source.shown
        return Located(Path(value), source.shown[value]) if known else value

    found: dict[str, Any] = mark(source.values)
    return found
