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
from own_studies import ROOT, ids, own_data, rewritten, smallest, study_of


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
        {"eval": {"limit": {"classification": 5, "sentiment": None}}},
        {"eval": {"prompts": {"cross_task": ["p1", "p2"]}, "draws": 3, "shots": [0, 2]}, "tokens": {"bos": "always"}},
        {
            "base": ["smollm2-135m-instruct", {"model": "a/b@" + "0" * 40, "trust_remote_code": True}],
            "lang": "ja",
            "strict": True,
        },
        {
            "tasks": ["sentiment", "detection"],
            "methods": [
                "base",
                {"sft": {"peft": {"sentiment": "lora", "detection": "ia3"}, "objective": "kl_base"}},
                {"sft": {"name": "quick", "optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "alpha": 4}},
                {"fticl": {"draw": "per_example", "peft": "bitfit"}},
                "spider",
                {"interpolate": {"of": "spider"}},
                {"proxy": {"expert": "quick"}},
            ],
            "train": {"sizes": [8], "checkpoints": 2, "match": "supervised_tokens"},
            "probes": ["weight_distance"],
            "eval": {"until": "decided", "contexts": ["drawn", {"nearest": {"of": "shop"}}], "shots": [1]},
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
    again = rewritten(study, tmp_path / "far/away")
    assert ids(again) == ids(study)
    assert study_yaml(again) == study_yaml(study)
    assert [one.name for one in again.models] == [one.name for one in study.models] == ["tiny"]


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "日本語 × “x”", "  two  spaces ", "a: b # c", "\ttab", "'", "\\"])
def test_the_written_study_keeps_every_character_of_a_prompt(tmp_path: Path, mark: str) -> None:
    values = own_data(tmp_path)
    values["tasks"]["mailtone"]["prompt"] = f"{mark}{{input}}{mark}\n"
    study = study_of(values, tmp_path)
    assert ids(rewritten(study, tmp_path / "run")) == ids(study)


def test_the_written_study_holds_overrides_and_every_default(tmp_path: Path) -> None:
    study = study_of(own_data(tmp_path), tmp_path, limit=6)
    values = yaml.safe_load(study_yaml(study))
    assert values["train"]["sizes"] == [6]
    assert values["eval"]["limit"] == 6
    assert set(values["train"]) == set(type(study.spec.train).model_fields)
    assert set(values["eval"]) == set(type(study.spec.eval).model_fields) - {"contexts"}
    assert values["tasks"]["mailtone"]["out_of_domain"] == []
    assert ids(study_of(values, tmp_path)) == ids(study)


def test_the_written_study_holds_every_key_that_a_task_was_given() -> None:
    class Shaded(TaskSpec):
        shade: tuple[str, ...] = ()

    study = smallest()
    tasks = {name: Shaded(shade=("dark",), stop=("END",)) for name in study.spec.tasks}
    study = replace(study, spec=study.spec.model_copy(update={"tasks": tasks}))
    for task in yaml.safe_load(study_yaml(study))["tasks"].values():
        assert (task["shade"], task["stop"]) == (["dark"], ["END"])


def test_the_written_paper_study_is_the_same_plan(paper_data: Path, tmp_path: Path) -> None:
    study = load_study(ROOT / "studies/paper-small.yaml", data=str(paper_data))
    assert yaml.safe_load(study_yaml(study))["data"]["path"] == paper_data.resolve().name
    assert ids(rewritten(study, tmp_path)) == ids(study)


def test_the_written_study_keeps_a_share_of_zero_beside_that_of_the_study(tmp_path: Path) -> None:
    values = own_data(tmp_path, unknown=0.02, broken=0.02)
    values["datasets"]["mails"] |= {"unknown": 0.0, "broken": 0}
    written = rewritten(study_of(values, tmp_path), tmp_path / "run")
    mails = written.spec.datasets["mails"]
    assert (mails.unknown, mails.broken) == (0.0, 0.0)


def test_the_written_study_holds_what_each_entry_reads_and_leaves_open() -> None:
    methods = ["base", "sft", {"fticl": {"r": 2, "shots": 1}}, {"interpolate": {"of": "sft"}}]
    study = smallest(methods=methods, train={"sizes": [8], "epochs": 1, "learning_rate": 1e-3, "warmup_ratio": 0.0})
    lora = {"peft": "lora", "alpha": None, "dropout": 0.0, "target_modules": "all-linear", "start": None}
    lora |= {"validation": 0.0, "init": "kaiming", "use_rslora": False, "use_dora": False}
    assert yaml.safe_load(study_yaml(study))["methods"] == [
        "base",
        {"sft": {"r": 8, **lora}},
        {"fticl": {"r": 2, "shots": 1, "draw": "fixed", **lora}},
        {"interpolate": {"of": "sft", "weight": 0.5}},
    ]


def test_what_differs_by_training_set_is_a_comment_of_the_written_study() -> None:
    entry = {"sft": {"peft": {"sentiment": "lora", "detection": "ia3"}}}
    text = study_yaml(smallest(tasks=["sentiment", "detection"], methods=["base", entry], train={"sizes": [8]}))
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# sft: r by default 8 (shop)" in comments
    assert "# sft: target_modules by default all-linear (shop), None (history)" in comments
    assert "r" not in yaml.safe_load(text)["methods"][1]["sft"]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({"kind": "generation"}, ("rouge_l", ["\n\n"], "text")),
        ({"kind": "generation", "verifier": "number"}, ("solved", ["\n\n"], {"number": {"tolerance": 0.0}})),
        ({"kind": "regression", "stop": ["."]}, ("mae", ["."], {"number": {"tolerance": 0.0}})),
    ],
)
def test_the_written_study_says_how_an_own_task_is_judged(
    tmp_path: Path, said: dict[str, Any], written: tuple[Any, ...]
) -> None:
    values = own_data(tmp_path)
    values["tasks"]["mailtone"] = {"prompt": "Mail: {input}\nTone:", "train": "mails", "in_domain": ["mails"]} | said
    study = study_of(values, tmp_path)
    text = study_yaml(study)
    task = yaml.safe_load(text)["tasks"]["mailtone"]
    found = task["verifier"]
    if isinstance(found, dict):
        found = {name: {key: params[key] for key in ("tolerance",)} for name, params in found.items()}
    assert (task["metric"], task["stop"], found) == written
    again = rewritten(study, tmp_path / "run")
    assert again.tasks["mailtone"].task == study.tasks["mailtone"].task


def test_the_written_study_says_how_many_rows_are_asked_between_two_looks() -> None:
    of = {
        name: yaml.safe_load(study_yaml(smallest(eval={"until": name})))["eval"]["block"] for name in (None, "decided")
    }
    assert of == {None: None, "decided": 50}


def test_files_of_one_name_in_two_places_are_told_apart_and_found_again(tmp_path: Path) -> None:
    values = own_data(tmp_path)
    for split in ("train", "test"):
        (tmp_path / "far" / split).mkdir(parents=True)
        place = (tmp_path / f"rows/{split}.csv").rename(tmp_path / "far" / split / "mails.csv")
        values["datasets"]["mails"][split] = str(place)
    (tmp_path / "near").mkdir()
    study = study_of(values, tmp_path / "near")
    mails = yaml.safe_load(study_yaml(study))["datasets"]["mails"]
    assert (mails["train"], mails["test"]) == ("mails.csv", "test/mails.csv")
    assert ids(rewritten(study, tmp_path / "run")) == ids(study)


def test_the_tokenizer_of_random_weights_is_found_again(tmp_path: Path, tiny_folder: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    study = study_of(own_data(tmp_path, base={"fresh": {"tokenizer": str(tiny_folder), **sizes}}), tmp_path)
    assert yaml.safe_load(study_yaml(study))["base"]["fresh"]["tokenizer"] == "tiny"
    assert ids(rewritten(study, tmp_path / "run")) == ids(study)


def test_a_base_may_be_meant_by_the_path_it_was_written_as(tmp_path: Path, tiny_folder: Path) -> None:
    bases = [str(tiny_folder), {"model": "smollm2-135m-instruct", "reference": str(tiny_folder)}]
    study = study_of(own_data(tmp_path, base=bases, methods=["base", {"sft": {"bases": [str(tiny_folder)]}}]), tmp_path)
    values = yaml.safe_load(study_yaml(study))
    assert (values["base"][1]["reference"], values["methods"][1]["sft"]["bases"]) == ("tiny", ["tiny"])
    assert ids(rewritten(study, tmp_path / "run")) == ids(study)
