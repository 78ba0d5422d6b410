"""Analysis: stored predictions → scores, summary, findings. Never runs a model; one file per question.

Light to import: numpy and scipy are loaded when something is analysed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hanka.store.folder import RunFolder


TRAINING_VERSION = 1
"Of findings' `training`; raised by hand when the same evidence gives another status."


def analyse(folder: RunFolder) -> None:
    """Rebuild scores.parquet, summary.csv, summary.parquet and findings.json from what is stored."""
    import pyarrow as pa

    from hanka.analysis.contrasts import Contrasts
    from hanka.analysis.evidence import load_evidence
    from hanka.analysis.findings import find
    from hanka.analysis.summary import score_table, summarise
    from hanka.store.folder import SUMMARY_COLUMNS, write_csv, write_json, write_table

    evidence = load_evidence(folder)
    contrasts = Contrasts(evidence)
    rows = summarise(evidence, contrasts)
    write_table(folder.scores, score_table(evidence))
    findings = find(evidence, rows, contrasts)
    values = [row.values for row in rows]
    write_csv(folder.summary, SUMMARY_COLUMNS, values)
    table = pa.table({name: [row[name] for row in values] for name in SUMMARY_COLUMNS})
    write_table(folder.summary.with_suffix(".parquet"), table)
    write_json(folder.findings, findings)


def look(folder: RunFolder) -> dict[str, int]:
    """Look at a study that grows until it is decided: store the look, return the rows each cell is to have; {} at the end."""
    from hanka.analysis.growth import look_at

    return look_at(folder)


__all__ = ["TRAINING_VERSION", "analyse", "look"]
