"""The whole path, top to bottom: study → plan → audit → adapt → predict → score → analyse → report.

A rerun does what is missing; a rerun of a finished study changes nothing. Every stage reads what the one
before stored, so killing the process at any moment loses at most the unit at hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka import __version__
from hanka.analysis import analyse
from hanka.audits import Audits, audit_rows, audit_tokens
from hanka.costs.estimate import Estimator
from hanka.executors.local import Executor, InProcess, LocalProcesses, StudyCall
from hanka.identity import content_id, sha256_text
from hanka.metrics import rouge_tokenization
from hanka.models.loading import pick_device
from hanka.models.memory import free_bytes
from hanka.plan import Plan, Unit, build_plan
from hanka.report import render_report
from hanka.store.folder import (
    RunFolder,
    read_json,
    read_json_or_none,
    write_csv,
    write_json,
    write_text,
)
from hanka.study.dataset_declarations import data_folder, own_places
from hanka.study.resolve import Study, load_study
from hanka.terminal.progress import Progress, spell_seconds
from hanka.work.baselines import BASELINE_COLUMNS, score_baselines
from hanka.work.measured import correct, probe
from hanka.work.worker import Worker, cell_done, variant_done


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out; none of it changes a number."""

    base: str | None = None
    "Replaces the study's base models."
    limit: int | None = None
    "Caps training and test rows."
    workers: int = 1
    "Processes."
    quiet: bool = False
    "No progress."
    command: str = ""
    "The command that repeats this run."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind."""

    folder: RunFolder
    "Its folder."
    n_cells: int
    "Cells of the plan."
    n_failed: int
    "Of these, failed."
    n_new: int
    "Units that were carried out now; 0: nothing was to do."


def run_study(path: Path, out: Path, options: RunOptions) -> Outcome:
    """Run what is missing of a study and bring its tables and report up to date.

    Raises HankaError in one line for what the user can mend; KeyboardInterrupt passes through.
    """
    study = load_study(path, options.base, options.limit)
    folder = RunFolder(out)
    with folder.lock():
        plan = build_plan(study, ask_hub=True)
        digest = _digest(plan)
        todo = [unit for unit in plan.units() if not _done(plan, folder, unit)]
        if not todo and (read_json_or_none(out / "state.json") or {}).get("digest") == digest:
            return Outcome(folder, len(plan.cells), 0, 0)
        write_text(folder.study, study_yaml(study))
        write_json(folder.plan, plan_json(plan, path, options))
        audits = _audit(plan, folder)
        audits.raise_if_strict(study.spec.strict)
        _execute(plan, folder, todo, StudyCall(path, options.base, options.limit, out), options)
        write_csv(folder.baselines, BASELINE_COLUMNS, score_baselines(plan))
        analyse(folder)
        render_report(folder, folder.report, study.spec.lang)
        failed = _failed(plan, folder)
        if not failed:
            write_json(out / "state.json", {"digest": digest})
        return Outcome(folder, len(plan.cells), failed, len(todo))


def rebuild(folder: RunFolder, html: Path, lang: str | None) -> None:
    """Rebuild tables, figures and report from stored files; needs no torch."""
    plan = read_json(folder.plan)
    with folder.lock():
        analyse(folder)
        chosen = lang or plan["lang"]
        render_report(folder, html, "ja" if chosen == "ja" else "en")


def study_yaml(study: Study) -> str:
    """Write the study as resolved, every default and role written out; paths are absolute, so it runs from anywhere."""
    import yaml

    values = json.loads(study.spec.model_dump_json())
    values["data"] = values["data"] and {k: v for k, v in values["data"].items() if v is not None}
    if values["data"] and "path" in values["data"]:
        values["data"]["path"] = str(data_folder(values["data"]["path"], study.base_dir).resolve())
    values["eval"]["scoring"] = study.scoring
    values["eval"]["demonstrations"] = study.demonstrations
    values["datasets"] = {
        name: {k: v for k, v in entry.items() if v not in (None, {})}
        | own_places(study.spec.datasets[name], study.base_dir)
        for name, entry in values["datasets"].items()
    }
    for name, use in study.tasks.items():
        said = study.spec.tasks[name]
        entry = said.model_dump(
            mode="json", exclude={"train", "in_domain", "out_of_domain"}, exclude_unset=True, exclude_none=True
        )
        entry["train"] = use.train.name if use.train else None
        entry["in_domain"] = [dataset.name for dataset in use.in_domain]
        entry["out_of_domain"] = [dataset.name for dataset in use.out_of_domain]
        values["tasks"][name] = entry
    values["methods"] = [
        {one["method"]: one["params"]} if one["params"] else one["method"] for one in values["methods"]
    ]
    for base, model in zip(values["base"], study.models, strict=True):
        base["model"] = str(model.folder) if model.folder else base["model"]
    bases = [base if base["trust_remote_code"] else base["model"] for base in values["base"]]
    values["base"] = bases[0] if len(bases) == 1 else bases
    # PyYAML writes U+0085 unescaped and reads it back as a space; escaped text survives.
    plain = "\x85" not in json.dumps(values, ensure_ascii=False)
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=plain, width=110))


def plan_json(plan: Plan, path: Path, options: RunOptions) -> dict[str, Any]:
    """Return plan.json: variants and cells, and what reading the run later needs of the study."""
    from hanka.models.identity import model_identity

    study = plan.study
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    trained = {use.train.name: use.train for use in study.tasks.values() if use.train}
    datasets = {name: test.dataset for name, test in tests.items()} | trained
    return plan.as_json() | {
        "lang": study.spec.lang,
        "seed": study.spec.seeds[0],
        "stats": study.spec.stats.model_dump(),
        "max_new_tokens": study.spec.eval.max_new_tokens,
        "tasks": {
            name: {"kind": use.task.kind, "labels": list(use.task.labels), "metrics": list(use.task.metrics)}
            for name, use in study.tasks.items()
        },
        "trained_tasks": [name for name, use in study.tasks.items() if use.train and _trains(study)],
        "reproduce": {
            "command": options.command or f"hanka run {path}",
            "study_sha256": sha256_text(study_yaml(study)),
            "hanka": __version__,
            "rouge_tokenization": rouge_tokenization(),
            "models": [
                {
                    "name": model.name,
                    "licence": model.entry.licence if model.entry else "not stated",
                    "note": model.note,
                    "identity": model_identity(model),
                }
                for model in study.models
            ],
            "datasets": [
                {
                    "name": dataset.name,
                    "task": dataset.task,
                    "domain": dataset.domain,
                    "source": dataset.source,
                    "licence": dataset.licence,
                    "n_test": len(tests[name].examples) if name in tests else 0,
                    "note": dataset.note,
                }
                for name, dataset in datasets.items()
            ],
        },
    }


def _trains(study: Study) -> bool:
    return any(use.method.trains for use in study.methods)


def _digest(plan: Plan) -> str:
    """Return what the tables of a finished run depend on: ids, statistics, code version."""
    study = plan.study
    return content_id(
        {
            "hanka": __version__,
            "cells": list(plan.cells),
            "relations": [cell.cell.relation for cell in plan.cells.values()],
            "labels": [variant.variant.label for variant in plan.variants.values()],
            "stats": study.spec.stats.model_dump(),
            "lang": study.spec.lang,
            "strict": study.spec.strict,
            "name": study.spec.name,
            "seed": study.spec.seeds[0],
        }
    )


def _done(plan: Plan, folder: RunFolder, unit: Unit) -> bool:
    if unit.kind == "adapt":
        return variant_done(folder, unit.variant_id)
    return all(cell_done(folder, cell.cell.id) for cell in plan.cells_of(unit.variant_id))


def _failed(plan: Plan, folder: RunFolder) -> int:
    return sum(1 for cell_id in plan.cells if not cell_done(folder, cell_id))


def _audit(plan: Plan, folder: RunFolder) -> Audits:
    """Audit rows and tokens before any training; the tokenizer is loaded, no weights."""
    from hanka.models.loading import load_tokenizer

    audits = audit_rows(plan)
    for model in plan.study.models:
        audit_tokens(plan, audits, load_tokenizer(model), model.name)
    write_json(folder.audits, audits.as_json())
    return audits


def _execute(plan: Plan, folder: RunFolder, todo: Sequence[Unit], call: StudyCall, options: RunOptions) -> None:
    """Hand the missing units to an executor and show how far it is."""
    say = _say(options.quiet)
    worker = Worker(plan, folder, say)
    probe(plan, _by_model(plan, _seconds(plan, folder, todo)), worker)
    seconds = _seconds(plan, folder, todo)
    if todo:
        say(_expected(plan, sum(seconds.values()) / max(1, options.workers)), 0.0)
    if options.workers > 1:
        worker.release()
    with Progress(sum(seconds.values()) / max(1, options.workers), options.quiet) as progress:
        worker.report = progress.update

        def work(unit: Unit) -> None:
            progress.begin(_title(plan, unit), seconds[unit.id])
            worker.run(unit)

        executor: Executor = InProcess(work) if options.workers == 1 else LocalProcesses(call, options.workers)
        executor.run(todo, lambda _unit: progress.finish())
    if options.workers == 1:
        correct(plan, folder)


def _seconds(plan: Plan, folder: RunFolder, todo: Sequence[Unit]) -> dict[str, float]:
    """Estimate every unit, by its id."""
    costs = Estimator(plan)
    return {unit.id: _unit_seconds(plan, folder, costs, unit) for unit in todo}


def _expected(plan: Plan, seconds: float) -> str:
    """Say what the work is expected to take, and whether memory may not suffice."""
    costs = Estimator(plan)
    bases = " and ".join(sorted({costs.speed(model).basis for model in plan.study.models}))
    most = max(costs.memory().values())
    free = free_bytes(pick_device())
    line = f"expected: {spell_seconds(seconds)}, up to {most / 1e9:.1f} GB of {free / 1e9:.1f} GB memory; {bases}"
    return line + (". It may not fit; token budgets are lowered where they must" if most > free else "")


def _by_model(plan: Plan, seconds: dict[str, float]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for unit_id, one in seconds.items():
        name = plan.variants[unit_id.split(":", 1)[1]].model.name
        totals[name] = totals.get(name, 0.0) + one
    return totals


def _say(quiet: bool) -> Callable[[str, float], None]:
    """Return what reports before there is a progress bar."""
    return lambda what, _share: None if quiet else print(what, file=sys.stderr, flush=True)


def _unit_seconds(plan: Plan, folder: RunFolder, costs: Estimator, unit: Unit) -> float:
    planned = plan.variants[unit.variant_id]
    if unit.kind == "adapt":
        return costs.variant(planned).seconds
    missing = [cell for cell in plan.cells_of(unit.variant_id) if not cell_done(folder, cell.cell.id)]
    return sum(costs.cell(cell).seconds for cell in missing) + costs.loading(planned)


def _title(plan: Plan, unit: Unit) -> str:
    variant = plan.variants[unit.variant_id].variant
    name = (
        variant.label
        if variant.method == "base"
        else f"{variant.label} on {variant.train_dataset} ({variant.train_size})"
    )
    return f"{'making' if unit.kind == 'adapt' else 'evaluating'} {name}"
