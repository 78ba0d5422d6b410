"""What a probe measured of a variant, as files: probes/<id>/probe.json and values.parquet.

Written by the unit that ran the probe, read by analysis, which knows no probe. probe.json is written last: it
alone says that a probe is done.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hanka.errors import StoreError
from hanka.records import ProbeRow
from hanka.store.folder import RunFolder, read_json_or_none, read_table, write_json, write_table

VALUES = "values.parquet"


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """probe.json: what was measured, how, and what came out over the whole model."""

    id: str
    "Content id; the name of the folder."
    variant_id: str
    "The variant that was measured."
    probe: str
    "Name of the probe."
    version: int
    "Of the probe."
    params: Mapping[str, Any] = field(default_factory=dict)
    "Its parameters, resolved."
    dtype: str = ""
    "In which the base's weights are held; values of different dtypes do not compare."
    status: str = "done"
    "done or failed."
    reason: str = ""
    "Why it failed; empty otherwise."
    seconds: float = 0.0
    "Time the measuring took."
    versions: Mapping[str, str] = field(default_factory=dict)
    "Versions of the libraries that measured."
    values: Mapping[str, float] = field(default_factory=dict)
    "Measure → value over the whole model."


def write_probe(run: RunFolder, record: ProbeRecord, rows: Sequence[ProbeRow] = ()) -> None:
    """Write a probe's files; `record.values` is filled from the rows over the whole model.

    Raises StoreError where a value is not finite: nothing downstream could read it.
    """
    import pyarrow as pa

    wrong = next((row for row in rows if not math.isfinite(row.value)), None)
    if wrong is not None:
        raise StoreError(f"{record.probe}: {wrong.measure} of {wrong.parameter or 'the model'} is {wrong.value}")
    folder = run.probe(record.id)
    columns: list[tuple[str, Any, list[Any]]] = [
        ("variant_id", pa.string(), [record.variant_id] * len(rows)),
        ("probe", pa.string(), [record.probe] * len(rows)),
        ("layer", pa.int32(), [row.layer for row in rows]),
        ("parameter", pa.string(), [row.parameter for row in rows]),
        ("measure", pa.string(), [row.measure for row in rows]),
        ("value", pa.float64(), [row.value for row in rows]),
        ("n", pa.int64(), [row.n for row in rows]),
    ]
    table = pa.table({name: pa.array(values, kind) for name, kind, values in columns})
    write_table(folder / VALUES, table)
    whole = {row.measure: row.value for row in rows if row.layer is None and not row.parameter}
    write_json(folder / "probe.json", asdict(record) | {"values": whole})


def read_probe(folder: Path) -> ProbeRecord | None:
    """Read probe.json; None where it is missing or damaged: such work counts as not done."""
    stored = read_json_or_none(folder / "probe.json")
    if not isinstance(stored, dict):
        return None
    try:
        return ProbeRecord(**stored)
    except TypeError:
        return None


def read_probe_values(folder: Path) -> list[ProbeRow]:
    """Read values.parquet. Raises StoreError for a missing or damaged file."""
    names = ("layer", "parameter", "measure", "value", "n")
    return [ProbeRow(**row) for row in read_table(folder / VALUES, names).to_pylist()]
