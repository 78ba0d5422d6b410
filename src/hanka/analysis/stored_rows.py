"""The stored answers of a cell as rows that guardrails read.

Between store and what counts rates: the question `guardrails`, gates, stages. Texts are read when they are asked for and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.guardrails.contract import Row
from hanka.store.folder import read_table

COLUMNS = ("sample_id", "group", "status", "prompt", "target", "output", "parsed")


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """The rows of a cell, in the order of its file."""

    ids: Sequence[str]
    "Example ids."
    groups: Sequence[str]
    "Group of each; empty: it stands alone."
    rows: Sequence[Row]
    "What came out."
    beside: Mapping[str, Sequence[Any]]
    "Further columns that were asked for."


def read_rows(evidence: Evidence, cell: CellEvidence, beside: Sequence[str] = ()) -> StoredRows:
    """Read the answers of a cell that is done. Raises StoreError where its file is missing or damaged.

    beside: further columns of predictions.parquet.
    """
    path = evidence.folder.cell(str(cell.cell["id"])) / "predictions.parquet"
    found = read_table(path, (*COLUMNS, *beside)).to_pydict()
    own = tuple(evidence.task(str(cell.cell["test_task"]))["labels"])
    others = tuple(
        dict.fromkeys(label for task in evidence.plan["tasks"].values() for label in task["labels"] if label not in own)
    )
    columns = (found[name] for name in COLUMNS[2:])
    rows = [
        Row(output or "", parsed, status, prompt or "", target or "", own, others)
        for status, prompt, target, output, parsed in zip(*columns, strict=True)
    ]
    return StoredRows(found["sample_id"], found["group"], rows, {name: found[name] for name in beside})
