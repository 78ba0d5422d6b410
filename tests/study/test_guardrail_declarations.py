"""A study says what must not come out: names are checked, files are read once and travel with the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fake_runs import STUDY, fake_run
from hanka.analysis import analyse
from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.plan.written import plan_json, study_yaml
from hanka.store.folder import read_json
from hanka.study.resolve import load_study


def written(folder: Path, guardrails: str) -> Path:
    """Write a toy study with guardrails."""
    path = folder / "study.yaml"
    path.write_text(f"{STUDY}guardrails: {guardrails}\n", encoding="utf-8")
    return path


def test_words_of_a_file_travel_with_the_plan_and_the_study_as_resolved(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("shut up\n", encoding="utf-8")
    path = written(tmp_path, "[refusals, {word_list: {name: rude, file: words.txt}}]")
    study = load_study(path)
    stored = plan_json(build_plan(study), "hanka run")["guardrails"]
    assert stored == [
        {"label": "refusals", "entry": "refusals", "params": {}},
        {"label": "rude", "entry": "word_list", "params": {"words": ["shut up"]}},
    ]
    again: dict[str, Any] = yaml.safe_load(study_yaml(study))
    assert again["guardrails"] == ["refusals", {"word_list": {"name": "rude", "words": ["shut up"]}}]


def test_a_study_that_says_nothing_leaves_it_to_the_report(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(path)
    assert plan_json(build_plan(study), "hanka run")["guardrails"] is None
    assert "guardrails" not in yaml.safe_load(study_yaml(study))


def test_a_run_answers_with_the_guardrails_of_its_study(tmp_path: Path) -> None:
    folder = fake_run(written(tmp_path, "[{word_list: {name: rude, words: [positive]}}]"), tmp_path / "run")
    analyse(folder)
    answer = read_json(folder.findings)["answers"]["guardrails"]
    rows = [dict(zip((one["name"] for one in answer["columns"]), row, strict=True)) for row in answer["rows"]]
    assert {row["guardrail"] for row in rows} == {"rude"}
    assert any(row["guardrail_change"] for row in rows)


@pytest.mark.parametrize(
    ("guardrails", "said"),
    [
        ("[refusal]", "unknown guardrail 'refusal': did you mean 'refusals'"),
        ("[{word_list: {file: gone.txt}}]", "'gone.txt' does not exist"),
        ("[{word_list: {}}]", "without words"),
        ("[{refusals: {beginnin: 3}}]", "did you mean 'beginning'"),
        ("refusals", "not a list such as"),
    ],
)
def test_a_wrong_guardrail_is_one_line_of_the_study(tmp_path: Path, guardrails: str, said: str) -> None:
    with pytest.raises(StudyError) as error:
        load_study(written(tmp_path, guardrails))
    assert said in str(error.value)
    assert "study.yaml:" in str(error.value)
    assert "\n" not in str(error.value)
