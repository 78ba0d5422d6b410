"""A run in other tools' formats: csv, parquet, lm-eval results with samples, a model card per variant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hanka.analysis.cards import Governed, write_cards
from hanka.analysis.evidence import load_evidence
from hanka.analysis.lm_eval_files import write_lm_eval
from hanka.errors import HankaError, StoreError
from hanka.store.folder import (
    RunFolder,
    make_folder,
    read_table,
    write_csv,
)

BATCH_ROWS = 10_000
"Rows of scores.parquet that are in memory as Python values at once."
FORMATS = ("csv", "parquet", "lm-eval", "model-card")
MADE_ELSEWHERE = ("merged", "gguf")
"What `hanka export` writes beside these, with models."


def export_run(folder: RunFolder, to: str, out: Path, governed: Mapping[str, Governed] | None = None) -> list[Path]:
    """Write a run in a format and return the files. governed: what the log of decisions says of variants, for their cards.

    Raises HankaError for an unknown format, StoreError where the folder is no run or has no tables yet.
    """
    if to not in FORMATS:
        raise HankaError(f"--to {to!r}: allowed: {', '.join((*FORMATS, *MADE_ELSEWHERE))}")
    folder.require_format()
    evidence = load_evidence(folder)
    for table in (folder.scores, folder.summary):
        if not table.is_file():
            raise StoreError(f"{table}: no such file; `hanka report {folder.path}` writes it")
    make_folder(out)
    if to == "csv":
        return _csv(folder, out)
    if to == "parquet":
        return _parquet(folder, out)
    return write_lm_eval(evidence, out) if to == "lm-eval" else write_cards(evidence, out, governed)


def _csv(folder: RunFolder, out: Path) -> list[Path]:
    scores = read_table(folder.scores)
    batches = scores.to_batches(max_chunksize=BATCH_ROWS)
    write_csv(out / "scores.csv", scores.column_names, (row for batch in batches for row in batch.to_pylist()))
    shutil.copyfile(folder.summary, out / "summary.csv")
    rows = _prediction_rows(folder)
    first = next(rows, None)
    columns, rows = (["cell_id"], rows) if first is None else (list(first), chain([first], rows))
    write_csv(out / "predictions.csv", columns, rows)
    return [out / "summary.csv", out / "scores.csv", out / "predictions.csv"]


def _prediction_rows(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """Yield the rows of all cells, one file in memory at a time."""
    for path in sorted(folder.path.glob("cells/*/predictions.parquet")):
        for row in read_table(path).to_pylist():
            lists = {name: json.dumps(row.get(name)) for name in ("label_scores", "token_scores")}
            yield {"cell_id": path.parent.name, "reward": None, "reasoning": None} | row | lists


def _parquet(folder: RunFolder, out: Path) -> list[Path]:
    import pyarrow as pa

    from hanka.store.folder import write_table

    shutil.copyfile(folder.scores, out / "scores.parquet")
    shutil.copyfile(folder.summary.with_suffix(".parquet"), out / "summary.parquet")
    tables = []
    for path in sorted(folder.path.glob("cells/*/predictions.parquet")):
        table = read_table(path)
        tables.append(table.add_column(0, "cell_id", pa.array([path.parent.name] * table.num_rows)))
    if tables:
        write_table(out / "predictions.parquet", pa.concat_tables(tables, promote_options="default"))
    return sorted(out.glob("*.parquet"))
