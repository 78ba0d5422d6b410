"""A run in other tools' formats: csv, parquet, lm-eval results with samples, a model card per variant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hanka.analysis.asked import rows_and_seed
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.analysis.growth import growth_of, growth_said
from hanka.analysis.lm_eval_files import write_lm_eval
from hanka.errors import HankaError, StoreError
from hanka.records import is_unadapted
from hanka.store.folder import (
    RunFolder,
    make_folder,
    read_csv,
    read_json_or_none,
    read_table,
    write_csv,
    write_text,
)

BATCH_ROWS = 10_000
"Rows of scores.parquet that are in memory as Python values at once."
FORMATS = ("csv", "parquet", "lm-eval", "model-card")
MADE_ELSEWHERE = ("merged", "gguf")
"What `hanka export` writes beside these, with models."


def export_run(folder: RunFolder, to: str, out: Path) -> list[Path]:
    """Write a run in a format and return the files.

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
    return write_lm_eval(evidence, out) if to == "lm-eval" else _model_cards(evidence, out)


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


def _model_cards(evidence: Evidence, out: Path) -> list[Path]:
    summary = read_csv(evidence.folder.summary)
    written = []
    for variant in evidence.plan["variants"]:
        if not is_unadapted(variant["method"]) and variant.get("changes_weights", True):
            path = out / f"{variant['id']}.md"
            rows = [row for row in summary if row["variant_id"] == variant["id"]]
            made = read_json_or_none(evidence.folder.variant(variant["id"]) / "variant.json") or {}
            write_text(path, _card(evidence, variant, made, rows))
            written.append(path)
    return written


def _card(evidence: Evidence, variant: dict[str, Any], made: dict[str, Any], rows: list[dict[str, str]]) -> str:
    record, folder = made.get("record", {}), evidence.folder.variant(variant["id"])
    saved = {"adapter_config.json": "peft", "config.json": "transformers"}
    library = next((name for file, name in saved.items() if (folder / file).is_file()), "hanka")
    lines = [
        "---",
        f"base_model: {json.dumps(variant['base'])}",
        f"library_name: {library}",
        "---",
        "",
        f"# {variant['label']} on {variant['train_dataset']} ({rows_and_seed(variant)})",
        "",
        f"Adapted from `{variant['base']}` with `{variant['method']}` in the study `{evidence.plan['study']}`.",
        *_learnt(record),
        *_grown(evidence),
        "",
        "| test set | relation | shots | prompt | metric | n | value | Δ base | p, all together | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = [f"{float(row[name]):.3f}" if row[name] else "" for name in ("value", "delta", "p_adjusted")]
        value = (
            f"{numbers[0]} [{float(row['ci_low']):.3f}, {float(row['ci_high']):.3f}]" if row["ci_low"] else numbers[0]
        )
        delta = (
            f"{numbers[1]} [{float(low):+.3f}, {float(high):+.3f}]"
            if (low := row["sim_low"] or row["delta_ci_low"]) and (high := row["sim_high"] or row["delta_ci_high"])
            else numbers[1]
        )
        lines.append(
            f"| {row['test_dataset']} | {row['relation']} | {row['shots']} | {row['prompt']} | {row['metric']} | {row['n']} "
            f"| {value} | {delta} | {numbers[2]} | {row['verdict']} |"
        )
    return "\n".join([*lines, ""])


def _grown(evidence: Evidence) -> list[str]:
    growth = growth_of(evidence)
    return [growth_said(growth)["message_en"]] if growth else []


def _learnt(record: Mapping[str, Any]) -> list[str]:
    """Say how a training went; nothing where nothing was trained."""
    if "loss_first" not in record:
        return []
    losses = f"{record['loss_first']:.3f} → {record['loss_last']:.3f}"
    return [f"Supervised tokens: {record.get('n_supervised_tokens', 'unknown')}; loss {losses}."]
