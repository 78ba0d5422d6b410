"""How a variant is asked: what its entry wants, what its engine can read, and each question once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanka.engines import ENGINES
from hanka.errors import StudyError
from hanka.plan import Plan
from planned_studies import planned, the

SFT: dict[str, Any] = {"on": "shop"}
CONTEXTS = ["drawn", "nearest"]


def plan_of(folder: Path, *methods: Any, contexts: Any = CONTEXTS, **changes: Any) -> Plan:
    evaluation = {"shots": [0, 2], "limit": 6, "contexts": contexts}
    return planned(folder, tasks={"sentiment": {}}, methods=["base", *methods], eval=evaluation, **changes)


def askings(plan: Plan, label: str) -> list[tuple[int, str]]:
    cells = plan.cells_of(the(plan, label).variant.id)
    return sorted({(one.cell.shots, one.cell.context) for one in cells})


def test_without_demonstrations_contexts_that_insert_nothing_are_one_whoever_is_asked(tiny_folder: Path) -> None:
    plan = plan_of(
        tiny_folder, {"sft": SFT}, {"sft": {**SFT, "name": "near", "r": 4, "asking": {"contexts": ["nearest"]}}}
    )
    assert askings(plan, "sft") == askings(plan, "base") == [(0, "drawn"), (2, "drawn"), (2, "nearest")]
    assert askings(plan, "near") == [(0, "drawn"), (2, "nearest")]


def test_a_context_that_shows_nothing_is_not_in_an_id(tiny_folder: Path) -> None:
    def zero(contexts: list[Any]) -> set[str]:
        plan = plan_of(tiny_folder, contexts=contexts)
        return {name for name, one in plan.cells.items() if not one.cell.shots}

    assert zero(["drawn"]) == zero(["nearest"]) == zero([{"nearest": {"of": "shop"}}])


def test_an_encoder_is_asked_without_demonstrations_and_compared_with_the_same(tiny_folder: Path) -> None:
    bases = [{"model": str(tiny_folder), "name": "tiny"}, {"encoder": "tfidf"}]
    plan = plan_of(tiny_folder, "classifier", base=bases)
    cells = [one.cell for one in plan.cells.values() if plan.variants[one.cell.variant_id].model.kind == "encoder"]
    assert {(one.shots, one.context) for one in cells} == {(0, "drawn")}
    assert {one.test_dataset for one in cells} == {"shop", "film"}
    assert askings(plan, "base") == [(0, "drawn")]


def test_the_engine_is_in_the_id_of_what_it_answered(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(plan_of(tiny_folder).cells)
    local = ENGINES.get("local")
    monkeypatch.setitem(ENGINES._entries, "local", replace(local, version=local.version + 1))
    assert not before & set(plan_of(tiny_folder).cells)


@pytest.mark.parametrize(
    ("asking", "words"),
    [
        ({"contexts": ["nearest", "nowhere"]}, ["asking", "'nowhere'", "drawn"]),
        ({"shots": [7]}, ["asking", "7", "0, 2"]),
    ],
)
def test_an_asking_that_the_study_does_not_have_is_refused(tiny_folder: Path, asking: Any, words: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        plan_of(tiny_folder, {"sft": {**SFT, "asking": asking}})
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("params", [{"asking": {"shots": [0]}}, {"bases": ["tiny"]}])
def test_the_base_as_it_is_answers_whatever_is_compared_with_it(tiny_folder: Path, params: Any) -> None:
    with pytest.raises(StudyError, match="compared with it"):
        planned(tiny_folder, methods=[{"base": params}, "sft"])


def test_training_rows_are_nearest_to_rows_of_their_own_task_alone(tiny_folder: Path) -> None:
    contexts = ["drawn", {"nearest": {"of": "shop"}}]
    evaluation = {"shots": [0, 2], "limit": 6, "contexts": contexts}
    plan = planned(tiny_folder, methods=["base", {"sft": SFT}], eval=evaluation)
    near = {one.cell.test_dataset for one in plan.cells.values() if one.cell.context == "nearest"}
    assert near == {"shop", "film"}
    assert any("nearest does not stand before news" in note for note in plan.notes)


def test_a_context_names_rows_of_the_kind_it_reads(tiny_folder: Path) -> None:
    with pytest.raises(StudyError, match=r"nearest\.of: 'nowhere' is no data set of training rows"):
        plan_of(tiny_folder, contexts=[{"nearest": {"of": "nowhere"}}])
    with pytest.raises(StudyError, match=r"retrieve\.passages: 'shop' is no data set of passages"):
        plan_of(tiny_folder, contexts=[{"retrieve": {"passages": "shop"}}])


def test_a_context_that_is_not_drawn_is_asked_once(tiny_folder: Path) -> None:
    evaluation = {"shots": [0, 2], "draws": 3, "limit": 6, "contexts": ["drawn", "first", "nearest"]}
    plan = planned(tiny_folder, tasks={"sentiment": {}}, methods=["base", {"sft": SFT}], eval=evaluation)
    cells = [one.cell for one in plan.cells_of(the(plan, "sft").variant.id) if one.cell.test_dataset == "shop"]
    drawn = sorted((one.context, one.shots, one.draw) for one in cells)
    assert drawn == [("drawn", 0, 0), *(("drawn", 2, draw) for draw in range(3)), ("first", 2, 0), ("nearest", 2, 0)]


@pytest.mark.parametrize("context", ["drawn", "first", "nearest"])
def test_more_demonstrations_than_there_are_is_an_error_in_every_context(tiny_folder: Path, context: str) -> None:
    with pytest.raises(StudyError, match="500 demonstrations are asked of dataset shop"):
        planned(tiny_folder, methods=["base"], eval={"shots": [500], "contexts": [context]})


def test_what_is_made_from_a_variant_is_asked_other_tasks_as_that_one_is(tiny_folder: Path, tmp_path: Path) -> None:
    """Where a file is a few rows short, the size that the study asks for counts."""
    rows = [{"input": f"text number {n}", "output": "positive" if n % 2 else "negative"} for n in range(99)]
    for name, some in (("mine", rows), ("shown", rows[:2])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in some), encoding="utf-8")
    mine = {"task": "sentiment", "domain": "mail", "train": str(tmp_path / "mine.jsonl")}
    datasets = {"mine": mine | {"demonstrations": str(tmp_path / "shown.jsonl")}}
    evaluation = {"shots": [0], "limit": 6, "cross_task_sizes": [100]}
    methods = ["base", {"sft": {"on": "mine"}}, {"interpolate": {"of": "sft"}}]
    plan = planned(tiny_folder, datasets=datasets, methods=methods, train={"sizes": [100]}, eval=evaluation)
    for label in ("sft", "interpolate"):
        assert the(plan, label).variant.train_size == 99
        relations = {one.cell.relation for one in plan.cells_of(the(plan, label).variant.id)}
        assert "cross_task" in relations, label
