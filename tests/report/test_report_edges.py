"""Odd folders: empty, only a base, all failed, files missing or damaged. There is still a report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markup import all_of, read
from synthetic import Shape, build_run, render

from hanka.errors import StoreError
from hanka.report import render_report
from hanka.store.folder import SUMMARY_COLUMNS, RunFolder, write_csv, write_json, write_text


def _report(folder: RunFolder) -> str:
    html = folder.path / "report.html"
    render_report(folder, html, "en")
    text = html.read_text(encoding="utf-8")
    assert read(text).mistakes == []
    return text


def test_an_empty_plan_gives_a_report(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_json(
        folder.plan, {"hanka": "0.1.0", "study": "nothing yet", "protocol": "paper", "variants": [], "cells": []}
    )
    text = _report(folder)
    assert "nothing yet" in text
    assert "No results are stored yet." in text
    assert "No decision is stored" in text
    assert "summary.csv" in text


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is this the folder of a run"):
        render_report(RunFolder(tmp_path), tmp_path / "report.html", "en")
    assert not (tmp_path / "report.html").exists()


def test_a_study_of_base_models_alone_has_values_and_no_differences(tmp_path: Path) -> None:
    text = render(tmp_path, Shape(tasks=(), n=20, shots=(0,)))
    assert "Base model" in text
    assert "Nothing was compared with a base model." in text
    assert "No predictions are stored that a base and an adapted model share." in text


def test_a_study_in_which_everything_failed_lists_the_reasons(tmp_path: Path) -> None:
    text = render(tmp_path, Shape(tasks=("sentiment",), sizes=(64,), shots=(0,), n=20, fail=lambda cell: True))
    assert any("Failed cells: 24" in heading.text for heading in all_of(read(text), "h3"))
    assert "CUDA out of memory" in text
    assert any("0 measured" in fact.text for fact in all_of(read(text), "dd"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = Shape(tasks=("sentiment",), methods=("sft",), sizes=(64,), shots=(0,), n=20)
    return build_run(tmp_path_factory.mktemp("small") / "run", shape).path


@pytest.mark.parametrize("name", ["findings.json", "audits.json", "baselines.csv", "study.yaml", "plan.json", "cells"])
def test_a_missing_part_is_named_and_the_rest_is_shown(name: str, small: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hanka.report.figures.MAX_FIGURES", 0)
    path = Path(shutil.copytree(small, tmp_path / "run"))
    if (path / name).is_dir():
        shutil.rmtree(path / name)
    else:
        (path / name).unlink()
    text = _report(RunFolder(path))
    assert "▲" in text
    assert (name == "cells") or f"Missing or damaged in this folder: <bdi>{name}</bdi>" in text


def test_damaged_files_are_treated_as_missing(small: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hanka.report.figures.MAX_FIGURES", 0)
    path = Path(shutil.copytree(small, tmp_path / "run"))
    (path / "findings.json").write_text('{"decision": ', encoding="utf-8")
    (path / "audits.json").write_text("[]", encoding="utf-8")
    (path / "study.yaml").write_text("a: [", encoding="utf-8")
    for file in path.glob("cells/*/predictions.parquet"):
        file.write_bytes(b"PAR1 not a table")
    (path / "plan.json").write_text((path / "plan.json").read_text().replace('"base-0"', '"../../etc"', 2))
    text = _report(RunFolder(path))
    assert "findings.json, audits.json" in text or "audits.json, findings.json" in text


def test_odd_values_become_empty_ones(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    row = dict.fromkeys(SUMMARY_COLUMNS, "") | {
        "cell_id": "c", "variant_id": "v", "base": "b", "method": "base", "test_task": "t", "test_dataset": "d",
        "relation": "sideways", "shots": "many", "metric": "m", "n": "1e3", "value": "nan", "ci_low": "inf",
    }  # fmt: skip
    write_csv(folder.summary, SUMMARY_COLUMNS, [row])
    write_json(
        folder.findings, {"decision": [], "settings": {"a": 1}, "comparisons": [1, None], "notes": "x", "reproduce": 3}
    )
    write_text(folder.study, "- 1\n- 2\n")
    assert all_of(read(_report(folder)), "section")


def test_prompts_draws_seeds_and_bases_stay_apart(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hanka.report.figures.MAX_FIGURES", 0)
    shape = Shape(
        tasks=("sentiment",), methods=("sft",), sizes=(64,), seeds=(0, 1), shots=(0,), prompts=("p1", "p2"), n=20
    )
    folder = build_run(tmp_path / "run", shape)
    text = _report(folder)
    assert "0-shot</bdi>, prompt <bdi>p1" in text
    assert "0-shot</bdi>, prompt <bdi>p2" in text
    assert "seed\N{NO-BREAK SPACE}1" in text
    plan = json.loads(folder.plan.read_text())
    plan["cells"] = [cell | {"draw": 1} if cell["prompt"] == "p2" else cell for cell in plan["cells"]]
    write_json(folder.plan, plan)
    assert read(_report(folder)).mistakes == []


def test_importing_the_report_is_light_and_it_never_reaches_the_running_side() -> None:
    code = (
        "import sys, hanka.report; light = sorted({'jinja2', 'pyarrow', 'vl_convert', 'yaml'} & set(sys.modules));"
        "import hanka.report.page; heavy = [name for name in sys.modules if name.split('.')[0] in ('torch', 'peft')"
        " or name.startswith(('hanka.run', 'hanka.engines', 'hanka.models', 'hanka.training', 'hanka.methods'))];"
        "print(light, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_a_run_that_is_not_finished_says_so_first_and_calls_no_cell_failed_that_was_not_asked(
    small: Path, tmp_path: Path
) -> None:
    folder = RunFolder(shutil.copytree(small, tmp_path / "run"))
    cells = sorted(one for one in (tmp_path / "run/cells").iterdir())
    said = f"This run is not finished: <bdi>2</bdi> of <bdi>{len(cells)}</bdi> cells have not been asked yet"
    assert said not in _report(folder)
    for cell in cells[:2]:
        shutil.rmtree(cell)
    text = _report(folder)
    assert said in text
    assert text.index('class="cautions"') < text.index(said)
    assert not any("Failed cells:" in heading.text for heading in all_of(read(text), "h3"))
