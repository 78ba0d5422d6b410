"""No file of a run that is meant to be shared says where on a machine the study, its rows or its models lie."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.cli import main
from hanka.errors import HankaError
from hanka.plan import build_plan
from hanka.plan.written import study_yaml
from hanka.store.folder import read_json
from hanka.study.resolve import load_study
from own_studies import own_data
from tiny_models import save_tiny_model

SECRET = "Frau Maier's notes"
"Part of a path that belongs to nobody else."
LOCAL = (".places.json", "error.txt")
"Files of a run that may say where things are; docs/files.md says why."


def hanka(*words: str | Path, code: int = 0) -> None:
    """Run the command line in this process; it has to leave with a code."""
    given = sys.argv
    sys.argv = ["hanka", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as leaving:
            main()
    finally:
        sys.argv = given
    assert (leaving.value.code or 0) == code, words


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a base, weights tuned on it, rows beside the study and rows elsewhere; the cache is in it, too."""
    folder = tmp_path_factory.mktemp("home") / SECRET
    save_tiny_model(folder / "models/tiny")
    before = dict(os.environ)
    os.environ["HANKA_CACHE"] = str(folder / "cache")
    values = study(folder, [{"sft": {"r": 2, "epochs": 1}}])
    hanka("run", write(folder / "tune/study.yaml", values), "--out", folder / "tune/run", "--quiet")
    (made,) = [one for one in read_json(folder / "tune/run/plan.json")["variants"] if one["method"] == "sft"]
    shutil.copytree(folder / "tune/run/variants" / made["id"], folder / "adapter")
    yield folder
    os.environ.clear()
    os.environ.update(before)


def study(folder: Path, methods: list[Any], **changes: Any) -> dict[str, Any]:
    """A study whose base and test rows are named by absolute paths; training rows stand beside it."""
    (folder / "tune").mkdir(exist_ok=True)
    values = own_data(folder / "tune", base=str(folder / "models/tiny"), stats={"resamples": 200})
    shutil.copyfile(folder / "tune/rows/test.csv", folder / "models/test.csv")
    values["datasets"]["mails"]["test"] = str(folder / "models/test.csv")
    return values | {"methods": ["base", *methods], "train": {"sizes": [8], "batch_size": 8}} | changes


def write(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def telling(folder: Path) -> dict[str, str]:
    """Return by file what stands around the secret, in whatever way a file may spell it."""
    spelt = {SECRET, json.dumps(SECRET)[1:-1], SECRET.replace("'", "&#39;"), SECRET.replace("'", "''")}
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.name.endswith(LOCAL)):
        text = path.read_bytes().decode("utf-8", "replace")
        at = next((text.find(one) for one in spelt if one in text), -1)
        if at >= 0:
            found[str(path.relative_to(folder))] = text[max(0, at - 80) : at + 60]
    return found


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    entries = [
        {"sft": {"r": 2, "epochs": 1}},
        {"existing": {"path": str(home / "adapter"), "trained_on": ["mails"]}},
        {"sft": {"name": "broken", "max_length": 8}},
    ]
    path = write(home / "tune/shown.yaml", study(home, entries))
    hanka("run", path, "--out", home / "out", "--quiet", code=1)  # one entry is broken
    return home / "out"


def test_no_file_of_a_run_says_where_things_lie(run: Path) -> None:
    assert telling(run) == {}


@pytest.mark.parametrize("to", ["csv", "parquet", "lm-eval", "model-card"])
def test_no_export_says_where_things_lie(run: Path, tmp_path: Path, to: str) -> None:
    hanka("export", run, "--to", to, "--out", tmp_path / to)
    assert list((tmp_path / to).rglob("*"))
    assert telling(tmp_path / to) == {}


def test_the_study_of_a_run_is_run_again_from_its_folder_and_has_the_same_ids(run: Path, tmp_path: Path) -> None:
    again = build_plan(load_study(run / "study.yaml"))
    plan = read_json(run / "plan.json")
    assert list(again.variants) == [one["id"] for one in plan["variants"]]
    assert list(again.cells) == [one["id"] for one in plan["cells"]]
    hanka("run", run / "study.yaml", "--out", tmp_path / "again", "--quiet", code=1)
    for name in ("study.yaml", "summary.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes()
    assert read_json(tmp_path / "again/plan.json")["reproduce"]["study_sha256"] == plan["reproduce"]["study_sha256"]


def test_the_study_of_a_run_shows_what_lies_beside_it_by_its_relative_path_and_others_by_name(run: Path) -> None:
    values = yaml.safe_load((run / "study.yaml").read_text(encoding="utf-8"))
    mails = values["datasets"]["mails"]
    assert (values["base"], mails["train"], mails["test"]) == ("tiny", "rows/train.csv", "test.csv")
    (existing,) = [one["existing"] for one in values["methods"] if "existing" in one]
    assert existing["path"] == "adapter"


def test_without_its_places_a_study_looks_beside_itself_and_says_so_in_one_line(run: Path, tmp_path: Path) -> None:
    shutil.copyfile(run / "study.yaml", tmp_path / "study.yaml")
    with pytest.raises(HankaError, match=r"datasets\.mails\.train: 'rows/train\.csv' does not exist"):
        load_study(tmp_path / "study.yaml")


def test_the_same_study_in_another_folder_has_the_same_text_and_hash(home: Path, run: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "tune", tmp_path / "moved")
    moved = build_plan(load_study(tmp_path / "moved/shown.yaml"))
    assert study_yaml(moved.study) == (run / "study.yaml").read_text(encoding="utf-8")


def test_an_exported_model_comes_with_studies_that_say_no_place(run: Path, home: Path) -> None:
    hanka("export", run, "--to", "merged", "--out", home / "merged")
    assert len(list((home / "merged").glob("*-asked/report.html"))) == 2
    assert telling(home / "merged") == {}
