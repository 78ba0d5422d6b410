"""DIR/study.yaml: the study as resolved, every default written out; read again, it is the same plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.plan.written import study_yaml
from hanka.study import load_study
from hanka.study.resolve import resolve
from hanka.study.schema import TaskSpec
from hanka.study.source import parse_source
from own_studies import ROOT, ids, own_data, smallest, study_of


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"protocol": "paper", "tasks": ["sentiment", "summary"], "eval": {"shots": {"generation": [1]}}},
        {"tasks": {"sentiment": {"train": None}, "detection": {}}, "seeds": [3, 1], "train": {"sizes": [4, 8]}},
        {"methods": ["base", {"fticl": {"name": "few", "shots": {"sentiment": 1}, "sizes": [8]}}]},
        {
            "datasets": {"film": {"domain": "shop"}},
            "tasks": {"sentiment": {"in_domain": ["shop", "film"], "out_of_domain": []}},
        },
        {"eval": {"prompts": {"cross_task": ["p1", "p2"]}, "draws": 3, "shots": [0, 2]}, "tokens": {"bos": "always"}},
        {
            "base": ["smollm2-135m-instruct", {"model": "a/b@" + "0" * 40, "trust_remote_code": True}],
            "lang": "ja",
            "strict": True,
        },
    ],
)
def test_the_written_study_is_the_same_plan(changes: dict[str, Any]) -> None:
    study = smallest(**({"train": {"sizes": [8]}} | changes))
    written = resolve(parse_source(study_yaml(study), ROOT / "elsewhere/study.yaml"))
    assert ids(written) == ids(study)
    assert study_yaml(written) == study_yaml(study)


def test_the_written_study_runs_from_anywhere(tmp_path: Path, tiny_folder: Path) -> None:
    values = own_data(tmp_path, base=str(tiny_folder))
    study = study_of(values, tmp_path)
    run = tmp_path / "far/away"
    run.mkdir(parents=True)
    (run / "study.yaml").write_text(study_yaml(study))
    assert ids(load_study(run / "study.yaml")) == ids(study)


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "日本語 × “x”", "  two  spaces ", "a: b # c", "\ttab", "'", "\\"])
def test_the_written_study_keeps_every_character_of_a_prompt(tmp_path: Path, mark: str) -> None:
    values = own_data(tmp_path)
    values["tasks"]["mailtone"]["prompt"] = f"{mark}{{input}}{mark}\n"
    study = study_of(values, tmp_path)
    assert ids(resolve(parse_source(study_yaml(study), tmp_path / "run/study.yaml"))) == ids(study)


def test_the_written_study_holds_overrides_and_every_default(tmp_path: Path) -> None:
    study = study_of(own_data(tmp_path), tmp_path, limit=6)
    values = yaml.safe_load(study_yaml(study))
    assert values["train"]["sizes"] == [6]
    assert values["eval"]["limit"] == 6
    assert set(values["train"]) == set(type(study.spec.train).model_fields)
    assert set(values["eval"]) == set(type(study.spec.eval).model_fields) - {"contexts"}
    assert values["tasks"]["mailtone"]["out_of_domain"] == []
    assert ids(study_of(values, tmp_path / "other")) == ids(study)


def test_the_written_study_holds_every_key_that_a_task_was_given() -> None:
    class Shaded(TaskSpec):
        shade: tuple[str, ...] = ()

    study = smallest()
    tasks = {name: Shaded(shade=("dark",), stop=("END",)) for name in study.spec.tasks}
    study = replace(study, spec=study.spec.model_copy(update={"tasks": tasks}))
    for task in yaml.safe_load(study_yaml(study))["tasks"].values():
        assert (task["shade"], task["stop"]) == (["dark"], ["END"])


def test_the_written_paper_study_is_the_same_plan(paper_data: Path) -> None:
    study = load_study(ROOT / "studies/paper-small.yaml", data=str(paper_data))
    assert yaml.safe_load(study_yaml(study))["data"]["path"] == str(paper_data.resolve())
    assert ids(resolve(parse_source(study_yaml(study), Path("/nowhere/study.yaml")))) == ids(study)


def test_the_written_study_keeps_a_share_of_zero_beside_that_of_the_study(tmp_path: Path) -> None:
    values = own_data(tmp_path, unknown=0.02, broken=0.02)
    values["datasets"]["mails"] |= {"unknown": 0.0, "broken": 0}
    written = resolve(parse_source(study_yaml(study_of(values, tmp_path)), tmp_path / "run/study.yaml"))
    mails = written.spec.datasets["mails"]
    assert (mails.unknown, mails.broken) == (0.0, 0.0)
