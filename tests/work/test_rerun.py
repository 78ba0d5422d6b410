"""A rerun of a finished study does next to nothing, and still notices what is missing or damaged."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_runs import fake_run, write_study
from hanka import run
from hanka.analysis import analyse
from hanka.plan import Plan, build_plan
from hanka.report import render_report
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, write_json
from hanka.study.resolve import load_study
from hanka.terminal import result_tables
from hanka.work import adapt, cells
from test_layers import HEAVY, libraries_of


def finish(folder: Path) -> tuple[Path, Plan, RunFolder]:
    """A made-up run as a finished one leaves it."""
    study = write_study(folder)
    made = fake_run(study, folder / "run")
    plan = build_plan(load_study(study))
    for name, one in plan.variants.items():
        for file in ("adapter_config.json", "adapter_model.safetensors") if one.training else ():
            (made.variant(name) / file).touch()
    analyse(made)
    render_report(made, made.report)
    write_json(made.path / "state.json", {"digest": run._digest(plan)})
    return study, plan, made


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan, RunFolder]:
    return finish(tmp_path_factory.mktemp("finished"))


def test_a_finished_study_is_left_alone_and_each_cell_is_read_once(
    finished: tuple[Path, Plan, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, plan, made = finished
    read: Counter[str] = Counter()
    take = adapt.read_json_or_none

    def count(path: Path) -> Any:
        read[path.parent.name] += 1
        return take(path)

    for module in (adapt, cells):
        monkeypatch.setattr(module, "read_json_or_none", count)
    before = {path: path.stat().st_mtime_ns for path in made.path.rglob("*") if path.name != ".lock"}
    outcome = run_study(study, made.path, RunOptions(quiet=True))
    assert (outcome.n_new, outcome.n_failed, outcome.n_cells) == (0, 0, len(plan.cells))
    assert read == Counter([*plan.cells, *plan.variants])
    assert before == {path: path.stat().st_mtime_ns for path in made.path.rglob("*") if path.name != ".lock"}


def test_a_rerun_loads_neither_models_nor_statistics_nor_figures(
    finished: tuple[Path, Plan, RunFolder], tmp_path: Path
) -> None:
    study, _, made = finished
    found = libraries_of(["run", str(study), "--out", str(made.path)], folder=tmp_path)
    assert not found & (HEAVY | {"scipy", "pyarrow", "vl_convert", "jinja2", "pandas", "duckdb"})


def gone(cell: Path) -> None:
    shutil.rmtree(cell)


def without_record(cell: Path) -> None:
    (cell / "cell.json").unlink()


def without_predictions(cell: Path) -> None:
    (cell / "predictions.parquet").unlink()


def cut(cell: Path) -> None:
    record = cell / "cell.json"
    record.write_bytes(record.read_bytes()[:-20])


def not_text(cell: Path) -> None:
    (cell / "cell.json").write_bytes(b"\xff\xfe\x00")


def failed(cell: Path) -> None:
    write_json(cell / "cell.json", {"status": "failed"})


@pytest.mark.parametrize("damage", [gone, without_record, without_predictions, cut, not_text, failed])
def test_a_missing_or_damaged_cell_is_asked_again(
    finished: tuple[Path, Plan, RunFolder], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    _, plan, made = finished
    shutil.copytree(made.path, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    assert all(run._done(plan, folder, unit) for unit in plan.units())
    one = list(plan.cells.values())[-1].cell
    damage(folder.cell(one.id))
    todo = [unit.id for unit in plan.units() if not run._done(plan, folder, unit)]
    assert todo == [f"evaluate:{one.variant_id}"]


def test_the_headline_of_a_large_study_is_cut_and_says_so(
    finished: tuple[Path, Plan, RunFolder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, plan, made = finished
    result_tables.print_headline(made)
    whole = capsys.readouterr().out
    monkeypatch.setattr(result_tables, "MOST_ROWS", 3)
    result_tables.print_headline(made)
    cut_off = capsys.readouterr().out
    assert whole.count("accuracy") > cut_off.count("accuracy") >= 3
    assert "The first" not in whole
    assert f"The first 3 of {len(plan.cells)} cells" in cut_off
