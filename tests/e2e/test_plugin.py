"""A package from outside adds one entry of every kind and runs a study with all of them; a broken one is one line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from runpy import run_path
from subprocess import CompletedProcess
from typing import NamedTuple

import pytest

from e2e.forked import run_command
from e2e.plugins import PACKAGE, REGISTRIES, declared, install, python_path, write_metadata
from hanka.errors import HankaError
from hanka.plan import Plan, build_plan
from hanka.plan.written import digest_of
from hanka.store.folder import RunFolder, read_csv, read_json, read_table
from hanka.study.resolve import load_study
from hanka.terminal.listing import LISTINGS
from tiny_models import save_tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
STUDY = """\
name: extra
base: pocket
data: {source: arithmetic}
datasets:
  once: {recipe: {unique: {of: sums}}}
  labelled: {recipe: {pseudo_labels: {of: sums, teacher: gains}}}
  checks: {task: check, domain: sums, test: checks.jsonl, fields: {input: text, output: answer}}
tasks:
  equation: {}
  check: {kind: generation, verifier: yes_no, metric: solved, prompt: "{input}\\nRight?", in_domain: [checks]}
methods:
  - base
  - sft: {name: plain}
  - sft: {name: gains, peft: norms}
  - sft: {name: smooth, objective: label_smoothing, smoothing: 0.2}
  - sft: {name: once, on: once}
  - sft: {name: student, on: labelled}
  - ensemble: {of: plain}
train: {sizes: [16], epochs: 1, batch_size: 8, learning_rate: 0.01}
eval: {shots: {equation: [0, 2], check: [0]}, limit: 10, max_new_tokens: 4, contexts: [drawn, redrawn]}
probes: [spectral_change]
stats: {resamples: 200}
"""


def lay_out(folder: Path) -> Path:
    """Write the study, its own rows, the metadata of the package, and the hub's cache with its model."""
    hub = folder / "hub/hub/models--hanka-extra--pocket"
    save_tiny_model(hub / "snapshots" / COMMIT)
    (hub / "refs").mkdir()
    (hub / "refs/main").write_text(COMMIT, encoding="utf-8")
    rows = [{"text": f"{at} + 1 = {at + 1 + at % 2}", "answer": "no" if at % 2 else "Yes, it is"} for at in range(12)]
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "extra.yaml").write_text(STUDY, encoding="utf-8")
    write_metadata(folder / "site", declared())
    return folder


def hanka(folder: Path, *arguments: str) -> CompletedProcess[str]:
    """Run the command line in a process of its own where the package is installed, and the hub's cache is the folder's."""
    search = python_path(folder / "site", PACKAGE).split(":")
    return run_command(partial(_offline, folder), ["hanka", *arguments], folder, search)


def _offline(folder: Path) -> None:
    from huggingface_hub import constants

    from hanka.cli import main

    os.environ |= {"HANKA_CACHE": str(folder / "cache"), "COLUMNS": "300"}
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = (
        str(folder / "hub/hub"),
        True,
    )  # read from the environment at import
    main()


class Finished(NamedTuple):
    """A run of the command line."""

    folder: Path
    "Where it was started."
    run: RunFolder
    "What it left."
    said: CompletedProcess[str]
    "What it said."


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def finished(laid_out: Path) -> Finished:
    said = hanka(laid_out, "run", "extra.yaml", "--out", "run", "--quiet")
    return Finished(laid_out, RunFolder(laid_out / "run"), said)


def test_a_study_of_foreign_entries_only_runs_without_a_failed_cell(finished: Finished) -> None:
    assert finished.said.returncode == 0, finished.said.stderr
    plan = read_json(finished.run.plan)
    cells = [read_json(finished.run.cell(cell["id"]) / "cell.json") for cell in plan["cells"]]
    assert {cell["status"] for cell in cells} == {"done"}
    assert {cell["context"] for cell in cells} == {"drawn", "redrawn"}
    assert {variant["label"] for variant in plan["variants"]} == {
        "base", "plain", "gains", "smooth", "once", "student", "ensemble",
    }  # fmt: skip


def test_what_every_entry_does_is_there(finished: Finished) -> None:
    run, plan = finished.run, read_json(finished.run.plan)
    variants = {one["label"]: read_json(run.variant(one["id"]) / "variant.json") for one in plan["variants"]}
    assert variants["gains"]["tuner"] == "norms"
    assert variants["gains"]["n_trained_parameters"] == 5 * 32
    assert variants["smooth"]["params"]["smoothing"] == 0.2
    assert variants["smooth"]["record"]["loss_first"] > variants["plain"]["record"]["loss_first"]
    rows = read_csv(run.summary)
    assert {row["metric"] for row in rows if row["test_task"] == "equation"} == {"balanced_accuracy", "accuracy"}
    assert {row["test_dataset"] for row in rows} == {"sums", "differences", "checks"}
    made = plan["data"]
    assert [(one["recipe"], one["n_rows"]) for one in made] == [("pseudo_labels", 16)]
    values = {
        one["label"]: read_table(run.probe(probe["id"]) / "values.parquet").to_pylist()
        for probe in plan["probes"]
        for one in plan["variants"]
        if one["id"] == probe["variant_id"]
    }
    assert {row["value"] for row in values["gains"]} == {0.0}  # no matrix changes where gains train
    assert max(row["value"] for row in values["plain"]) > 0


def test_the_ensemble_lies_between_its_members(finished: Finished) -> None:
    """The probability of the first label's first token is the mean of both; of a whole label it lies between them."""
    plan = read_json(finished.run.plan)
    labels = {one["id"]: one["label"] for one in plan["variants"]}
    scores: dict[str, list[list[float]]] = {}
    for cell in plan["cells"]:
        if (cell["test_dataset"], cell["shots"]) == ("sums", 0):
            table = read_table(finished.run.cell(cell["id"]) / "predictions.parquet", ("label_scores",))
            scores[labels[cell["variant_id"]]] = [row["label_scores"] for row in table.to_pylist()]
    for both, one, other in zip(scores["ensemble"], scores["base"], scores["plain"], strict=True):
        for joint, first, second in zip(both, one, other, strict=True):
            assert min(first, second) - 1e-6 <= joint <= max(first, second) + 1e-6


def test_the_report_holds_the_answer_the_probe_and_the_metric(finished: Finished) -> None:
    answer = read_json(finished.run.findings)["answers"]["agreement"]
    page = finished.run.report.read_text(encoding="utf-8")
    for said in (
        "agrees least with its base",
        "how often does a variant answer as its base does?",
        "Balanced accuracy",
    ):
        assert said in page
    assert len(answer["rows"]) >= 5
    assert "spectral_change" in page


def test_the_same_command_again_has_nothing_to_do(finished: Finished) -> None:
    again = hanka(finished.folder, "run", "extra.yaml", "--out", "run", "--quiet")
    assert (again.returncode, again.stderr) == (0, "")
    assert "Nothing to do" in again.stdout


def test_the_written_study_is_the_same_plan(finished: Finished, extra: Callable[..., None]) -> None:
    extra()
    assert list(planned(finished.run.study).cells) == [cell["id"] for cell in read_json(finished.run.plan)["cells"]]


# ---- in this process


@pytest.fixture
def extra(laid_out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install the package, or a copy of it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(laid_out / "hub/hub"))

    def added(package: Path = PACKAGE) -> None:
        install(monkeypatch, laid_out / "site", package)

    return added


def planned(study: Path) -> Plan:
    return build_plan(load_study(study))


def ids(plan: Plan) -> dict[str, str]:
    """Name everything in a plan that has an id."""
    labels = {name: one.variant.label for name, one in plan.variants.items()}
    found = {f"variant {labels[name]}": name for name in plan.variants}
    found |= {f"rows {one.recipe.name}": name for name, one in plan.made.items()}
    found |= {f"probe {labels[one.variant_id]}": name for name, one in plan.probes.items()}
    for name, one in plan.cells.items():
        cell = one.cell
        found[f"cell {labels[cell.variant_id]} {cell.test_dataset} {cell.shots} {cell.context}"] = name
    return found


def test_every_kind_is_added_and_listed(extra: Callable[..., None]) -> None:
    extra()
    kinds = {point.partition(".")[0] for point in declared()}
    assert kinds == set(REGISTRIES)
    said = {what: {cell for row in listing.rows()[1] for cell in row} for what, listing in LISTINGS.items()}
    for point in declared():
        kind, _, name = point.partition(".")
        assert name in REGISTRIES[kind]
        assert name in said[f"{kind}s"]


CHANGED: dict[str, Callable[[str], bool]] = {
    "task": lambda name: name not in ("variant base", "cell base checks 0 drawn"),
    "metric": lambda name: False,
    "verifier": lambda name: " checks " in name,
    "method": lambda name: " ensemble" in name,
    "engine": lambda name: name.startswith("cell ensemble "),
    "tuner": lambda name: any(word in name for word in ("gains", "labelled", "student")),
    "objective": lambda name: " smooth" in name,
    "recipe": lambda name: False,
    "parent_recipe": lambda name: any(word in name for word in ("labelled", "student")),
    "context": lambda name: name.endswith(" redrawn"),
    "probe": lambda name: name.startswith("probe "),
    "question": lambda name: False,
}
"""Of which names of a plan the id changes with the version of an entry, by the file it stands in. A recipe that asks nobody is
known by the rows it makes; metrics and questions read what is stored."""


@pytest.mark.parametrize("file", CHANGED)
def test_a_raised_version_changes_the_ids_that_depend_on_it_and_no_others(
    laid_out: Path, tmp_path: Path, extra: Callable[..., None], file: str
) -> None:
    def questions() -> list[tuple[str, int]]:
        return [(one.name, one.version) for one in REGISTRIES["question"]]

    extra()
    before = planned(laid_out / "extra.yaml")
    digest = digest_of(before, questions())
    shutil.copytree(PACKAGE, tmp_path / "copy")
    path = tmp_path / f"copy/hanka_extra/{file}.py"
    text = path.read_text(encoding="utf-8")
    raised = text.replace("version=1,", "version=2,").replace('version="1",', 'version="2",')
    assert raised != text
    path.write_text(raised, encoding="utf-8")
    extra(tmp_path / "copy")
    after = planned(laid_out / "extra.yaml")
    old, new = ids(before), ids(after)
    assert old.keys() == new.keys()
    assert {name for name in old if old[name] != new[name]} == {name for name in old if CHANGED[file](name)}
    assert digest_of(after, questions()) != digest


# ---- what a package touches, and what the contracts ask of it

ROOT = PACKAGE.parents[1]
CONTRACTS = ("contracts/test_registry.py", "contracts/test_tasks.py", "contracts/test_metrics.py", "contracts/test_tuners.py",
             "contracts/test_recipes.py", "contracts/test_contexts.py", "contracts/test_engines.py", "contracts/test_probes.py",
             "contracts/test_questions.py", "contracts/test_guardrails.py", "contracts/test_datasets.py", "contracts/test_models.py", "tasks/test_verifiers.py",
             "training/test_objectives.py")  # fmt: skip


def python(laid_out: Path, *arguments: str) -> CompletedProcess[str]:
    """Run a file of the repository, or `pytest`, where the package is installed."""
    search = python_path(laid_out / "site", PACKAGE, ROOT, ROOT / "tests").split(":")
    call = pytest.console_main if arguments[0] == "pytest" else partial(run_path, arguments[0], run_name="__main__")
    return run_command(call, list(arguments), ROOT, search)


def test_every_entry_is_one_file_and_one_line(laid_out: Path) -> None:
    said = python(laid_out, "docs/entries.py")
    assert said.returncode == 0, said.stderr
    ours = [line for line in said.stdout.splitlines() if "hanka-extra" in line]
    assert len(ours) == len(declared())
    for point, value in declared().items():
        (line,) = [line for line in ours if f" {point} = {value} " in line]
        assert f" {value.partition(':')[0].replace('.', '/')}.py (" in line


def test_the_contracts_of_the_repository_hold_for_them(laid_out: Path) -> None:
    names = {point.partition(".")[2] for point in declared()}
    said = python(
        laid_out, "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", " or ".join(sorted(names)),
        *(f"tests/{name}" for name in CONTRACTS),
    )  # fmt: skip
    assert said.returncode == 0, said.stdout[-3000:]


# ---- what cannot be used


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"metric.gone": "hanka_nowhere:GONE"}, "entry point metric.gone = hanka_nowhere:GONE of broken 0.1 cannot be loaded"),
        ({"metric.sum": "builtins:sum"}, "entry point metric.sum = builtins:sum of broken 0.1 is of type builtin_function"),
        ({"metric.accuracy": "builtins:sum"}, "metric 'accuracy' is added by hanka itself, too; uninstall one of them"),
        ({"metric.balanced_accuracy": "builtins:sum"}, "is added by entry point metric.balanced_accuracy = "),
        ({"metric.f": "hanka_extra.metric:BALANCED_ACCURACY"}, "is named 'balanced_accuracy'; call the entry point"),
    ],
    ids=["import error", "wrong type", "built-in name", "name of another package", "other name"],
)  # fmt: skip
def test_a_broken_package_is_one_line_that_names_the_entry_point(
    tmp_path: Path,
    extra: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    points: dict[str, str],
    says: str,
) -> None:
    extra()
    monkeypatch.syspath_prepend(write_metadata(tmp_path, points, "broken", "0.1"))
    with pytest.raises(HankaError) as caught:
        LISTINGS["metrics"].rows()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "norms" in [one.name for one in REGISTRIES["tuner"]]  # the other kinds are as they were


def test_the_command_line_says_it_without_a_traceback_and_before_any_work(laid_out: Path, tmp_path: Path) -> None:
    write_metadata(tmp_path / "site", declared() | {"tuner.gone": "hanka_nowhere:GONE"})
    for name in ("extra.yaml", "checks.jsonl", "hub"):
        (tmp_path / name).symlink_to(laid_out / name)
    said = hanka(tmp_path, "run", "extra.yaml", "--out", "run", "--quiet")
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith(
        "hanka: entry point tuner.gone = hanka_nowhere:GONE of hanka-extra 1.0 cannot be loaded"
    )
    assert not (tmp_path / "run/variants").exists()
