"""Rows of a variant as demonstrations: which are shown, who is asked this way, what stands in the id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StudyError
from hanka.plan import Plan, PlannedCell, PlannedVariant
from hanka.plan.cells import cells_of
from hanka.records import Example
from hanka.study.rows import training_set
from planned_studies import planned, the, variants

BOTH: list[Any] = ["base", "sft", "icl"]
SHOWN: dict[str, Any] = {"shots": [0], "limit": 6, "contexts": ["drawn", "own_rows"]}


def plan_of(folder: Path, methods: list[Any] = BOTH, **changes: Any) -> Plan:
    train = {"sizes": [4, 8], "sample": "balanced"} | changes.pop("train", {})
    values: dict[str, Any] = {"tasks": {"sentiment": {}}, "methods": methods, "eval": SHOWN, "train": train}
    return planned(folder, **values | changes)


def own(plan: Plan, variant: PlannedVariant, test: str = "shop") -> PlannedCell:
    (found,) = [
        one
        for one in plan.cells_of(variant.variant.id)
        if (one.cell.test_dataset, one.cell.context) == (test, "own_rows")
    ]
    return found


def trained(variant: PlannedVariant) -> list[str]:
    assert variant.training is not None
    return [row.id for part in variant.training.parts for row in part.examples]


def test_the_rows_shown_are_the_rows_trained_on_whoever_is_asked(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, seeds=[0, 1])
    shown = {}
    for label in ("sft", "icl"):
        for variant in variants(plan, label):
            for test in ("shop", "film"):
                cell = own(plan, variant, test)
                assert [one.id for one in cell.demonstrations] == trained(variant)
                assert cell.cell.shots == variant.variant.train_size
            shown[label, variant.variant.train_size, variant.variant.seed] = trained(variant)
    assert {key[1:]: rows for key, rows in shown.items() if key[0] == "sft"} == {
        key[1:]: rows for key, rows in shown.items() if key[0] == "icl"
    }
    assert shown["icl", 4, 0] == shown["icl", 8, 0][:4]
    assert shown["icl", 8, 0] != shown["icl", 8, 1]


def test_rows_that_are_set_aside_to_validate_on_are_neither_trained_on_nor_shown(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, train={"sizes": [8], "checkpoints": 2})
    trains, shows = the(plan, "sft"), the(plan, "icl")
    assert trained(trains) == trained(shows) == [one.id for one in own(plan, shows).demonstrations]
    assert trains.training is not None
    aside = {row.id for part in trains.training.parts for row in part.validation}
    assert aside
    assert aside.isdisjoint(trained(shows))


def test_labels_of_the_shown_rows_are_balanced(tiny_folder: Path) -> None:
    for variant in variants(plan_of(tiny_folder, seeds=[0, 1, 2]), "icl"):
        targets = [one.target for one in own(plan_of(tiny_folder, seeds=[0, 1, 2]), variant).demonstrations]
        assert targets.count("positive") == targets.count("negative") == variant.variant.train_size // 2


def test_rows_alone_are_asked_one_way_and_a_base_none_of_it(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, train={"sizes": [4]})

    def askings(label: str) -> set[tuple[int, str]]:
        return {(one.cell.shots, one.cell.context) for one in plan.cells_of(the(plan, label).variant.id)}

    assert askings("icl") == {(4, "own_rows")}
    assert askings("sft") == {(0, "drawn"), (4, "own_rows")}
    assert askings("base") == {(0, "drawn")}


def test_a_base_is_asked_at_zero_shots_where_only_rows_are_shown(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, ["base", "icl"])
    cells = plan.cells_of(the(plan, "base").variant.id)
    assert {(one.cell.test_dataset, one.cell.shots) for one in cells} == {("shop", 0), ("film", 0)}


def test_who_wants_other_contexts_is_not_asked_with_its_rows(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, ["base", {"sft": {"asking": {"contexts": ["drawn"]}}}], train={"sizes": [4]})
    assert {one.cell.context for one in plan.cells_of(the(plan, "sft").variant.id)} == {"drawn"}


def test_other_rows_and_another_order_are_other_cells(tiny_folder: Path) -> None:
    def cells(**train: Any) -> dict[str, str]:
        plan = plan_of(tiny_folder, ["base", {"sft": {"on": "shop"}}, "icl"], train={"sizes": [4], **train})
        return {label: own(plan, the(plan, label)).cell.id for label in ("sft", "icl")}

    assert cells() == cells()
    found = [cells(sample=how)["icl"] for how in ("balanced", "seeded", "first")] + [cells(sizes=[8])["icl"]]
    assert len(set(found)) == 4


def test_rows_that_are_test_rows_are_not_shown_and_that_is_said(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, ["base", "icl"], train={"sizes": [4]})
    variant = the(plan, "icl")
    assert variant.training is not None
    (part,) = variant.training.parts
    test = own(plan, variant).test.examples[0]
    leaked = Example("leaked", {name: f"{text} ".upper() for name, text in test.fields.items()}, test.target)
    rows = training_set("shop", [replace(part, examples=(leaked, *part.examples))], 5)
    found = {one.cell.test_dataset: one for one in cells_of(plan, replace(variant, training=rows))}
    assert [one.id for one in found["shop"].demonstrations] == trained(variant)
    assert (found["shop"].cell.shots, found["film"].cell.shots) == (4, 5)
    assert any("own_rows shows 1 fewer than the 5 rows of icl (seed 0) before shop" in note for note in plan.notes)


def test_of_a_mix_only_rows_of_the_asked_task_are_shown(tiny_folder: Path) -> None:
    mix = {"mix": {"recipe": {"concat": {"of": {"shop": 0.5, "news": 0.5}}}}}
    plan = planned(
        tiny_folder, datasets=mix, methods=["base", {"icl": {"on": "mix"}}], eval=SHOWN, train={"sizes": [8]}
    )
    variant = the(plan, "icl")
    assert variant.training is not None
    by_task = {part.task.name: [row.id for row in part.examples] for part in variant.training.parts}
    found = {one.cell.test_task: [row.id for row in one.demonstrations] for one in plan.cells_of(variant.variant.id)}
    assert found == by_task
    assert sum(map(len, found.values())) == 8


def test_a_variant_without_rows_is_not_asked_with_any(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, ["base", "sft", {"interpolate": {"of": "sft"}}], train={"sizes": [4]})
    assert {one.cell.context for one in plan.cells_of(the(plan, "interpolate").variant.id)} == {"drawn"}


@pytest.mark.parametrize(
    ("methods", "contexts", "words"),
    [
        (["base", "icl"], ["drawn"], ["icl is asked with the context own_rows", "contexts: [drawn, own_rows]"]),
        (["base", "sft"], ["own_rows"], ["a base as it is has no rows", "contexts: [drawn, own_rows]"]),
        (["base", "icl", {"sft": {"start": "icl"}}], ["drawn", "own_rows"], ["'icl' (icl) leaves no weights"]),
    ],
)
def test_what_cannot_be_asked_is_one_line(tiny_folder: Path, methods: Any, contexts: Any, words: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        plan_of(tiny_folder, methods, eval=SHOWN | {"contexts": contexts})
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_what_changes_no_weights_is_not_probed(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, train={"sizes": [4]}, probes=["weight_distance"])
    assert {plan.variants[one.variant_id].variant.label for one in plan.probes.values()} == {"sft"}
