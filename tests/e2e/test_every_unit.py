"""A study with every kind of unit: rows made out of a variant, variants made from variants, cells, probes.

Killed anywhere and run again it ends as an undisturbed run does; what fails takes its children with it and nothing else.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.killed_run import run_killed
from e2e.plugins import install
from e2e.study_files import write_study
from hanka.cli import main
from hanka.run import Outcome, RunOptions, run_study
from hanka.store.folder import read_csv, read_json, read_predictions
from small_studies import bytes_of
from tiny_models import save_tiny_model

QUIET = RunOptions(quiet=True)
TEXT = """\
name: units
base: {base}
data: {{source: toy}}
datasets:
  taught: {{recipe: {{by_teacher: {{of: shop, teacher: sft}}}}}}
tasks: {{sentiment: {{}}, question: {{train: null, out_of_domain: []}}}}
methods:
  - base
  - sft
  - interpolate: {{of: sft, weight: 0.5}}
  - sft: {{name: second, start: interpolate, peft: none}}
  - sft: {{name: pupil, on: taught}}
  - proxy: {{expert: second}}
train: {{sizes: [8], epochs: 2, batch_size: 4, learning_rate: 1.0e-2, checkpoint_seconds: 0}}
eval: {{max_new_tokens: 4, limit: 6}}
probes: [weight_distance]
stats: {{resamples: 200}}
{extra}
"""


@pytest.fixture(scope="module", autouse=True)
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installed package that brings a recipe with a parent, seen by this process and those it starts."""
    place = tmp_path_factory.mktemp("installed")
    (place / "teacher-1.0.dist-info").mkdir()
    (place / "teacher-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: teacher\nVersion: 1.0\n")
    points = "[hanka]\nrecipe.by_teacher = contracts.test_recipes:TEACHER\n"
    (place / "teacher-1.0.dist-info" / "entry_points.txt").write_text(points)
    tests = Path(__file__).parents[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tests))
        install(patch, place)
        yield place


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Outcome]]:
    folder = tmp_path_factory.mktemp("units")
    study = write_study(folder, save_tiny_model(folder / "tiny"), text=TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        yield study, run_study(study, folder / "run", QUIET)


def ids_of(run: Path) -> dict[str, str]:
    return {one["label"]: one["id"] for one in read_json(run / "plan.json")["variants"]}


def made(run: Path, label: str) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run / "variants" / ids_of(run)[label] / "variant.json")
    return found


def outputs(run: Path) -> dict[str, bytes]:
    """Everything a run made but for what says how long it took."""
    found = bytes_of(run, ("variant.json", "cell.json", "probe.json", "train_log.jsonl"))
    parts = ("variants/", "cells/", "probes/", "data/", "summary.csv", "findings.json", "scores.parquet")
    return {name: value for name, value in found.items() if name.startswith(parts)}


def test_every_kind_of_unit_is_carried_out(finished: tuple[Path, Outcome]) -> None:
    run = finished[1].folder.path
    plan = read_json(run / "plan.json")
    assert (finished[1].n_failed, len(plan["data"]), len(plan["probes"])) == (0, 1, 4)
    assert {made(run, label)["status"] for label in ids_of(run)} == {"done"}
    assert made(run, "second")["parents"] == [ids_of(run)["interpolate"]]
    assert made(run, "interpolate")["parents"] == [ids_of(run)["sft"]]
    assert made(run, "proxy")["trained_on"] == ["shop"]
    relations = {one["relation"] for one in plan["cells"] if one["variant_id"] == ids_of(run)["pupil"]}
    assert relations == {"in_domain", "out_of_domain", "cross_task"}


def test_what_a_unit_took_is_said_in_seconds(finished: tuple[Path, Outcome]) -> None:
    run = finished[1].folder.path
    files = [*run.glob("probes/*/probe.json"), *run.glob("cells/*/cell.json"), *run.glob("variants/*/variant.json")]
    assert len({path.name for path in files}) == 3
    assert all(0 <= read_json(path)["seconds"] < 120 for path in files)


def test_the_pupil_learns_what_the_teacher_answers(finished: tuple[Path, Outcome]) -> None:
    run = finished[1].folder.path
    (made_rows,) = (run / "data").iterdir()
    rows = [json.loads(line) for line in (made_rows / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == made(run, "pupil")["record"]["n_examples"] == 8
    assert {row["target"] for row in rows} <= {"positive", "negative"}


def test_a_finished_run_is_left_alone(finished: tuple[Path, Outcome]) -> None:
    study, outcome = finished
    run = outcome.folder.path
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.name != ".lock"}
    again = run_study(study, run, QUIET)
    assert (again.n_new, again.n_failed) == (0, 0)
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.name != ".lock"}


MOMENTS = (
    "write:adapter_config.json",  # an interpolation is half in place
    "write:probe.json",  # the values are there, their record is not
    "training, step 3 of 4",  # all weights train on an interpolation, and a checkpoint is there
    "write:predictions.parquet",
    "write:data.json",  # the rows are there, their record is not
)
"When a process is killed, in the order of the plan: the next one goes on where it was left, and meets the next moment."


@pytest.mark.usefixtures("without_page")
def test_killed_anywhere_and_run_again_it_ends_as_undisturbed(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    """What stood before the first moment is kept from the undisturbed run, so that the first process begins shortly before it."""
    study, outcome = finished
    undisturbed, run = outcome.folder.path, tmp_path / "run"
    shutil.copytree(undisturbed, run)
    undo(run, ("data", "interpolate", "second", "pupil", "proxy", "probes"))
    for moment in MOMENTS:
        assert run_killed(study, run, moment) == -9, moment
        assert not (run / "summary.csv").exists()
    assert run_study(study, run, QUIET).n_failed == 0
    assert outputs(run) == outputs(undisturbed)


def undo(run: Path, parts: tuple[str, ...]) -> None:
    """Take away the tables, whole folders, and the variants and cells of labels."""
    for name in ("state.json", "summary.csv", "findings.json", "scores.parquet"):
        (run / name).unlink()
    ids, cells = ids_of(run), read_json(run / "plan.json")["cells"]
    for part in parts:
        if part not in ids:
            shutil.rmtree(run / part)
            continue
        shutil.rmtree(run / "variants" / ids[part])
        for cell in cells:
            if cell["variant_id"] == ids[part]:
                shutil.rmtree(run / "cells" / cell["id"])


@pytest.mark.usefixtures("without_page")
def test_two_workers_give_the_same_answers_and_summary_as_one(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    study, outcome = finished
    run_study(study, tmp_path / "run", RunOptions(quiet=True, workers=2))
    for folder in ("variants", "probes", "data"):
        two = {name: value for name, value in outputs(tmp_path / "run").items() if name.startswith(folder)}
        assert two == {name: value for name, value in outputs(outcome.folder.path).items() if name.startswith(folder)}
    for cell in read_json(tmp_path / "run/plan.json")["cells"]:
        ours, theirs = (
            read_predictions(one / "cells" / cell["id"])[0] for one in (tmp_path / "run", outcome.folder.path)
        )
        for one, other in zip(ours, theirs, strict=True):
            assert (one.sample_id, one.output) == (other.sample_id, other.output)
            assert one.label_scores == pytest.approx(other.label_scores, abs=1e-4)
    assert read_csv(tmp_path / "run/summary.csv") == read_csv(outcome.folder.summary)


# ---- what fails

FAILING = """\
  - sft: {{name: broken, peft: bitfit}}
  - interpolate: {{name: between, of: broken}}
  - sft: {{name: child, start: broken}}
  - sft: {{name: grandchild, start: child}}
  - proxy: {{name: steered, expert: broken}}
  - sft: {{name: taught by nobody, on: nothing}}
train: {{sizes"""


def test_a_failed_parent_is_the_reason_of_its_children_and_the_rest_is_as_before(
    finished: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, outcome = finished
    run = tmp_path / "run"
    shutil.copytree(outcome.folder.path, run)
    text = TEXT.replace("train: {{sizes", FAILING, 1).replace(
        "tasks:", "  nothing: {{recipe: {{by_teacher: {{of: shop, teacher: broken}}}}}}\ntasks:", 1
    )
    broken = study.with_name("broken.yaml")
    broken.write_text(text.format(base=study.parent / "tiny", extra=""))
    monkeypatch.setattr(sys, "argv", ["hanka", "run", str(broken), "--out", str(run), "--quiet"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert "bitfit trains bias terms, and this model has none" in made(run, "broken")["reason"]
    for label in ("between", "child", "steered"):
        assert made(run, label)["reason"].startswith("broken was not made: bitfit trains bias terms")
    assert made(run, "grandchild")["reason"].startswith("child was not made: broken was not made: bitfit")
    assert made(run, "taught by nobody")["reason"].startswith("the rows of nothing were not made: broken was not made")
    values = {row["cell_id"] + row["metric"]: row["value"] for row in read_csv(run / "summary.csv")}
    for row in read_csv(outcome.folder.summary):
        assert values[row["cell_id"] + row["metric"]] == row["value"]
    failed = {
        ids_of(run)[label] for label in ("broken", "between", "child", "grandchild", "steered", "taught by nobody")
    }
    rows = {cell["id"] for cell in read_json(run / "plan.json")["cells"] if cell["variant_id"] in failed}
    assert all((row["value"] == "") == (row["cell_id"] in rows) for row in read_csv(run / "summary.csv"))


@pytest.mark.usefixtures("without_page")
def test_another_metric_is_not_a_finished_run(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    """No cell changes and nothing is asked again, but the tables are others."""
    for name in ("train", "test"):
        rows = [{"input": f"{name} text {place}", "output": f"text {place}"} for place in range(14)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    study: dict[str, Any] = {
        "name": "metric",
        "base": str(finished[0].parent / "tiny"),
        "datasets": {"mine": {"task": "echo", "train": "train.jsonl", "test": "test.jsonl"}},
        "tasks": {"echo": {"kind": "generation", "prompt": "{input}:", "train": "mine", "in_domain": ["mine"]}},
        "methods": ["base"],
        "eval": {"max_new_tokens": 4, "limit": 6},
        "stats": {"resamples": 200},
    }
    path, run = tmp_path / "study.yaml", tmp_path / "run"
    found = []
    for metric in ("rouge_l", "rouge_1"):
        study["tasks"]["echo"]["metric"] = metric
        path.write_text(yaml.safe_dump(study))
        run_study(path, run, QUIET)
        plan, rows = read_json(run / "plan.json"), read_csv(run / "summary.csv")
        assert plan["tasks"]["echo"]["metrics"][0] == metric
        found.append((plan["cells"], [row["metric"] for row in rows]))
        assert run_study(path, run, QUIET).n_new == 0
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]
