"""Comparing and exporting runs: what cannot be read is one line, and nothing that differs is put together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_runs import fake_run, write_study
from hanka.analysis import analyse
from hanka.analysis.compare import compare_variants
from hanka.analysis.export import export_run
from hanka.errors import HankaError, StoreError
from hanka.run import rebuild
from hanka.store.folder import RunFolder, read_json, write_json
from hanka.terminal.result_tables import print_headline

STUDY = """\
name: fake
base: smollm2-135m-instruct
data: {source: toy}
datasets: {half: {recipe: {subset: {of: shop, share: 0.5}}}}
tasks: {sentiment: {}}
methods: [base, {sft: {on: [shop, half]}}]
train: {sizes: [8]}
eval: {shots: [0, 2], contexts: [drawn, first]}
stats: {resamples: 200}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with two training sets and two contexts, made up and analysed."""
    folder = tmp_path_factory.mktemp("reading")
    found = fake_run(write_study(folder, STUDY), folder / "run")
    analyse(found)
    return found


@pytest.mark.parametrize(
    "read",
    [
        lambda run, out: rebuild(run, out / "report.html", None),
        lambda run, out: compare_variants(run, "sft", "base"),
        lambda run, out: export_run(run, "csv", out),
    ],
    ids=["report", "compare", "export"],
)
def test_a_folder_of_another_format_is_one_line(tmp_path: Path, read: Callable[[RunFolder, Path], Any]) -> None:
    old = RunFolder(tmp_path / "old")
    write_json(old.plan, {"hanka": "0.1.0", "variants": [], "cells": [{"id": "x"}]})
    with pytest.raises(StoreError, match=r"written by hanka 0\.1\.0 in format 1, and this one reads format 3"):
        read(old, tmp_path)


def test_variants_of_two_training_sets_are_two_candidates(run: RunFolder) -> None:
    (entry,) = read_json(run.findings)["decision"]["per_task"]
    plan = read_json(run.plan)
    trained = {one["train_dataset"] for one in plan["variants"] if one["method"] == "sft"}
    assert {one["train_dataset"] for one in entry["systems"]} == trained == {"shop", "half"}
    assert {one["benefits"][0]["tests"][0] for one in entry["systems"]} == {"shop"}


def test_less_is_better_in_a_comparison_where_the_metric_says_so(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hanka.metrics import METRICS

    shop = next(one for one in read_json(run.plan)["variants"] if one["train_dataset"] == "shop")
    before = compare_variants(run, shop["id"], "base")["rows"]
    accuracy = METRICS.get("accuracy")
    flipped = type(accuracy)(
        **{name: getattr(accuracy, name) for name in accuracy.__slots__} | {"higher_is_better": False}
    )
    monkeypatch.setitem(METRICS._entries, "accuracy", flipped)
    after = compare_variants(run, shop["id"], "base")["rows"]
    turned = {"better": "worse", "worse": "better"}
    assert [turned.get(one["verdict"], one["verdict"]) for one in before] == [one["verdict"] for one in after]
    assert {one["verdict"] for one in before} & set(turned)


def test_lm_eval_files_keep_contexts_apart(run: RunFolder, tmp_path: Path) -> None:
    export_run(run, "lm-eval", tmp_path)
    base = next(one for one in read_json(run.plan)["variants"] if one["method"] == "base")
    asked = [one for one in read_json(run.plan)["cells"] if one["variant_id"] == base["id"]]
    results = json.loads((tmp_path / f"results_{base['id']}.json").read_text(encoding="utf-8"))
    assert len(results["results"]) == len(asked)
    assert len(list(tmp_path.glob(f"samples_*_{base['id']}.jsonl"))) == len(asked)


def test_a_model_card_names_the_library_that_loads_it_and_no_loss_that_is_not_there(
    run: RunFolder, tmp_path: Path
) -> None:
    variant = next(one for one in read_json(run.plan)["variants"] if one["train_dataset"] == "shop")
    path = run.variant(variant["id"]) / "variant.json"
    write_json(path, read_json(path) | {"record": {}})
    files = {"weights.safetensors": "hanka", "config.json": "transformers", "adapter_config.json": "peft"}
    for file, library in files.items():
        for other in files:
            (path.parent / other).unlink(missing_ok=True)
        (path.parent / file).touch()
        export_run(run, "model-card", tmp_path)
        text = (tmp_path / f"{variant['id']}.md").read_text(encoding="utf-8")
        assert f"library_name: {library}\n" in text
        assert "nan" not in text
        assert "Supervised tokens" not in text


def test_the_headline_tells_bases_and_contexts_apart_where_there_are_several(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    print_headline(run)
    head = next(line for line in capsys.readouterr().out.splitlines() if "trained on" in line)
    assert "context" in head
    assert "base" not in head.replace("Δ base", "")
    assert "seed" not in head


def test_the_headline_tells_seeds_apart_where_there_are_several(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    plan = read_json(folder.plan)
    plan["variants"][-1]["seed"] += 1
    write_json(folder.plan, plan)
    print_headline(folder)
    assert "┃ seed ┃" in next(line for line in capsys.readouterr().out.splitlines() if "trained on" in line)


def test_variants_of_several_bases_are_told_apart_in_a_comparison(run: RunFolder, tmp_path: Path) -> None:
    plan = read_json(run.plan)
    first = next(one for one in plan["variants"] if one["train_dataset"] == "shop")
    plan["variants"].append(first | {"id": "f" * 16, "base": "another"})
    write_json(tmp_path / "plan.json", plan)
    with pytest.raises(HankaError, match=r"sft/shop/8/seed0/smollm2.*sft/shop/8/seed0/another"):
        compare_variants(RunFolder(tmp_path), "sft", "base")
