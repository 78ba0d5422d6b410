"""The whole path, top to bottom: study → plan → audit → adapt → predict → score → analyse → report.

A rerun does what is missing; a rerun of a finished study changes nothing. Every stage reads what the one
before stored, so killing the process at any moment loses at most the unit at hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanka.analysis import TRAINING_VERSION, analyse, look
from hanka.analysis.questions import QUESTIONS
from hanka.audits import (
    Audits,
    audit_contexts,
    audit_rows,
    audit_served_labels,
    audit_tokens,
    require_common_vocabularies,
)
from hanka.costs.estimate import Estimator
from hanka.errors import ModelError, UnitError
from hanka.executors.local import Executor, InProcess, LocalProcesses, StudyCall
from hanka.models.loading import pick_device
from hanka.models.memory import free_bytes
from hanka.plan import Plan, Unit, build_plan
from hanka.plan.written import digest_of, plan_json, written_study
from hanka.report import render_report
from hanka.store.folder import (
    RunFolder,
    read_json,
    read_json_or_none,
    write_csv,
    write_json,
)
from hanka.store.leftovers import sweep
from hanka.store.looks import rows_of_last_look
from hanka.store.paths import portable_command
from hanka.store.rows import has_rows
from hanka.study.places import write_study
from hanka.study.resolve import load_study
from hanka.terminal.failures import unit_failures
from hanka.terminal.progress import Progress, spell_seconds
from hanka.work.adapt import variant_done
from hanka.work.agreement import is_due
from hanka.work.baselines import BASELINE_COLUMNS, score_baselines
from hanka.work.cells import cell_done, rows_missing, want_rows
from hanka.work.lacking import Lacking, lacking
from hanka.work.measured import correct, probe
from hanka.work.probe import probe_done
from hanka.work.samples import write_samples
from hanka.work.worker import Worker


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
    data: str | None = None
    "Folder of the source's files, where the command names one."
    train: tuple[str, ...] = ()
    "The only tasks whose own training sets are trained on; empty: all."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind."""

    folder: RunFolder
    "Its folder."
    n_cells: int
    "Cells of the plan."
    n_probes: int
    "Probes of the plan."
    lacking: Lacking
    "What is not there of it."
    n_new: int
    "Units that were carried out now; 0: nothing was to do."

    @property
    def n_failed(self) -> int:
        """Units and cells that failed."""
        return self.lacking.units

    @property
    def exit_code(self) -> int:
        """1 where anything that was asked for has no answer, a single row included; else 0."""
        return 1 if any(self.lacking) else 0


def run_study(path: Path, out: Path, options: RunOptions) -> Outcome:
    """Run what is missing of a study and bring its tables and report up to date.

    Raises HankaError in one line for what the user can mend; KeyboardInterrupt passes through.
    """
    study = load_study(path, options.base, options.limit, options.data, options.train)
    folder = RunFolder(out)
    folder.require_format()
    with folder.lock():
        plan = build_plan(study, ask_hub=True)
        digest = _digest(plan)
        if study.spec.eval.until:
            want_rows(folder, rows_of_last_look(folder))
        todo = [unit for unit in plan.units() if not _done(plan, folder, unit)]
        told = (folder.plan, folder.audits, folder.scores, folder.summary, folder.findings, folder.report)
        state = read_json_or_none(out / "state.json") or {}
        if not todo and state.get("digest") == digest and all(path.is_file() for path in told):
            there = Lacking(rows=int(state.get("rows_without_answer", 0)))
            return Outcome(folder, len(plan.cells), len(plan.probes), there, 0)
        sweep(out)
        write_study(folder.study, *written_study(plan.study))
        write_json(folder.plan, plan_json(plan, options.command or portable_command(["hanka", "run", str(path)])))
        _require_servers(plan, todo)
        audits = _audit(plan, folder)
        audits.raise_if_strict(study.spec.strict)
        call = StudyCall(path, options.base, options.limit, out, options.data, options.train)
        _execute(plan, folder, todo, call, options)
        _grow(plan, folder, call, options)
        write_csv(folder.baselines, BASELINE_COLUMNS, score_baselines(plan))
        write_samples(plan, folder)
        analyse(folder)
        render_report(folder, folder.report, study.spec.lang)
        found = lacking(plan, folder)
        if not found.units:
            write_json(out / "state.json", {"digest": digest, "rows_without_answer": found.rows})
        return Outcome(folder, len(plan.cells), len(plan.probes), found, len(todo))


def rebuild(folder: RunFolder, html: Path, lang: str | None) -> None:
    """Rebuild tables, figures and report from stored files; needs no torch."""
    folder.require_format()
    plan = read_json(folder.plan)
    with folder.lock():
        sweep(folder.path)
        analyse(folder)
        chosen = lang or plan["lang"]
        render_report(folder, html, "ja" if chosen == "ja" else "en")


def _digest(plan: Plan) -> str:
    """Return what the tables of a finished run depend on."""
    asked = [(one.name, one.version) for one in QUESTIONS]
    return digest_of(plan, [*asked, ("training", TRAINING_VERSION)])


def _done(plan: Plan, folder: RunFolder, unit: Unit) -> bool:
    if unit.kind == "prepare":
        return has_rows(folder.data(unit.of))
    if unit.kind == "adapt":
        return variant_done(folder, plan.variants[unit.of])
    if unit.kind == "probe":
        return probe_done(folder, unit.of)
    return all(cell_done(folder, cell) for cell in plan.cells_of(unit.of)) and not is_due(
        folder, plan.variants[unit.of]
    )


def _audit(plan: Plan, folder: RunFolder) -> Audits:
    """Audit rows and tokens before any training; the tokenizer is loaded, no weights."""
    from hanka.models.loading import load_tokenizer

    audits = audit_rows(plan)
    audit_contexts(plan, audits)
    tokenizers = {model.name: load_tokenizer(model) for model in plan.study.models if model.is_loaded}
    require_common_vocabularies(plan, tokenizers)
    for name, tokenizer in tokenizers.items():
        audit_tokens(plan, audits, tokenizer, name)
    for model in plan.study.models:
        spelling = plan.study.spelling_of(model)
        if model.served is not None and model.served.labels == "logprobs" and spelling is not None:
            audit_served_labels(plan, audits, tokenizers.get(spelling.name) or load_tokenizer(spelling), model.name)
    write_json(folder.audits, audits.as_json())
    return audits


def _require_servers(plan: Plan, todo: Sequence[Unit]) -> None:
    """Raise HankaError before any work where a server that will be asked refuses the key, has no such model, or cannot be steered."""
    asked = [plan.variants[unit.of] for unit in todo if unit.kind == "evaluate"]
    if not any(one.model.served for one in asked):
        return
    from hanka.engines.served.asking import Asker
    from hanka.engines.served.client import Client
    from hanka.engines.served.listed import NextTokens
    from hanka.models.loading import load_tokenizer
    from hanka.models.served import ServedModel

    steered = {(one.model, plan.variants[one.parents[0].variant_id].model) for one in asked if one.engine == "steered"}
    try:
        for served in {one.model: one.model.served for one in asked}.values():
            if served is not None:
                Client(served).require_model()
        for model, expert in steered:
            assert model.served is not None
            NextTokens(Asker(ServedModel(model.served, None)), load_tokenizer(expert), 1).require_same_tokens()
    except UnitError as error:
        raise ModelError(str(error)) from None


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
        worker.place.report = progress.update

        def work(unit: Unit) -> None:
            progress.begin(_title(plan, unit), seconds[unit.id])
            worker.run(unit)

        executor: Executor = InProcess(work) if options.workers == 1 else LocalProcesses(call, options.workers)

        def done(unit: Unit) -> None:
            progress.finish()
            for line in unit_failures(plan, folder, unit):
                progress.say(f"failed: {line}")

        executor.run(todo, done)
    if options.workers == 1:
        correct(plan, folder)


def _grow(plan: Plan, folder: RunFolder, call: StudyCall, options: RunOptions) -> None:
    """Ask more test rows, block by block, until the decision stands, where the study says so."""
    while plan.study.spec.eval.until and (rows := look(folder)):
        want_rows(folder, rows)
        growing = {plan.cells[cell_id].cell.variant_id for cell_id in rows}
        todo = [unit for unit in plan.units() if unit.kind == "evaluate" and unit.of in growing]
        _say(options.quiet)(f"not decided yet: {len(rows)} cells grow to up to {max(rows.values())} rows", 0.0)
        _execute(plan, folder, todo, call, options)


def _seconds(plan: Plan, folder: RunFolder, todo: Sequence[Unit]) -> dict[str, float]:
    """Estimate every unit, by its id."""
    costs = Estimator(plan)
    return {unit.id: _unit_seconds(plan, folder, costs, unit) for unit in todo}


def _expected(plan: Plan, seconds: float) -> str:
    """Say what the work is expected to take, and whether memory may not suffice."""
    costs = Estimator(plan)
    bases = " and ".join(sorted({costs.speed(model).basis for model in plan.study.models if model.is_loaded}))
    most = max(costs.memory().values())
    free = free_bytes(pick_device())
    line = f"expected: {spell_seconds(seconds)}, up to {most / 1e9:.1f} GB of {free / 1e9:.1f} GB memory; {bases}"
    return line + (". It may not fit; token budgets are lowered where they must" if most > free else "")


def _by_model(plan: Plan, seconds: dict[str, float]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for unit in plan.units():
        for name in _models(plan, unit) if unit.id in seconds else ():
            totals[name] = totals.get(name, 0.0) + seconds[unit.id]
    return totals


def _models(plan: Plan, unit: Unit) -> set[str]:
    """Return the names of the base models a unit works with."""
    if unit.kind == "prepare":
        return {plan.variants[one.variant_id].model.name for one in plan.made[unit.of].parents}
    return {plan.variants[plan.probes[unit.of].variant_id if unit.kind == "probe" else unit.of].model.name}


def _say(quiet: bool) -> Callable[[str, float], None]:
    """Return what reports before there is a progress bar."""
    return lambda what, _share: None if quiet else print(what, file=sys.stderr, flush=True)


def _unit_seconds(plan: Plan, folder: RunFolder, costs: Estimator, unit: Unit) -> float:
    if unit.kind == "prepare":
        return costs.made(plan.made[unit.of]).seconds
    if unit.kind == "probe":
        return costs.probe(plan.probes[unit.of]).seconds
    planned = plan.variants[unit.of]
    if unit.kind == "adapt":
        return costs.variant(planned).seconds
    missing = [cell for cell in plan.cells_of(unit.of) if not cell_done(folder, cell)]
    shares = {cell.cell.id: rows_missing(folder, cell) / len(cell.test.examples) for cell in missing}
    return sum(costs.cell(cell).seconds * shares[cell.cell.id] for cell in missing) + costs.loading(planned)


def _title(plan: Plan, unit: Unit) -> str:
    if unit.kind == "prepare":
        return f"making rows of {plan.made[unit.of].recipe.name}"
    if unit.kind == "probe":
        probe = plan.probes[unit.of]
        return f"measuring {probe.use.label} of {plan.variants[probe.variant_id].variant.label}"
    variant = plan.variants[unit.of].variant
    trained = f" on {variant.train_dataset} ({variant.train_size})" if variant.train_size else ""
    return f"{'making' if unit.kind == 'adapt' else 'evaluating'} {variant.label}{trained}"
