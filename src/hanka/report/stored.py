"""Everything the report reads from a run folder, in one frozen record; predictions are read later, by cell.

Missing and damaged files are listed, not fatal: every section says what it could not find. Only a folder
that holds nothing of a run is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hanka.errors import StoreError
from hanka.metrics import METRICS
from hanka.metrics.measured import Measure, declare, stored
from hanka.records import AuditWarning, Cell, Variant
from hanka.report.rows import (
    AuditCheck,
    BaselineRow,
    Comparison,
    DatasetRow,
    ModelRow,
    Result,
    SettingRow,
    as_text,
    fit,
    fit_all,
)
from hanka.store.folder import RunFolder, read_csv, read_json_or_none

T = TypeVar("T")

FOLDER_NAME = re.compile(r"^[0-9A-Za-z_\-][0-9A-Za-z_.\-]{0,127}$")
STUDY_LIMIT = 200_000
"Characters of study.yaml that are read."


@dataclass(frozen=True, slots=True)
class Findings:
    """findings.json: what analysis claims."""

    decision: Mapping[str, Any]
    "sentence_en, sentence_ja, per_task."
    settings: tuple[SettingRow, ...]
    comparisons: Mapping[tuple[str, str], Comparison]
    "By (cell id, metric)."
    notes: tuple[Mapping[str, Any], ...]
    "kind, message_en, message_ja."
    reproduce: Mapping[str, Any]
    "command, study_sha256, versions, device."
    models: tuple[ModelRow, ...]
    datasets: tuple[DatasetRow, ...]
    primary_metrics: Mapping[str, str]
    "Task → metric."
    answers: Mapping[str, Mapping[str, Any]]
    "Question → answer, as its contract has it."
    training: Mapping[str, Mapping[str, Any]]
    "Variant id → whether training fitted its rows: status, reason_en, reason_ja; {} where nobody looked."
    growth: Mapping[str, Any]
    "rows_asked, rows_most, n_looks of a study that grew until it was decided; {} where all rows were asked."


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What a run folder holds, without predictions."""

    folder: RunFolder
    version: str
    "hanka version that planned the run."
    name: str
    "Name of the study."
    protocol: str
    variants: Mapping[str, Variant]
    cells: Mapping[str, Cell]
    results: tuple[Result, ...]
    baselines: tuple[BaselineRow, ...]
    warnings: tuple[AuditWarning, ...]
    checks: tuple[AuditCheck, ...]
    policy: Mapping[str, Any]
    "Model → token policy and what it comes to with its tokenizer."
    findings: Findings
    study_text: str
    study: Mapping[str, Any]
    "study.yaml, read."
    cell_files: Mapping[str, Mapping[str, Any]]
    "Cell id → cell.json, for cells that have one."
    variant_files: Mapping[str, Mapping[str, Any]]
    "Variant id → variant.json."
    unreadable: tuple[str, ...]
    "Files that are missing or damaged."


def read_run(folder: RunFolder) -> StoredRun:
    """Read a run folder. Raises StoreError if it holds neither plan, summary nor study."""
    if not any(path.is_file() for path in (folder.plan, folder.summary, folder.study)):
        raise StoreError(f"{folder.path}: no plan.json, summary.csv or study.yaml; is this the folder of a run?")
    unreadable: list[str] = []
    plan = _mapping(folder.plan, unreadable)
    declare(stored(one for one in fit_all(Measure, plan.get("measures")) if one.name not in METRICS))
    audits = _mapping(folder.audits, unreadable)
    text, study = _study(folder.study, unreadable)
    variants = [fit(Variant, item) for item in _list(plan.get("variants"))]
    cells = [fit(Cell, item) for item in _list(plan.get("cells"))]
    return StoredRun(
        folder=folder,
        version=as_text(plan.get("hanka")),
        name=as_text(plan.get("study") or study.get("name")) or folder.path.name,
        protocol=as_text(plan.get("protocol") or study.get("protocol")),
        variants={variant.id: variant for variant in variants},
        cells={cell.id: cell for cell in cells},
        results=_csv(Result, folder.summary, unreadable),
        baselines=_csv(BaselineRow, folder.baselines, unreadable),
        warnings=fit_all(AuditWarning, audits.get("warnings")),
        checks=fit_all(AuditCheck, audits.get("checks")),
        policy=policy if isinstance(policy := audits.get("policy"), dict) else {},
        findings=_findings(_mapping(folder.findings, unreadable)),
        study_text=text,
        study=study,
        cell_files=_files("cell.json", {cell.id: folder.cell(cell.id) for cell in cells}),
        variant_files=_files("variant.json", {item.id: folder.variant(item.id) for item in variants}),
        unreadable=tuple(unreadable),
    )


def safe_cell_folder(folder: RunFolder, cell_id: str) -> Path | None:
    """Return a cell's folder, or None for an id that is no plain folder name."""
    return folder.cell(cell_id) if FOLDER_NAME.match(cell_id) else None


def _mapping(path: Path, unreadable: list[str]) -> Mapping[str, Any]:
    value = read_json_or_none(path)
    if isinstance(value, dict):
        return value
    unreadable.append(path.name)
    return {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _csv(record: type[T], path: Path, unreadable: list[str]) -> tuple[T, ...]:
    try:
        return tuple(fit(record, row) for row in read_csv(path))
    except (StoreError, ValueError, OSError):
        unreadable.append(path.name)
        return ()


def _study(path: Path, unreadable: list[str]) -> tuple[str, Mapping[str, Any]]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
    except OSError:
        unreadable.append(path.name)
        return "", {}
    try:
        value = yaml.safe_load(text[:STUDY_LIMIT])
    except (yaml.YAMLError, ValueError):
        return text, {}
    return text, value if isinstance(value, dict) else {}


def _findings(raw: Mapping[str, Any]) -> Findings:
    reproduce = raw.get("reproduce")
    reproduce = reproduce if isinstance(reproduce, dict) else {}
    decision = raw.get("decision")
    primary = raw.get("primary_metrics")
    comparisons = fit_all(Comparison, raw.get("comparisons"))
    answers = raw.get("answers")
    answers = answers if isinstance(answers, dict) else {}
    return Findings(
        decision=decision if isinstance(decision, dict) else {},
        settings=fit_all(SettingRow, raw.get("settings")),
        comparisons={(row.cell_id, row.metric): row for row in comparisons},
        notes=tuple(note for note in _list(raw.get("notes")) if isinstance(note, dict)),
        reproduce=reproduce,
        models=fit_all(ModelRow, reproduce.get("models")),
        datasets=fit_all(DatasetRow, reproduce.get("datasets")),
        primary_metrics={task: as_text(name) for task, name in primary.items()} if isinstance(primary, dict) else {},
        answers={as_text(name): one for name, one in answers.items() if isinstance(one, dict)},
        training={as_text(one.get("variant_id")): one for one in _list(raw.get("training")) if isinstance(one, dict)},
        growth=growth if isinstance(growth := raw.get("growth"), dict) else {},
    )


def _files(name: str, folders: Mapping[str, Path]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for key, path in folders.items():
        value = read_json_or_none(path / name) if FOLDER_NAME.match(key) else None
        if isinstance(value, dict):
            found[key] = value
    return found
