"""looks.json: every look at a study that grows until it is decided. Light to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanka.store.folder import RunFolder, read_json_or_none, write_json


def write_looks(folder: RunFolder, block: int, looks: Sequence[Mapping[str, Any]]) -> None:
    """Store all looks so far, in order; `grow` of each says how many rows a cell is to have next."""
    write_json(folder.looks, {"block": block, "looks": list(looks)})


def stored_looks(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the looks of a run so far, in order."""
    found = read_json_or_none(folder.looks)
    looks = found.get("looks") if isinstance(found, dict) else None
    return looks if isinstance(looks, list) else []


def rows_of_last_look(folder: RunFolder) -> dict[str, int]:
    """Return the rows that the last look asked for, by cell: what was under way when a run was interrupted."""
    looks = stored_looks(folder)
    return dict(looks[-1]["grow"]) if looks else {}
