"""Test sets with changed rows in a study: asked wherever their source is, paired with it, part of no decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import StudyError
from hanka.plan import Plan, PlannedCell, build_plan
from hanka.plan.written import plan_json, study_yaml
from hanka.recipes import RECIPES
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from planned_studies import planned, resolved, written

SLIPS = {"slips": {"recipe": {"typos": {"of": "shop"}}}}
FLIPPED = {"flipped": {"recipe": {"counterfactual_labels": {"of": "shop"}}}}


def study(folder: Path, datasets: dict[str, Any], **changes: Any) -> Plan:
    """The plan of a study of one task that tests a changed copy, too."""
    return planned(folder, **({"datasets": datasets, "tasks": {"sentiment": {}}} | changes))


def cells(plan: Plan, test: str) -> list[PlannedCell]:
    return [one for one in plan.cells.values() if one.cell.test_dataset == test]


def asked(plan: Plan, test: str) -> set[tuple[Any, ...]]:
    return {(one.cell.variant_id, one.cell.shots, one.cell.prompt, one.cell.draw) for one in cells(plan, test)}


def test_a_changed_test_set_is_asked_all_that_its_source_is_and_pairs_row_by_row(tiny_folder: Path) -> None:
    plan = study(tiny_folder, SLIPS, eval={"shots": [0, 2], "limit": 6, "draws": 2, "prompts": ["p1", "p2"]})
    assert asked(plan, "slips") == asked(plan, "shop")
    assert (
        len(asked(plan, "slips")) == len(cells(plan, "slips")) == 2 * 2 * 3
    )  # variants, prompts, zero shots and two draws
    assert {one.cell.relation for one in cells(plan, "slips")} == {"perturbed"}
    before, after = cells(plan, "shop")[0].test.examples, cells(plan, "slips")[0].test.examples
    assert [(one.id, one.group, one.target) for one in after] == [(one.id, one.group, one.target) for one in before]
    assert all(one.fields != two.fields for one, two in zip(before, after, strict=True))


def test_both_sides_of_a_pair_see_the_same_demonstrations(tiny_folder: Path) -> None:
    plan = study(tiny_folder, SLIPS, eval={"shots": [2], "limit": 6, "draws": 2})
    shown = {(one.cell.variant_id, one.cell.draw): one.demonstrations for one in cells(plan, "shop")}
    assert {(one.cell.variant_id, one.cell.draw): one.demonstrations for one in cells(plan, "slips")} == shown
    assert len(set(map(str, shown.values()))) == 2


def test_labels_that_change_places_do_so_in_demonstrations_and_are_not_asked_without_any(tiny_folder: Path) -> None:
    plan = study(tiny_folder, FLIPPED, eval={"shots": [0, 2], "limit": 6})
    assert {one.cell.shots for one in cells(plan, "flipped")} == {2}
    other = {"positive": "negative", "negative": "positive"}
    for one in cells(plan, "flipped"):
        (source,) = (
            two for two in cells(plan, "shop") if (two.cell.variant_id, two.cell.shots) == (one.cell.variant_id, 2)
        )
        assert [two.target for two in one.demonstrations] == [other[two.target] for two in source.demonstrations]
        assert [two.fields for two in one.demonstrations] == [two.fields for two in source.demonstrations]
        assert [two.target for two in one.test.examples] == [other[two.target] for two in source.test.examples]


def test_a_changed_copy_of_another_domain_is_asked_and_one_of_another_task_with_it(tiny_folder: Path) -> None:
    datasets = SLIPS | {"far": {"recipe": {"word_order": {"of": "film"}}}}
    plan = study(tiny_folder, datasets, tasks={"sentiment": {}, "detection": {"train": None}})
    assert asked(plan, "far") == asked(plan, "film") != set()
    alone = study(
        tiny_folder,
        {"cut": {"recipe": {"typos": {"of": "history"}}}},
        tasks={"sentiment": {}, "detection": {"train": None}},
    )
    assert asked(alone, "cut") == asked(alone, "history") != set()


def test_ids_of_changed_cells_follow_parameters_and_the_version_of_the_recipe(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ids(**params: Any) -> set[str]:
        plan = study(tiny_folder, {"slips": {"recipe": {"typos": {"of": "shop", **params}}}})
        return {one.cell.id for one in cells(plan, "slips")}

    first = ids()
    assert ids() == first
    assert not ids(share=0.9) & first
    assert not ids(seed=3) & first
    newer = replace(RECIPES.get("typos"), version=2)
    monkeypatch.setattr("hanka.recipes.typos.TYPOS", newer)
    known = RECIPES.get
    monkeypatch.setattr(RECIPES, "get", lambda name: newer if name == "typos" else known(name), raising=False)
    assert not ids() & first


def test_other_cells_keep_their_ids_when_a_changed_set_is_added(tiny_folder: Path) -> None:
    without = set(planned(tiny_folder, tasks={"sentiment": {}}).cells)
    plan = study(tiny_folder, SLIPS)
    assert set(plan.cells) - {one.cell.id for one in cells(plan, "slips")} == without


def test_rows_that_cannot_be_changed_are_counted_in_the_plan_and_in_a_note(tiny_folder: Path) -> None:
    datasets = {"other": {"recipe": {"synonyms": {"of": "shop", "words": {"evening": ["night"]}}}}}
    plan = study(tiny_folder, datasets, eval={"limit": 12})
    rows = cells(plan, "shop")[0].test.examples
    having = [one.id for one in rows if "evening " in one.fields["input"] or "evening." in one.fields["input"]]
    said = plan_json(plan, "hanka run")["perturbed"]["other"]
    assert [one.id for one in cells(plan, "other")[0].test.examples] == having
    assert 0 < len(having) < len(rows)
    assert (said["of"], said["recipe"], said["expects"]) == ("shop", "synonyms", "same")
    assert (said["n_source"], said["n_rows"]) == (12, len(having))
    assert said["left_out"] == {"no word of the list": 12 - len(having)}
    assert [note for note in plan.notes if note.startswith("other: ")] == [
        f"other: {len(having)} of 12 rows of shop changed, {said['n_changed']} of {said['n_units']} words or parts "
        f"({said['n_can']} could be); left out on both sides: {12 - len(having)} no word of the list"
    ]


def test_the_resolved_study_holds_the_users_list_and_plans_the_same_cells(tiny_folder: Path) -> None:
    (tiny_folder.parent / "words.txt").write_text("evening: night\n", encoding="utf-8")
    source = written(
        tiny_folder,
        datasets={"other": {"recipe": {"synonyms": {"of": "shop", "synonyms": "words.txt"}}}},
        tasks={"sentiment": {}},
    )
    first = resolve(parse_source(source, tiny_folder.parent / "study.yaml"))
    text = study_yaml(first)
    assert yaml.safe_load(text)["datasets"]["other"]["recipe"]["synonyms"]["words"] == {"evening": ["night"]}
    (tiny_folder.parent / "words.txt").unlink()
    again = resolve(parse_source(text, tiny_folder.parent / "again.yaml"))
    assert set(build_plan(again).cells) == set(build_plan(first).cells)


def test_a_method_trains_on_changed_rows(tiny_folder: Path) -> None:
    plan = study(tiny_folder, FLIPPED, methods=["base", {"sft": {"name": "permuted", "on": "flipped"}}, "sft"])
    (permuted,) = (one for one in plan.variants.values() if one.variant.label == "permuted")
    (plain,) = (one for one in plan.variants.values() if one.variant.label == "sft")
    assert permuted.training is not None
    assert plain.training is not None
    other = {"positive": "negative", "negative": "positive"}
    own, true = permuted.training.parts[0].examples, plain.training.parts[0].examples
    assert [(one.id, one.fields, one.target) for one in own] == [
        (one.id, one.fields, other[one.target]) for one in true
    ]
    assert {one.cell.test_dataset for one in plan.cells.values() if one.cell.variant_id == permuted.variant.id} >= {
        "shop",
        "film",
    }


@pytest.mark.parametrize(
    ("datasets", "changes", "said"),
    [
        (
            {"slips": {"recipe": {"typos": {"of": "shpo"}}}},
            {},
            "datasets.slips.recipe.typos.of: unknown data set 'shpo': ",
        ),
        ({"slips": {"recipe": {"typos": {"of": "shop", "shar": 1}}}}, {}, "unknown key 'shar'"),
        (
            {"slips": {"recipe": {"typos": {"of": "shop", "fields": ["txt"]}}}},
            {},
            "task sentiment has no field 'txt': ",
        ),
        (
            {"slips": {"recipe": {"typos": {"of": "film"}}}},
            {"tasks": {"sentiment": {"out_of_domain": []}}},
            "no task tests 'film', and no method trains `on: slips`: tested are ",
        ),
        (
            SLIPS | {"again": {"recipe": {"typos": {"of": "shop"}}}},
            {},
            "datasets.again: makes the same rows as 'slips'; take one of them out",
        ),
        (
            SLIPS,
            {"tasks": {"sentiment": {"train": "shop", "in_domain": ["shop", "slips"]}}},
            "'slips' is a changed copy of 'shop' and asked wherever that is; take it out here",
        ),
        (
            {"other": {"recipe": {"synonyms": {"of": "shop", "synonyms": "nowhere.txt"}}}},
            {},
            "nowhere.txt cannot be read",
        ),
        ({"alone": {"recipe": {"hypothesis_only": {"of": "shop"}}}}, {}, "task sentiment has 1 field"),
        (
            FLIPPED,
            {"eval": {"shots": [0], "limit": 6}},
            "flipped is asked with 1 or more demonstrations, and shop with fewer: add shots under eval.shots",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(
    datasets: dict[str, Any], changes: dict[str, Any], said: str, tiny_folder: Path
) -> None:
    with pytest.raises(StudyError) as caught:
        study(tiny_folder, datasets, **changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("study.yaml:") == 1


def test_a_changed_set_is_no_test_set_of_a_role(tiny_folder: Path) -> None:
    found = resolved(tiny_folder, datasets=SLIPS, tasks={"sentiment": {}})
    assert [one.name for one in found.tasks["sentiment"].tests] == ["shop", "film"]
    assert [one.name for one in found.perturbed["shop"]] == ["slips"]


def test_a_changed_copy_of_what_nothing_asks_is_said_in_a_note(tiny_folder: Path) -> None:
    tasks = {"sentiment": {}, "detection": {"train": None}}  # of another task the first test set alone is asked
    plan = study(tiny_folder, {"far": {"recipe": {"typos": {"of": "software"}}}}, tasks=tasks)
    assert cells(plan, "far") == []
    assert "far is not asked: nothing asks software, whose rows it changes" in plan.notes
