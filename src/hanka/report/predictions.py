"""Reading predictions sparingly: only cells that are shown, only columns that are needed, never all rows.

The one place of the report that opens predictions.parquet and scores.parquet. A cell contributes at most
READ_ROWS rows; texts are taken only for the samples that were chosen from short columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.report import inert
from hanka.report.outline import Outline, variant_name
from hanka.report.rows import as_count, as_number, as_text
from hanka.report.stored import StoredRun, safe_cell_folder
from hanka.report.words import Words

if TYPE_CHECKING:
    import pyarrow as pa

READ_ROWS = 10_000
"Rows of a cell that examples are chosen from."
TEXTS = ("prompt", "output", "reason", "reasoning")
"Columns of texts; `reasoning` is missing where an older hanka wrote the file."
TEXT_BATCH = 500
"Rows whose texts are in memory at once."
ALL_ROWS = 10_000_000
"More rows than a cell has."
MAX_TROUBLED = 300
"Cells whose failed and unparsed samples are counted."
REASONS_PER_CELL = 5


@dataclass(frozen=True, slots=True)
class Troubled:
    """Samples of one cell without a usable answer, by status and reason."""

    where: str
    status: str
    reason: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample in one cell, without its texts."""

    row: int
    "Position in the file."
    target: str
    parsed: str | None
    status: str


def read_columns(folder: Path, columns: Sequence[str], limit: int = READ_ROWS) -> pa.Table | None:
    """Read short columns of a cell's first `limit` predictions; None if the file is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(folder / "predictions.parquet") as file:
            if set(columns) - set(file.schema_arrow.names):
                return None
            kept, n = [], 0
            for batch in file.iter_batches(batch_size=min(limit, 10_000), columns=list(columns)):
                kept.append(batch.slice(0, limit - n))
                n += batch.num_rows
                if n >= limit:
                    break
            return pa.Table.from_batches(kept) if kept else None
    except (OSError, pa.ArrowException):
        return None


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """Read what became of each sample of a cell, by sample id; empty if there is no readable file."""
    table = read_columns(folder, ("sample_id", "target", "parsed", "status"))
    if table is None:
        return {}
    columns = (table.column(name).to_pylist() for name in ("sample_id", "target", "parsed", "status"))
    return {
        as_text(sample): Outcome(row, as_text(target), parsed, as_text(status))
        for row, (sample, target, parsed, status) in enumerate(zip(*columns, strict=True))
    }


def read_texts(folder: Path, rows: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Read prompt, output, reason and reasoning of chosen rows: row → texts. Holds one small batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts: dict[int, Mapping[str, Any]] = {}
    try:
        with pq.ParquetFile(folder / "predictions.parquet") as file:
            start = 0
            for batch in file.iter_batches(batch_size=TEXT_BATCH, columns=list(TEXTS)):
                inside = [row for row in rows if start <= row < start + batch.num_rows]
                if inside:
                    found = batch.take(pa.array([row - start for row in inside])).to_pylist()
                    texts.update(zip(inside, found, strict=True))
                start += batch.num_rows
                if len(texts) == len(set(rows)):
                    break
    except (OSError, pa.ArrowException, KeyError):
        return texts
    return texts


def read_scores(run: StoredRun, cells: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Read sample scores of cells from scores.parquet: cell id → sample id → value; cells maps id to metric."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    scores: dict[str, dict[str, float]] = {}
    try:
        stored = ds.dataset(run.folder.scores, format="parquet")
        if not {"cell_id", "sample_id", "metric", "value"} <= set(stored.schema.names):
            return {}
        wanted = pc.field("cell_id").isin(list(cells)) & pc.field("metric").isin(sorted(set(cells.values())))
        scanner = stored.scanner(columns=["cell_id", "sample_id", "metric", "value"], filter=wanted)
        for batch in scanner.to_batches():
            for cell_id, sample, metric, value in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                kept = scores.setdefault(cell_id, {})
                if cells[cell_id] == metric and value is not None and len(kept) < READ_ROWS:
                    kept[sample] = value
    except (OSError, pa.ArrowException):
        return {}
    return scores


def troubled_samples(outline: Outline, words: Words) -> list[Troubled]:
    """Count failed and unparsed samples by reason, in the cells whose counts say that there are some."""
    run = outline.run
    found: list[Troubled] = []
    with_failed = {row.cell_id for row in run.results if row.n_failed and row.value is not None}
    suspects = [cell for cell in run.cells if cell in with_failed or _says_unparsed(run.cell_files.get(cell, {}))]
    for cell_id in suspects[:MAX_TROUBLED]:
        folder = safe_cell_folder(run.folder, cell_id)
        table = read_columns(folder, ("status", "reason"), ALL_ROWS) if folder else None
        if table is None:
            continue
        counted = table.group_by(["status", "reason"]).aggregate([([], "count_all")]).to_pylist()
        bad = [item for item in counted if item["status"] != "ok"]
        for item in sorted(bad, key=lambda item: -item["count_all"])[:REASONS_PER_CELL]:
            found.append(_troubled(outline, cell_id, item, table.num_rows, words))
    return sorted(found, key=lambda item: (item.status != "failed", -item.count))


def _troubled(outline: Outline, cell_id: str, item: Mapping[str, Any], total: int, words: Words) -> Troubled:
    cell = outline.run.cells[cell_id]
    variant = outline.run.variants.get(cell.variant_id)
    name = variant_name(variant, words) if variant else cell_id
    return Troubled(
        where=f"{name} → {inert.label(cell.test_dataset, 40)} · {cell.shots} / {inert.label(cell.prompt, 20)}",
        status=as_text(item["status"]),
        reason=as_text(item["reason"]),
        count=as_count(item["count_all"]) or 0,
        total=total,
    )


def _says_unparsed(stored: Mapping[str, Any]) -> bool:
    """Whether cell.json counts samples that failed or were not parsed, at top level or under `counts`."""
    counts = stored.get("counts")
    places = [stored, counts if isinstance(counts, dict) else {}]
    names = ("n_unparsed", "unparsed", "n_failed", "failed")
    return any((as_number(place.get(name)) or 0) > 0 for place in places for name in names)
