"""Training seeds of an entry of `methods`: one variant each, made from the parent of its seed; ids know nothing of where a seed is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import StudyError
from hanka.plan import Plan, build_plan
from hanka.plan.written import study_yaml
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from planned_studies import planned, the, variants

SFT: dict[str, Any] = {"sft": {"on": "shop", "seeds": [0, 1, 2]}}
ONE: dict[str, Any] = {"sft": {"name": "one", "on": "shop", "learning_rate": 0.5}}


def plan_of(folder: Path, *entries: Any, **changes: Any) -> Plan:
    return planned(folder, methods=["base", *entries], **changes)


def seeds_of(plan: Plan, label: str) -> list[int]:
    return [one.variant.seed for one in variants(plan, label)]


def parents_of(plan: Plan, label: str) -> list[list[tuple[str, int]]]:
    """Label and seed of every parent, variant by variant."""
    return [
        [(plan.variants[parent].variant.label, plan.variants[parent].variant.seed) for parent in one.variant.parents]
        for one in variants(plan, label)
    ]


def refused(folder: Path, *entries: Any, **changes: Any) -> str:
    with pytest.raises(StudyError) as caught:
        plan_of(folder, *entries, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_entry_has_its_own_seeds_and_the_others_those_of_the_study(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, SFT, ONE, seeds=[5])
    assert (seeds_of(plan, "sft"), seeds_of(plan, "one")) == ([0, 1, 2], [5])
    assert the(plan, "base").variant.seed == 5
    made = variants(plan, "sft")
    assert len({one.variant.id for one in made}) == 3
    assert {len(plan.cells_of(one.variant.id)) for one in made} == {len(plan.cells_of(the(plan, "one").variant.id))}


def test_ids_are_those_of_the_same_seeds_said_for_the_whole_study(tiny_folder: Path) -> None:
    entry = {"sft": {"on": "shop"}}
    whole, own = plan_of(tiny_folder, entry, seeds=[0, 1, 2]), plan_of(tiny_folder, SFT)
    assert (list(own.variants), list(own.cells)) == (list(whole.variants), list(whole.cells))


def test_seeds_may_differ_by_task(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, {"sft": {"seeds": {"sentiment": [0, 1], "summary": 7}}})
    found = [(one.variant.train_task, one.variant.seed) for one in variants(plan, "sft")]
    assert found == [("sentiment", 0), ("sentiment", 1), ("summary", 7)]


def test_a_stage_starts_from_the_parent_of_its_seed_or_from_the_only_one(tiny_folder: Path) -> None:
    stages = [
        {"sft": {"name": name, "on": "shop", "start": start, "seeds": [1, 2]}}
        for name, start in (("next", "sft"), ("later", "one"))
    ]
    plan = plan_of(tiny_folder, SFT, ONE, *stages)
    assert parents_of(plan, "next") == [[("sft", 1)], [("sft", 2)]]
    assert parents_of(plan, "later") == [[("one", 0)], [("one", 0)]]
    assert seeds_of(plan, "later") == [1, 2]
    assert len({one.variant.id for one in variants(plan, "later")}) == 2


def test_what_is_made_of_parents_has_the_seeds_of_the_first_or_some_of_them(tiny_folder: Path) -> None:
    plan = plan_of(
        tiny_folder, SFT, ONE,
        {"interpolate": {"name": "all", "of": "sft"}},
        {"interpolate": {"name": "two", "of": "sft", "weight": 0.25, "seeds": [2, 0]}},
        {"merge": {"name": "first", "of": ["one", "sft"], "how": "mean"}},
        {"merge": {"name": "both", "of": ["one", "sft"], "how": "ties", "seeds": [0, 2]}},
    )  # fmt: skip
    assert parents_of(plan, "all") == [[("sft", seed)] for seed in (0, 1, 2)]
    assert parents_of(plan, "two") == [[("sft", 2)], [("sft", 0)]]
    assert parents_of(plan, "first") == [[("one", 0), ("sft", 0)]]
    assert parents_of(plan, "both") == [[("one", 0), ("sft", 0)], [("one", 0), ("sft", 2)]]


def test_a_choice_and_a_steered_model_have_the_seeds_of_what_they_are_made_of(tiny_folder: Path) -> None:
    plan = plan_of(
        tiny_folder, SFT, ONE, {"select": {"of": ["sft", "one"], "seeds": [1]}}, {"proxy": {"expert": "sft"}},
        train={"sizes": [8], "validation": 0.2},
    )  # fmt: skip
    assert parents_of(plan, "select") == [[("sft", 1), ("one", 0)]]
    assert parents_of(plan, "proxy") == [[("sft", seed), ("base", 0)] for seed in (0, 1, 2)]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"sft": {"name": "next", "on": "shop", "start": "sft", "seeds": [3]}}, ["'next'", "seed 3", "'sft' has 0, 1, 2"]),
        ({"interpolate": {"of": "sft", "seeds": [0, 4]}}, ["4 is none of them", "allowed: 0, 1, 2"]),
        ({"interpolate": {"of": "one", "seeds": [0, 1, 2]}}, ["1 is none of them", "allowed: 0"]),
        ({"merge": {"of": ["one", "sft"], "how": "dare", "seeds": [7]}}, ["7 is none of them", "allowed: 0, 1, 2"]),
        ({"proxy": {"expert": {"of": "base"}, "seeds": [1]}}, ["1 is none of them", "allowed: 0"]),
        ({"merge": {"of": ["sft", "two"], "how": "mean"}}, ["seed 2", "'two' has 0, 1", "seeds:"]),
    ],
)  # fmt: skip
def test_a_seed_that_no_parent_has_is_one_line(tiny_folder: Path, entry: Any, words: list[str]) -> None:
    two = {"sft": {"name": "two", "on": "shop", "learning_rate": 0.25, "seeds": [0, 1]}}
    said = refused(tiny_folder, SFT, ONE, two, entry)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"existing": {"path": "tuned", "seeds": [1]}}, ["existing makes one variant per base", "take it out"]),
        ({"icl": {"seeds": [0, 1]}}, ["icl draws nothing but its rows", "sample: seeded"]),
        ({"classifier": {"seeds": 3}}, ["classifier draws nothing but its rows", "sample: seeded"]),
        ({"sft": {"seeds": []}}, ["seeds", "an empty list"]),
        ({"sft": {"seeds": [1, 1]}}, ["seeds", "twice"]),
        ({"sft": {"seeds": [-1]}}, ["seeds", "not a whole number"]),
        ({"interpolate": {"of": "one", "seeds": "all"}}, ["seeds", "not a whole number"]),
    ],
)
def test_seeds_where_nothing_is_drawn_and_what_is_no_seed_are_one_line(
    tiny_folder: Path, entry: Any, words: list[str]
) -> None:
    (tiny_folder.parent / "tuned").mkdir(exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        (tiny_folder.parent / "tuned" / name).write_bytes((tiny_folder / name).read_bytes())
    base = [{"model": str(tiny_folder), "name": "tiny"}, {"encoder": "tfidf"}]
    said = refused(tiny_folder, ONE, entry, base=base, eval={"shots": [0], "contexts": ["drawn", "own_rows"]})
    assert all(word in said for word in words), said


def test_a_base_as_it_is_has_no_seeds(tiny_folder: Path) -> None:
    with pytest.raises(StudyError, match="so `seeds` has nothing to say; take it out"):
        planned(tiny_folder, methods=[{"base": {"seeds": [1]}}, ONE])


def test_seeds_that_draw_rows_are_seeds_of_what_trains_nothing_else(tiny_folder: Path) -> None:
    base = [{"model": str(tiny_folder), "name": "tiny"}, {"encoder": "tfidf"}]
    plan = planned(
        tiny_folder, base=base, methods=["base", {"classifier": {"seeds": [1, 2], "sample": "seeded", "on": "shop"}}]
    )
    made = variants(plan, "classifier", "tfidf")
    assert [one.variant.seed for one in made] == [1, 2]
    rows = [[row.id for row in one.training.parts[0].examples] for one in made if one.training]
    assert rows[0] != rows[1]


def test_the_written_study_makes_the_same_plan(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, SFT, ONE, {"interpolate": {"of": "sft", "seeds": [1]}})
    text = study_yaml(plan.study)
    assert [next(iter(one.values())).get("seeds") for one in yaml.safe_load(text)["methods"][1:]] == [
        [0, 1, 2],
        None,
        [1],
    ]
    again = build_plan(resolve(parse_source(text, tiny_folder.parent / "study.yaml")))
    assert list(again.variants) == list(plan.variants)
