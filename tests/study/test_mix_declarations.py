"""Families of mixes in a study: every mix a data set of its own, all of them under one name, errors at the line of the family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.plan.written import plan_json, study_yaml
from hanka.study.resolve import resolve
from hanka.study.resolved import Study
from hanka.study.source import parse_source

STUDY: dict[str, Any] = {
    "name": "mixes",
    "base": "smollm2-135m-instruct",
    "data": {"source": "toy"},
    "datasets": {"three": {"mixes": {"of": {"shop": None, "home": 6, "history": None}}}},
    "tasks": ["sentiment", "inference", "detection", "summary"],
    "methods": ["base", {"sft": {"on": "three"}}],
    "train": {"sizes": [8]},
}


def study(**changes: Any) -> Study:
    return resolve(parse_source(yaml.safe_dump(STUDY | changes, sort_keys=False), Path("mixes.yaml")))


def family(**mixes: Any) -> dict[str, Any]:
    return {"datasets": {"three": {"mixes": mixes}}}


def test_a_family_is_a_data_set_for_every_mix_and_an_entry_trains_on_all() -> None:
    found = study()
    names = [
        "three/shop", "three/home", "three/history", "three/shop+home", "three/shop+history", "three/home+history", "three/all",
    ]  # fmt: skip
    assert list(found.recipes) == names
    assert [train.name for train in found.methods[1].trains] == names
    plan = build_plan(found)
    rows = {one.variant.train_dataset: one.variant.train_size for one in plan.variants.values()}
    assert [rows[name] for name in names] == [8, 6, 8, 14, 16, 14, 22]


def test_relations_follow_from_every_set_of_a_mix_but_the_instructions() -> None:
    found = study(
        **family(of=["shop", "home"], general="history", stand="in_every_mix"),
        methods=["base", {"sft": {"on": ["three/all"]}}],
    )
    relations = {
        one.cell.test_dataset: one.cell.relation
        for one in build_plan(found).cells.values()
        if one.cell.variant_id != next(iter(build_plan(found).variants))
    }
    assert relations["shop"] == relations["home"] == "in_domain"
    assert relations["film"] == relations["travel"] == "out_of_domain"
    assert relations["history"] == relations["news"] == "cross_task"


def test_as_sets_instructions_are_members_of_mixes() -> None:
    found = study(**family(of=["shop", "home"], general="history"))
    sources = {name: one.sources for name, one in found.recipes.items()}
    assert sources["three/history"] == ("history",)
    assert sources["three/shop"] == ("shop",)
    assert sources["three/shop+history"] == ("shop", "history")
    assert found.recipes["three/shop+history"].use.params.rows(8) == {"history": 16, "shop": 8}


def test_in_every_mix_instructions_are_added_and_are_no_members() -> None:
    found = study(**family(of=["shop", "home"], general="history", mathematics="news", stand="in_every_mix"))
    assert list(found.recipes) == ["three/shop", "three/home", "three/all"]
    assert found.recipes["three/shop"].use.params.rows(8) == {"history": 8, "news": 4, "shop": 8}


def test_plan_json_says_what_the_rows_of_a_mix_are_there_for() -> None:
    plan = build_plan(
        study(**family(of={"shop": None, "home": 6}, general="history", kinds="all", stand="in_every_mix"))
    )
    written = plan_json(plan, "hanka run")
    ((variant, rows),) = written["training_rows"].items()
    assert plan.variants[variant].variant.train_dataset == "three/all"
    assert rows["asked"] == 8
    assert {part["dataset"]: (part["role"], part["n"]) for part in rows["parts"]} == {
        "shop": ("learnt", 8), "home": ("learnt", 6), "history": ("general", 14),
    }  # fmt: skip


def test_the_written_study_names_every_mix_and_plans_the_same() -> None:
    found = study(**family(of={"shop": None, "home": 6}, general="history"))
    again = resolve(parse_source(study_yaml(found), Path("again.yaml")))
    assert list(build_plan(again).variants) == list(build_plan(found).variants)


def test_one_mix_and_a_family_stand_side_by_side() -> None:
    found = study(methods=["base", {"sft": {"on": ["three/all", "shop"]}}])
    assert [train.name for train in found.methods[1].trains] == ["three/all", "shop"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            family(of=["shop", "hom"]),
            r"mixes.yaml:\d+: datasets.three/hom.recipe.mix.of: unknown data set 'hom': .*home",
        ),
        (family(of=["shop", "shop"]), "shop is named twice"),
        (family(of=["shop"], general="shop"), "shop stands in two places"),
        (family(of=["shop"], kinds=["couples"]), "couples"),
        (family(of=[]), "at least 1"),
        ({"datasets": {"three": {"mixes": {"of": ["shop"]}, "task": "sentiment"}}}, "`task` has nothing to say"),
        ({"methods": ["base", {"sft": {"on": "tree"}}]}, "'tree' is no data set with training rows: .*three"),
    ],
)
def test_mistakes_are_one_line_that_names_the_family(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        study(**changes)
    assert "\n" not in str(caught.value)
