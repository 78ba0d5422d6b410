"""How far the cells of a plan are: which rows of its test set each is to be asked by now, and which are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hanka.plan import PlannedCell
from hanka.store.folder import RunFolder, read_json_or_none, write_json


def cell_record(folder: RunFolder, cell: PlannedCell) -> dict[str, Any]:
    """Return what is stored of a cell; {} where nothing is."""
    found = read_json_or_none(folder.cell(cell.cell.id) / "cell.json")
    return found if isinstance(found, dict) else {}


def cell_done(folder: RunFolder, cell: PlannedCell) -> bool:
    """Tell whether the rows that are wanted of a cell were answered and stored."""
    return (folder.cell(cell.cell.id) / "predictions.parquet").is_file() and not rows_missing(folder, cell)


def rows_wanted(cell: PlannedCell, record: Mapping[str, Any]) -> int:
    """Return how many rows of its test set a cell is to be asked by now, given what is stored of it."""
    return max(cell.n_first, int(record.get("n_wanted", 0)))


def rows_missing(folder: RunFolder, cell: PlannedCell) -> int:
    """Return how many rows are wanted of a cell and not there."""
    record = cell_record(folder, cell)
    there = record["n"] + record["n_failed"] if record.get("status") == "done" else 0
    return max(0, rows_wanted(cell, record) - there)


def want_rows(folder: RunFolder, rows: Mapping[str, int]) -> None:
    """Ask more rows of cells, by id: what is stored of each says how many; none is asked fewer than before."""
    for cell_id, wanted in rows.items():
        path = folder.cell(cell_id) / "cell.json"
        record = read_json_or_none(path)
        if isinstance(record, dict) and record.get("n_wanted", 0) < wanted:
            write_json(path, record | {"n_wanted": wanted})
