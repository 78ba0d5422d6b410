"""Rows that a recipe made, as a run keeps them: data/<id>/rows.jsonl, one JSON object a line.

Written by the unit that makes them and read by the variants that train on them. data.json is written last and holds the
SHA-256 of rows.jsonl, so rows that are there are whole; rows that were changed afterwards are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hanka.errors import StoreError
from hanka.records import Example, Part
from hanka.store.cache import atomic_path
from hanka.store.folder import make_folder, read_json, read_json_or_none, write_json

ROWS, RECORD = "rows.jsonl", "data.json"


def write_rows(folder: Path, parts: Sequence[Part], record: Mapping[str, Any]) -> str:
    """Write parts and, last, data.json with `record` and what is needed to check them; return the rows' SHA-256."""
    lines = [_line(part, example) for part in parts for example in part.examples]
    text = "".join(lines).encode("utf-8", "backslashreplace")  # a lone surrogate becomes its JSON escape
    make_folder(folder)
    with atomic_path(folder / ROWS) as temporary:
        temporary.write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    write_json(folder / RECORD, {**record, "n_rows": len(lines), "rows_sha256": digest})
    return digest


def has_rows(folder: Path) -> bool:
    """Say whether rows were written here to the end."""
    return read_json_or_none(folder / RECORD) is not None and (folder / ROWS).is_file()


def read_rows(folder: Path) -> tuple[Part, ...]:
    """Read parts back: neighbouring rows of one task and dataset are one part.

    Raises StoreError where rows are missing, damaged or not the ones that were written.
    """
    expected = read_json(folder / RECORD).get("rows_sha256")
    path = folder / ROWS
    try:
        text = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); run the study again") from None
    if hashlib.sha256(text).hexdigest() != expected:
        raise StoreError(f"{path}: not the rows that were written; delete its folder and run the study again")
    rows = [json.loads(line) for line in text.decode("utf-8").split("\n") if line]
    return tuple(
        Part(task, dataset, tuple(_example(row) for row in found))
        for (task, dataset), found in groupby(rows, key=lambda row: (row["task"], row["dataset"]))
    )


def _line(part: Part, example: Example) -> str:
    row = {
        "task": part.task,
        "dataset": part.dataset,
        "id": example.id,
        "fields": dict(example.fields),
        "target": example.target,
        "group": example.group,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def _example(row: Mapping[str, Any]) -> Example:
    return Example(row["id"], row["fields"], row["target"], row["group"])
