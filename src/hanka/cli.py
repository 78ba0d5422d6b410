"""The command line: parse, call the library, print. Heavy imports stand inside the commands.

Exit codes: 0 done; 1 finished with failed cells or a failed gate; 2 the input is wrong; 3 inconclusive; 130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from hanka import __version__
from hanka.commands import add_commands
from hanka.commands.log import LOG
from hanka.errors import HankaError

if TYPE_CHECKING:
    from hanka.plan import Plan
    from hanka.run import Outcome, RunOptions
    from hanka.store.folder import RunFolder
    from hanka.work.merging import Layout

app = typer.Typer(
    name="hanka",
    help="What does adapting a language model do to its generalization, and should you adapt it at all?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="Study file (YAML).")]
RunDir = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run.")]
Base = Annotated[Optional[str], typer.Option("--base", metavar="MODEL", help="Use this base model instead.")]  # noqa: UP045
Limit = Annotated[Optional[int], typer.Option("--limit", min=1, metavar="N", help="Cap training and test rows.")]  # noqa: UP045
Data = Annotated[Optional[str], typer.Option("--data", metavar="DIR", help="Folder of the source's files.")]  # noqa: UP045
Train = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--train", metavar="TASK", help="Train on this task alone; the others are tested. May be repeated."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, metavar="N", help="Processes on this machine.")]
INTERRUPTED = 130
"Exit code of Ctrl-C; typer turns the interrupt itself into it."
UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR)
"Paths that cannot be used as asked: the user's to mend."


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        print(f"hanka {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the run.")] = Path("runs/demo"),
    lang: Annotated[Optional[str], typer.Option("--lang", metavar="en|ja", help="Language of the report.")] = None,  # noqa: UP045
) -> None:
    """Run the embedded study: a real pretrained model, real text, no account, no hub."""
    from hanka.run import RunOptions
    from hanka.store.paths import portable_command
    from hanka.study.templates import template_path

    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    outcome = _run(
        template_path("demo"), out, RunOptions(command=portable_command(["hanka", "demo", "--out", str(out)]))
    )
    if lang:
        report(out, None, lang)
    raise typer.Exit(outcome.exit_code)


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="classification, generation, paper or own-data.")] = (
        "classification"
    ),
    to: Annotated[Optional[Path], typer.Option("--to", metavar="FILE", help="Where to write it.")] = None,  # noqa: UP045
) -> None:
    """Write a commented study file from a template."""
    from hanka.errors import StudyError, nearest
    from hanka.store.folder import write_text
    from hanka.study.templates import ROWS, TEMPLATES, template_path

    if name not in TEMPLATES:
        raise StudyError(f"no template {name!r}: {nearest(name, TEMPLATES)}")
    path = to or Path(f"{name}.yaml")
    source = template_path(name)
    written = {path: source} | {path.with_name(rows): source.with_name(rows) for rows in ROWS.get(name, ())}
    taken = next((one for one in written if one.exists()), None)
    if taken is not None:
        raise StudyError(f"{taken} exists and is left as it is; choose another place with --to FILE")
    for one, text in written.items():
        write_text(one, text.read_text(encoding="utf-8"))
    if len(written) > 1:
        print(f"{', '.join(str(one) for one in list(written)[1:])} written: invented rows, to be replaced by your own.")
    print(f"{path} written. Next: hanka validate {path}")


@app.command()
def validate(study: StudyFile, base: Base = None, limit: Limit = None, data: Data = None, train: Train = None) -> None:
    """Check everything that can be checked before any model is loaded."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing is multiplied here, and threads take time to start
    from hanka.datasets import SOURCES
    from hanka.study.resolve import load_study

    found = load_study(study, base, limit, data, train or ())
    source = found.spec.data and SOURCES.get(found.spec.data.source)
    if source and source.is_remote:
        print(f"{study}: keys, names and roles are right. Rows of source {source.name} are checked by plan and run.")
        return
    from hanka.plan import build_plan
    from hanka.plan.written import plan_splits

    plan = build_plan(found)
    _say_blocked(plan)
    _say_audits(plan)
    for name, split in plan_splits(found).items():
        parts = ", ".join(f"{n} {part}" for part, n in split["n_rows"].items())
        print(
            f"{name}: {split['file']} is divided into {parts} rows, {split['n_groups']} groups whole (seed {split['seed']})"
        )
    print(f"{study}: right. {len(plan.variants)} variants, {len(plan.cells)} cells.")


@app.command()
def plan(
    study: StudyFile,
    base: Base = None,
    limit: Limit = None,
    data: Data = None,
    train: Train = None,
    out: Annotated[Optional[Path], typer.Option("--out", metavar="DIR", help="Folder of the run.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Write the criterion beside the study, before the run.")
    ] = False,
) -> None:
    """Print all variants and cells, what is done, token counts, estimated time and disk."""
    from hanka.plan import build_plan
    from hanka.plan.freeze import freeze as write_criterion
    from hanka.store.folder import RunFolder
    from hanka.study.resolve import load_study
    from hanka.terminal.plan_table import describe_plan, print_plan

    built = build_plan(load_study(study, base, limit, data, train or ()))
    description = describe_plan(built, RunFolder(out or _default_out(study)))
    if as_json:
        print(json.dumps(description, ensure_ascii=False, indent=1))
    else:
        _say_blocked(built)
        print_plan(description)
    if freeze:
        path = write_criterion(built, int(description["n_cells_done"]))
        print(f"{path}: frozen. hanka run says whether it was kept.", file=sys.stderr if as_json else sys.stdout)


@app.command()
def run(
    study: StudyFile,
    out: Annotated[Optional[Path], typer.Option("--out", metavar="DIR", help="Folder of the run.")] = None,  # noqa: UP045
    base: Base = None,
    limit: Limit = None,
    data: Data = None,
    train: Train = None,
    workers: Workers = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Run what is missing of a study; the same command again goes on where it stopped.

    Leaves with 0 where everything that was asked for has an answer, and with 1 where a unit, a cell or a row has none.
    """
    from hanka.run import RunOptions
    from hanka.store.paths import portable_command

    folder = out or _default_out(study)
    words = ["hanka", "run", str(study), "--out", str(folder)]
    words += ["--base", base] if base else []
    words += ["--limit", str(limit)] if limit else []
    words += ["--data", data] if data else []
    words += [word for task in train or () for word in ("--train", task)]
    options = RunOptions(base, limit, workers, quiet, portable_command(words), data, tuple(train or ()))
    outcome = _run(study, folder, options)
    raise typer.Exit(outcome.exit_code)


@app.command()
def report(
    folder: RunDir,
    html: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="Where the report goes.")] = None,  # noqa: UP045
    lang: Annotated[Optional[str], typer.Option("--lang", metavar="en|ja", help="Language.")] = None,  # noqa: UP045
) -> None:
    """Rebuild tables, figures and report from stored files; needs no torch."""
    from hanka.run import rebuild
    from hanka.store.folder import RunFolder

    if lang not in (None, "en", "ja"):
        raise HankaError(f"--lang {lang!r}: allowed: en, ja")
    run_folder = RunFolder(folder)
    target = html or run_folder.report
    rebuild(run_folder, target, lang)
    print(f"report: {target}")


@app.command()
def compare(
    folder: RunDir,
    a: Annotated[
        str, typer.Argument(metavar="A", help="Variant: id (or its beginning), or label such as sft; or DIR2.")
    ],
    b: Annotated[
        str | None,
        typer.Argument(metavar="B", help="What it is compared with, or a folder of lm-eval; none after DIR2."),
    ] = None,
) -> None:
    """Compare two variants with all their seeds, two runs, or either with results of lm-eval, on the rows that agree."""
    from hanka.analysis.across import compare_runs, compare_with_harness
    from hanka.analysis.compare import compare_variants
    from hanka.analysis.lm_eval_runs import is_logged
    from hanka.store.folder import RunFolder
    from hanka.terminal.result_tables import print_comparison

    first = RunFolder(folder)
    if is_logged(Path(b or a)):
        print_comparison(compare_with_harness(folder, None if b is None else a, Path(b or a)))
        return
    if is_logged(folder):
        raise HankaError(f"{folder} is of lm-eval; name it last, behind the run and its variant")
    if b is None and not Path(a).is_dir():
        raise HankaError(f"{a!r} is no run folder; give two variants (hanka compare DIR A B) or a second run folder")
    print_comparison(compare_runs(first, RunFolder(Path(a))) if b is None else compare_variants(first, a, b))


@app.command()
def export(
    folder: RunDir,
    to: Annotated[
        str, typer.Option("--to", metavar="FORMAT", help="csv, parquet, lm-eval, model-card, merged or gguf.")
    ],
    out: Annotated[Optional[Path], typer.Option("--out", metavar="DIR", help="Where the files go.")] = None,  # noqa: UP045
    log: Annotated[Path, typer.Option("--log", metavar="DIR", help="Log of decisions, for the cards.")] = LOG,
) -> None:
    """Write a run in an open format, or its variants as whole models that are scored again as exported."""
    from hanka.analysis.export import export_run
    from hanka.operations.ledger.told import governed_variants
    from hanka.store.folder import RunFolder

    if to in ("merged", "gguf"):
        _export_models(RunFolder(folder), out or folder / "export" / to, "gguf" if to == "gguf" else "merged", log)
        return
    governed = governed_variants(log, RunFolder(folder)) if to == "model-card" else None
    for path in export_run(RunFolder(folder), to, out or folder / "export" / to, governed):
        print(path)


def _export_models(folder: RunFolder, out: Path, to: Layout, log: Path) -> None:
    """Fold every variant into a whole model with its card, ask it the variant's own cells again, and say whether it is the same."""
    from hanka.analysis.cards import card_beside
    from hanka.analysis.compare import answers_alike, compare_variants
    from hanka.operations.ledger.told import governed_variants
    from hanka.run import RunOptions, run_study
    from hanka.terminal.result_tables import print_comparison
    from hanka.work.merging import AS_EXPORTED, AS_TUNED, merge_variants

    folder.require_format()
    governed, code = governed_variants(log, folder), 0
    for one in merge_variants(folder, out, lambda what, _share: print(what, flush=True), to):
        print(one.weights)
        if card := card_beside(folder, one.variant, one.weights, governed):
            print(card)
        for note in one.notes:
            print(f"note: {one.title}: {note}", file=sys.stderr)
        outcome = run_study(one.study, out / f"{one.study.stem}-asked", RunOptions(quiet=True))
        asked, code = outcome.folder, max(code, outcome.exit_code)
        if one.is_compared:
            print_comparison(compare_variants(asked, AS_EXPORTED, AS_TUNED))
            same = answers_alike(asked, AS_EXPORTED, AS_TUNED)
            gap = f"; label scores differ by at most {same.largest_nats:.2g} nats" if same.largest_nats else ""
            print(f"{same.n_equal:,} of {same.n:,} answers are the same{gap}")
        print(f"report: {asked.report}")
        print(f"to serve it: {one.how}\nto ask the server: hanka run {one.served}")
    raise typer.Exit(code)


@app.command("list")
def list_entries(
    what: Annotated[
        str,
        typer.Argument(
            metavar="datasets|tasks|methods|tuners|objectives|optimizers|recipes|contexts|metrics|verifiers|guardrails|probes|questions|"
            "engines|sources|models|encoders",
            help="What to list.",
        ),
    ],
    use: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--for", metavar="commercial", help="Of models: only those whose licence allows it."),
    ] = None,
) -> None:
    """List what is registered."""
    from hanka.terminal.listing import print_listing

    print_listing(what, use)


@app.command()
def doctor() -> None:
    """Say what is installed, which devices there are, and how to get what is missing."""
    from hanka.terminal.doctor import print_diagnosis

    print_diagnosis()


add_commands(app)


def _default_out(study: Path) -> Path:
    return Path("runs") / study.stem


def _say_blocked(plan: Plan) -> None:
    """Warn of variants whose published training file has to be fetched by hand."""
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    for reason in dict.fromkeys(planned.blocked for planned in plan.variants.values() if planned.blocked):
        print(f"warning: {reason}", file=sys.stderr)


def _say_audits(plan: Plan) -> None:
    """Warn of what own files hold, before any model is loaded. Raises AuditError where the study is strict."""
    from hanka.audits import audit_rows
    from hanka.terminal.result_tables import audit_line

    if not any(cell.test.dataset.reading for cell in plan.cells.values()):
        return
    audits = audit_rows(plan)
    for warning in audits.as_json()["warnings"]:
        print(audit_line(warning), file=sys.stderr)
    audits.raise_if_strict(plan.study.spec.strict)


def _run(study: Path, folder: Path, options: RunOptions) -> Outcome:
    from hanka.run import run_study
    from hanka.terminal.failures import run_failures
    from hanka.terminal.result_tables import print_headline

    outcome = run_study(study, folder, options)
    if outcome.n_new == 0:
        print(f"Nothing to do: all {outcome.n_cells} cells are there.")
    print_headline(outcome.folder)
    for line in run_failures(outcome.folder):
        print(f"warning: {line}")
    if said := outcome.lacking.lines(outcome.n_cells, outcome.n_probes):
        print(f"not complete: {', '.join(said)}; all reasons are in the report.")
    print(f"report: {outcome.folder.report}")
    return outcome


@cache
def _command() -> Any:
    """Return what typer makes of the functions above, once a process: it takes longer than many a command."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; the one place where errors become lines and exit codes."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Spinning OpenMP threads lose several times their speed as soon as another process wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # pydantic would read what every installed package says of itself, in search of plugins that hanka has no use for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Importing makes many objects and little garbage; the default of 700 is a tenth of a short command.
    gc.set_threshold(10_000)
    try:
        _command()(prog_name="hanka", standalone_mode=True)
    except HankaError as error:
        print(f"hanka: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as leaving:
        if isinstance(leaving, SystemExit) and leaving.code != INTERRUPTED:
            raise
        print("hanka: interrupted; the same command again goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(
                f"hanka: the disk is full ({error.filename or 'while writing'}); free some space and run again",
                file=sys.stderr,
            )
            sys.exit(2)
        if error.errno in UNUSABLE:
            print(f"hanka: {error.filename}: {error.strerror}; choose another path or mend its rights", file=sys.stderr)
            sys.exit(2)
        raise


if __name__ == "__main__":
    main()
