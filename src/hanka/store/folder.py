"""The folder of a run: where every file stands, and how it is written and read.

All writes go to a temporary name and are renamed, so a half-written file is never read. JSON and Parquet
only, no pickle. One process at a time works in a folder; a lock file, released by the operating
system when the process dies, says so.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hanka.errors import StoreError
from hanka.records import Prediction
from hanka.store.cache import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTION_COLUMNS = tuple(field.name for field in fields(Prediction))

LATENCY_FILE = "latency.json"
"File of a cell that says how long single requests took: `unit`, `at_once`, `seconds`."

FORMAT = 3
"Of a run folder; raised by hand when older ones can no longer be read."

SUMMARY_COLUMNS = (
    "cell_id", "variant_id", "base", "method", "params", "train_task", "train_dataset", "train_size", "seed",
    "test_task", "test_dataset", "relation", "shots", "prompt", "draw", "metric", "n", "n_failed", "value",
    "ci_low", "ci_high", "base_value", "delta", "delta_ci_low", "delta_ci_high", "p_value", "p_adjusted", "verdict",
    "sim_low", "sim_high", "family", "context",
)  # fmt: skip
"Columns of summary.csv, in order."


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run and the only way to read or write them."""

    path: Path
    "The folder itself."

    @property
    def study(self) -> Path:
        """The study as resolved, every default written out."""
        return self.path / "study.yaml"

    @property
    def plan(self) -> Path:
        """Variants, cells, ids."""
        return self.path / "plan.json"

    @property
    def audits(self) -> Path:
        """Every audit warning with counts."""
        return self.path / "audits.json"

    @property
    def samples(self) -> Path:
        """What is known of each test row beside its answers: one row per test row and slice."""
        return self.path / "samples.parquet"

    @property
    def scores(self) -> Path:
        """One row per cell × sample × metric."""
        return self.path / "scores.parquet"

    @property
    def summary(self) -> Path:
        """One row per cell × metric."""
        return self.path / "summary.csv"

    @property
    def baselines(self) -> Path:
        """Trivial baselines of every test set: one row per test set × baseline × metric."""
        return self.path / "baselines.csv"

    @property
    def findings(self) -> Path:
        """Claims of the study, forgetting, the decision and what would change it."""
        return self.path / "findings.json"

    @property
    def looks(self) -> Path:
        """Every look at a study that grows until it is decided."""
        return self.path / "looks.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def variant(self, variant_id: str) -> Path:
        """Folder of a variant."""
        return self.path.joinpath("variants", variant_id)

    def cell(self, cell_id: str) -> Path:
        """Folder of a cell."""
        return self.path.joinpath("cells", cell_id)

    def data(self, data_id: str) -> Path:
        """Folder of rows that a recipe made."""
        return self.path.joinpath("data", data_id)

    def asked(self, asked_id: str) -> Path:
        """What recipes asked variants to make rows, by all that the answers depend on."""
        return self.path.joinpath("asked", f"{asked_id}.json")

    def probe(self, probe_id: str) -> Path:
        """Folder of a probe of one variant."""
        return self.path.joinpath("probes", probe_id)

    def require_format(self) -> None:
        """Raise StoreError in one line where another edition of hanka wrote this folder; an empty one is fine."""
        plan = read_json_or_none(self.plan)
        found = plan.get("format", 1) if isinstance(plan, dict) else FORMAT
        if found != FORMAT:
            raise StoreError(
                f"{self.path}: written by hanka {plan.get('hanka', '?')} in format {found}, and this one reads format "
                f"{FORMAT}; choose another --out, or read it with the hanka that wrote it"
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one process. Raises StoreError if another one holds it."""
        make_folder(self.path)
        with (self.path / ".lock").open("w") as handle:
            try:
                lock_file(handle)
            except OSError:
                raise StoreError(
                    f"{self.path}: another hanka process is working here; wait for it, or choose another --out"
                ) from None
            yield


def lock_file(handle: Any) -> None:
    """Take the file's lock or raise OSError; it is released when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises StoreError where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be created: {error.strerror}; choose another folder") from None


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; lone surrogates become escapes."""
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys in the given order."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"it holds {word}, which is no number")


def read_json(path: Path) -> Any:
    """Read JSON. Raises StoreError for a missing or damaged file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file; is this the folder of a run?") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: damaged ({error}); delete it and run the study again") from None


def read_json_or_none(path: Path) -> Any:
    """Read JSON, or None where the file is missing or damaged: such work counts as not done."""
    try:
        with path.open("rb") as handle:
            return json.loads(handle.read().decode("utf-8"), parse_constant=_refuse)
    except (OSError, ValueError):
        return None


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet table atomically. Raises StoreError for a NaN or infinity: what has no value is null."""
    import pyarrow.parquet as pq

    for name in table.column_names:
        if _holds_no_number(table[name]):
            raise StoreError(
                f"{path}: column {name} would hold NaN or infinity, which is no number; nothing was written"
            )
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _holds_no_number(column: pa.ChunkedArray) -> bool:
    """Tell whether a column of floats, or of lists of them, holds a value that is not finite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_map(column.type):
        column = pa.chunked_array([chunk.items for chunk in column.chunks], column.type.item_type)
    while pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    return pa.types.is_floating(column.type) and pc.all(pc.is_finite(column)).as_py() is False


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet table. Raises StoreError for a missing or damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in columns or () if name not in file.schema_arrow.names]
            if missing:
                raise StoreError(f"{path}: damaged (no column {missing[0]}); delete its folder and run the study again")
            # A study is many small files, which threads only slow down.
            table = file.read(None if columns is None else list(columns), use_threads=False)
            wrong = next((name for name in table.column_names if _holds_no_number(table[name])), None)
            if wrong is not None:
                raise StoreError(
                    f"{path}: damaged (column {wrong} holds NaN or infinity); delete its folder and run the study again"
                )
            return table
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file; run the study first") from None
    except (OSError, pa.ArrowException) as error:
        line = " ".join(str(error).split())
        raise StoreError(f"{path}: damaged ({line}); delete its folder and run the study again") from None


def write_predictions(folder: Path, predictions: Sequence[Prediction], groups: Sequence[str]) -> None:
    """Write predictions.parquet, one row per sample, with each sample's group in the last column."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("sample_id", pa.string()),
            ("prompt", pa.string()),
            ("prompt_sha256", pa.string()),
            ("target", pa.string()),
            ("output", pa.string()),
            ("parsed", pa.string()),
            ("label_scores", pa.list_(pa.float64())),
            ("status", pa.string()),
            ("reason", pa.string()),
            ("n_prompt_tokens", pa.int32()),
            ("n_output_tokens", pa.int32()),
            ("reward", pa.float64()),
            ("token_scores", pa.list_(pa.float64())),
            ("measures", pa.map_(pa.string(), pa.list_(pa.float64()))),
            ("reasoning", pa.string()),
            ("group", pa.string()),
        ]
    )
    columns: dict[str, Sequence[Any]] = {
        name: [_encodable(getattr(prediction, name)) for prediction in predictions] for name in PREDICTION_COLUMNS
    }
    columns["measures"] = [None if one.measures is None else list(one.measures.items()) for one in predictions]
    columns["group"] = [_encodable(group) for group in groups]
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    write_table(folder / "predictions.parquet", pa.Table.from_arrays(arrays, schema=schema))


def _encodable(value: Any) -> Any:
    """Escape lone surrogates of a text, which neither Parquet nor UTF-8 can hold."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def read_predictions(folder: Path) -> tuple[list[Prediction], list[str]]:
    """Read predictions.parquet back: predictions and their groups."""
    rows = read_table(folder / "predictions.parquet").to_pylist()
    groups = [row.pop("group") for row in rows]
    for row in rows:
        row |= {name: tuple(row[name]) for name in ("label_scores", "token_scores") if row.get(name) is not None}
        if row.get("measures") is not None:
            row["measures"] = {name: tuple(value) for name, value in row["measures"]}
    return [Prediction(**row) for row in rows], groups


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file atomically: null is empty, floats in shortest exact form, lines end in \\n.

    Raises StoreError for a NaN or infinity: what has no value is null.
    """
    make_folder(path.parent)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            wrong = next(
                (name for name in columns if isinstance(row[name], float) and not math.isfinite(row[name])), None
            )
            if wrong is not None:
                raise StoreError(
                    f"{path}: column {wrong} would hold {row[wrong]}, which is no number; nothing was written"
                )
            writer.writerow(["" if row[name] is None else row[name] for name in columns])


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as text. Raises StoreError if it is missing."""
    return list(iterate_csv(path))


def iterate_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file as text, reading no further than asked. Raises StoreError if it is missing."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            yield from csv.DictReader(handle)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file; run the study first") from None
