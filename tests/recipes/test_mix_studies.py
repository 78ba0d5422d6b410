"""Mixes and generalists carried out on a tiny model and toy rows: other data than the studies' own, planned, trained, asked and answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.analysis import analyse
from hanka.plan import build_plan
from hanka.plan.written import plan_json
from hanka.store.folder import RunFolder, read_json, write_json
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from small_studies import Carried, carry_out


def carried(tiny: Path, out: Path, study: dict[str, Any]) -> Carried:
    """Plan a study, carry it out, and write what reading it takes."""
    common = {
        "base": {"model": str(tiny), "name": "tiny"},
        "data": {"source": "toy"},
        "eval": {"limit": 6, "max_new_tokens": 4},
        "stats": {"resamples": 200},
    }
    plan = build_plan(resolve(parse_source(yaml.safe_dump(study | common, sort_keys=False), tiny / "study.yaml")))
    found = carry_out(plan, out)
    write_json(found.folder.plan, plan_json(plan, "hanka run"))
    analyse(found.folder)
    return found


@pytest.fixture(scope="module")
def cocktail(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    out = tmp_path_factory.mktemp("cocktail")
    return carried(tiny_folder, out, {
        "name": "cocktail",
        "datasets": {
            "bar": {"mixes": {"of": ["shop", "history"]}},
            "with": {"mixes": {"of": ["shop", "history"], "kinds": "all", "general": "home", "stand": "in_every_mix"}},
        },
        "tasks": {"sentiment": {}, "detection": {}, "inference": {"train": None}},
        "methods": [
            "base",
            {"sft": {"name": "a pass", "on": ["bar", "with"], "epochs": 1}},
            {"sft": {"name": "equal steps", "on": "bar", "steps": 3}},
            {"sft": {"name": "equal tokens", "on": "bar", "total_tokens": 300}},
        ],
        "train": {"sizes": [6], "batch_size": 4, "learning_rate": 1e-2},
    })  # fmt: skip


def answers(run: Carried) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run.folder.findings)["answers"]
    return found


def test_a_cocktail_of_other_sets_is_trained_and_answered(cocktail: Carried) -> None:
    answer = answers(cocktail)["cocktail"]
    names = [column["name"] for column in answer["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in answer["rows"]]
    gains = [row for row in rows if row["mix_kind"] == "gain" and row["mix"] == "history + shop"]
    assert {row["method"] for row in gains} == {"a pass", "equal steps", "equal tokens"}
    assert all(row["mix_difference"]["n"] == 6 for row in gains)
    assert {row["mix_target"] for row in gains} == {"shop", "history"}
    assert any(row["mix_kind"] == "own" for row in rows)


def test_the_arms_are_as_long_as_they_say(cocktail: Carried) -> None:
    steps: dict[str, set[int]] = {}
    tokens: dict[str, list[int]] = {}
    for planned in cocktail.plan.variants.values():
        if not planned.variant.is_unadapted:
            record = read_json(cocktail.folder.variant(planned.variant.id) / "variant.json")["record"]
            steps.setdefault(planned.variant.label, set()).add(record["steps"])
            tokens.setdefault(planned.variant.label, []).append(record["n_tokens"])
    assert steps["equal steps"] == {3}
    assert steps["a pass"] == {2, 3, 6}  # 6 rows, 12 and 24 by 4
    assert all(300 <= n < 300 + 4 * 200 for n in tokens["equal tokens"])


def test_a_generalist_stage_and_a_joint_training_are_trained_and_answered(tiny_folder: Path, tmp_path: Path) -> None:
    facts = "id,relation,input,output\n" + "".join(
        f"c{n},capital,The capital of land {n} is,City{n}\n" for n in range(12)
    )
    (tiny_folder / "facts.csv").write_text(facts, encoding="utf-8")
    run = carried(tiny_folder, tmp_path, {
        "name": "generalist",
        "datasets": {
            "joint": {"recipe": {"mix": {"of": "shop", "general": "home", "general_rows": 6}}},
            "wrong": {"recipe": {"mix": {"of": "shop", "general": "home", "general_rows": 6, "facts": "told", "facts_rows": 4}}},
            "told": {"task": "facts", "domain": "facts", "train": "facts.csv", "slices": ["relation"]},
            "asked": {"task": "facts", "domain": "facts", "test": "facts.csv"},
        },
        "tasks": {"sentiment": {}, "inference": {"train": None}, "facts": {"train": None, "in_domain": ["asked"]}},
        "methods": [
            "base",
            {"sft": {"name": "none", "on": "shop"}},
            {"sft": {"name": "stage", "on": "home"}},
            {"sft": {"name": "first", "on": "shop", "start": {"of": "stage", "train": "home", "size": 6}}},
            {"sft": {"name": "joint", "on": ["joint", "wrong"]}},
        ],
        "train": {"sizes": [6], "batch_size": 4, "epochs": 1, "learning_rate": 1e-2},
    })  # fmt: skip
    answer = answers(run)["generalist"]
    names = [column["name"] for column in answer["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in answer["rows"]]
    assert {(row["generalist_kind"], row["generalist_way"]) for row in rows} == {
        ("gain", "joint"), ("gain", "first"), ("away", "joint"), ("away", "first"), ("false_facts", "joint"), ("no_facts", "joint"),
    }  # fmt: skip
    first = next(row for row in rows if row["generalist_way"] == "first")
    assert first["steps_ratio"] == 2.0
    assert first["coverage_pairs"] == 1  # labels of one task, a word each
    plan = read_json(RunFolder(tmp_path).plan)
    assert len(plan["training_rows"]) == 5
