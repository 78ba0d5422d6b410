"""An entry made from several kept checkpoints of another is as many entries, each with its step; mistakes are one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.plan.written import plan_json, study_yaml
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from planned_studies import planned, resolved, the

FIRST: dict[str, Any] = {"sft": {"name": "first", "peft": "none", "on": "shop", "sizes": [16], "keep_steps": [1, 2]}}


def entries(step: Any, **more: Any) -> list[Any]:
    start = {"of": "first", "size": 16, "step": step}
    return ["base", FIRST, {"sft": {"name": "tuned", "start": start, "on": "shop", "sizes": [4, 8], **more}}]


@pytest.mark.parametrize("step", [[1, 2], [2, 1], "each"])
def test_a_list_of_steps_makes_an_entry_of_every_step(tiny_folder: Path, step: Any) -> None:
    plan = planned(tiny_folder, methods=entries(step), tasks={"sentiment": {}})
    first = the(plan, "first")
    made = [
        (one.variant.label, one.variant.train_size, one.parents[0].step)
        for one in plan.variants.values()
        if one.parents
    ]
    assert sorted(made) == [("tuned@1", 4, 1), ("tuned@1", 8, 1), ("tuned@2", 4, 2), ("tuned@2", 8, 2)]
    assert {one.parents[0].variant_id for one in plan.variants.values() if one.parents} == {first.variant.id}
    assert len({one.variant.id for one in plan.variants.values()}) == len(plan.variants)


def test_an_entry_of_one_step_is_the_work_of_an_entry_of_a_list(tiny_folder: Path) -> None:
    """How a step came to be named is in no id."""
    one = planned(tiny_folder, methods=entries(2), tasks={"sentiment": {}})
    several = planned(tiny_folder, methods=entries([2]), tasks={"sentiment": {}})
    assert list(one.variants) == list(several.variants)


def test_checkpoints_as_they_are_come_from_interpolate(tiny_folder: Path) -> None:
    at = {"interpolate": {"name": "at", "of": {"of": "first", "step": "each"}, "weight": 1}}
    plan = planned(tiny_folder, methods=["base", FIRST, at], tasks={"sentiment": {}})
    assert [the(plan, label).parents[0].step for label in ("at@1", "at@2")] == [1, 2]
    stored = {one["label"]: one for one in plan_json(plan, "hanka run x")["variants"]}
    assert stored["at@2"]["parent_steps"] == [2]
    assert stored["first"]["parent_steps"] == []
    assert stored["first"]["base_kind"] == plan.study.models[0].kind


def test_the_written_study_keeps_the_list_and_is_the_same_plan(tiny_folder: Path) -> None:
    study = resolved(tiny_folder, methods=entries([1, 2]), tasks={"sentiment": {}})
    again = resolve(parse_source(study_yaml(study), tiny_folder.parent / "study.yaml"))
    assert list(build_plan(again).variants) == list(build_plan(study).variants)
    assert "tuned@1" not in study_yaml(study).partition("# ")[0]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ([1, 3], ["keeps no checkpoint of step 3", "1, 2"]),
        ([], ["empty list", "each"]),
        ([1, 1], ["names a step twice"]),
        ([0], ["0 is not a number of steps"]),
        ("every", ["'every'", "each"]),
    ],
)
def test_steps_that_are_none_are_one_line(tiny_folder: Path, step: Any, words: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        planned(tiny_folder, methods=entries(step), tasks={"sentiment": {}})
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)
    assert "study.yaml:" in str(caught.value)


def test_each_step_of_an_entry_that_keeps_none_is_one_line(tiny_folder: Path) -> None:
    tuned = {"sft": {"name": "tuned", "start": {"of": "sft", "step": "each"}, "on": "shop"}}
    with pytest.raises(StudyError, match=r"'sft' keeps no checkpoints; name some under keep_steps"):
        planned(tiny_folder, methods=["base", "sft", tuned], tasks={"sentiment": {}})
    with pytest.raises(StudyError, match="no method is called 'nobody'"):
        planned(tiny_folder, methods=["base", {"sft": {"start": {"of": "nobody", "step": "each"}, "on": "shop"}}])
