"""A sample as files: the rows with what each stands for, and a record of how they were drawn.

Last step of `hanka sample`. Rows keep all of their columns; four are added. The record holds all that is needed to draw the same rows again
and to weigh what is learnt from them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hanka
from hanka.errors import DataError
from hanka.operations.sampling.amount import Margin, NextRows, name_of
from hanka.operations.sampling.draw import Sample
from hanka.stats.extrapolation import Predicted
from hanka.store.folder import write_json, write_text

ADDED = ("sample_weight", "sample_alike", "sample_source", "sample_cluster")
"Columns that are added: rows of the pool that a row stands for, texts alike among them, its stratum and cluster."
SUFFIXES = (".jsonl", ".csv")


def require_out(out: Path, columns: Sequence[str] = ()) -> None:
    """Refuse a file of another kind, or columns that would be overwritten. Raises DataError."""
    if out.suffix.lower() not in SUFFIXES:
        raise DataError(f"--out {out}: samples are written as {' or '.join(SUFFIXES)}; name it {out.stem}.csv")
    taken = [name for name in ADDED if name in columns]
    if taken:
        raise DataError(f"the pool has a column {taken[0]!r} already: rename it, so that nothing is overwritten")


def record_path(out: Path) -> Path:
    """Return where the record of a sample stands."""
    return out.with_name(f"{out.stem}.record.json")


def write_sample(sample: Sample, out: Path, record: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write rows and record; return both paths. Raises DataError as `require_out` does."""
    require_out(out, sample.pool.columns)
    rows = [
        {
            **one.candidate.row,
            **dict(zip(ADDED, (one.weight, one.candidate.n_alike, one.candidate.source, one.cluster), strict=True)),
        }
        for one in sample.rows
    ]
    if out.suffix.lower() == ".csv":
        text = _as_csv(rows, (*sample.pool.columns, *ADDED))
    else:
        text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    write_text(out, text)
    write_json(record_path(out), record)
    return out, record_path(out)


def _as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return written.getvalue()


def sample_record(sample: Sample, margin: Margin | None = None, following: NextRows | None = None) -> dict[str, Any]:
    """Return how a sample was drawn, as JSON."""
    pool, design = sample.pool, sample.design
    found: dict[str, Any] = {
        "hanka": hanka.__version__,
        "pool": {
            "file": pool.path.name, "sha256": pool.sha256, "rows": pool.n_rows, "text": pool.text, "left_out": dict(pool.left_out),
            "candidates": len(pool.candidates),
        },
        "drawn": len(sample.rows),
        "seed": design.seed,
        "allocation": design.allocation,
        "spreads": dict(design.spreads or {}),
        "clusters": sample.n_clusters,
        "design_effect": sample.design_effect,
        "effective_rows": len(sample.rows) / sample.design_effect,
        "cells": [one._asdict() for one in sample.cells],
        "estimate": "mean over the pool: sum(sample_weight * value) / sum(sample_weight)",
    }  # fmt: skip
    if margin is not None:
        found["margin"] = {
            "difference": margin.difference, "discordant": margin.discordant, "power": margin.power, "level": margin.level, "rows": margin.rows
        }  # fmt: skip
    if following is not None:
        found["learning_curve"] = next_json(following)
    return found


def next_json(one: NextRows) -> dict[str, Any]:
    """Return what a learning curve says of the next rows, as JSON."""
    return {
        "curve": name_of(one.curve),
        "sizes": list(one.curve.sizes),
        "n": one.curve.n,
        "rows": one.rows,
        "why": one.why,
        "at_double": _json(one.double),
        "gain_of_doubling": _json(one.gain),
        "probability_of_less": one.small,
        "needed": one.needed._asdict() if one.needed else None,
    }


def _json(one: Predicted | None) -> dict[str, float] | None:
    return None if one is None else one._asdict()
