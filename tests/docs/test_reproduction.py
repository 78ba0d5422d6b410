"""What docs/reproduction.py keeps of a run gives the findings of the run itself."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from markdown_blocks import ROOT

from fake_runs import STUDY, fake_run, write_study
from hanka.analysis import analyse
from hanka.store.folder import read_json, write_json

STEPS = 40
FIT = {"rows": "train", "metric": "loss", "n": 8, "value": 2.0}


@pytest.fixture(scope="module")
def reproduction() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("hanka_docs_reproduction", ROOT / "docs/reproduction.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_kept_run_gives_the_findings_of_the_run(reproduction: ModuleType, tmp_path: Path) -> None:
    folder = fake_run(write_study(tmp_path), tmp_path / "run")
    log = "".join(json.dumps({"step": step, "loss": 4.0 - step / STEPS}) + "\n" for step in range(1, STEPS + 1))
    for one in read_json(folder.plan)["variants"]:
        if one["train_size"]:
            place = folder.variant(one["id"])
            (place / "train_log.jsonl").write_text(log, encoding="utf-8")
            made = read_json(place / "variant.json")
            write_json(
                place / "variant.json",
                made | {"record": {"fit": [FIT | {"when": when} for when in ("before", "after")]}},
            )
    archive = reproduction.keep(folder.path, tmp_path / "kept")
    analyse(folder)
    findings = read_json(folder.findings)
    assert len(findings["training"][0]["curve"]) == STEPS
    assert reproduction.read(archive).findings == findings
    assert archive.read_bytes() == reproduction.keep(folder.path, tmp_path / "again").read_bytes()


def test_a_study_is_not_taken_for_one_whose_name_goes_on(reproduction: ModuleType, tmp_path: Path) -> None:
    longer = STUDY.replace("name: fake", "name: fake-freely")
    archive = reproduction.keep(fake_run(write_study(tmp_path, longer), tmp_path / "run").path, tmp_path / "kept")
    assert archive.name == "fake-freely-sentiment.tar.xz"
    assert reproduction.stored("fake", tmp_path / "kept") == []
    assert [list(one.trained.values()) for one in reproduction.stored("fake-freely", tmp_path / "kept")] == [
        ["sentiment"]
    ]


def test_the_page_of_a_run_of_several_tasks_has_a_column_for_each(reproduction: ModuleType, tmp_path: Path) -> None:
    both = STUDY.replace("detection: {train: null}", "detection: {}")
    assert both != STUDY
    reproduction.keep(fake_run(write_study(tmp_path, both), tmp_path / "run").path, tmp_path / "kept")
    (run,) = reproduction.stored("fake", tmp_path / "kept")
    assert sorted(run.trained.values()) == ["detection", "sentiment"]
    said = "\n\n".join([reproduction.in_a_minute([run]), *reproduction.statements([run])])
    assert "| claim of the paper | sentiment | detection | here |" in said
    rows = reproduction.rows_of(run)
    assert {row["trained_on"] for row in rows} == set(run.trained)
    assert said.count("| held |") + said.count("| contradicted |") + said.count("| undecided |") == len(rows)
