"""Rows of a data set of the source asked as another task: the same rows, checked, drawn alike, and never a leak by name alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.audits import audit_rows
from hanka.audits.record import Audits
from hanka.datasets import SOURCES
from hanka.errors import StudyError
from hanka.plan import Plan, build_plan
from hanka.plan.written import plan_json, study_yaml
from hanka.records import Example
from hanka.tasks import TASKS
from own_studies import ids, own_data, rewritten, study_of

PROMPT = TASKS.get("detection").prompts["p1"]
FREELY = {
    "kind": "generation",
    "prompt": PROMPT,
    "verifier": "text",
    "metric": "solved",
    "in_domain": ["history-freely"],
}


def asked_twice(**changes: Any) -> dict[str, Any]:
    """A study that scores and lets write the answers to the same rows."""
    return {
        "name": "twice",
        "base": "smollm2-135m-instruct",
        "data": {"source": "toy"},
        "datasets": {"history-freely": {"task": "freely", "of": "history"}},
        "tasks": {"detection": {}, "freely": FREELY},
        "methods": ["base", "sft"],
        "train": {"sizes": [16]},
    } | changes


def rows_of(plan: Plan, name: str) -> list[tuple[Example, ...]]:
    """Test rows and demonstrations of a test set, cell by cell, in the order of the base."""
    cells = plan.cells_of(next(iter(plan.variants)))
    return [(*one.demonstrations, *one.test.examples) for one in cells if one.cell.test_dataset == name]


def found(audits: Audits, audit: str) -> dict[str, tuple[int, int]]:
    return {one.where: (one.count, one.total) for one in audits.warnings if one.audit == audit}


@pytest.mark.parametrize("source", ["toy", "paper", "japanese"])
def test_every_split_holds_the_rows_of_the_source(source: str, request: pytest.FixtureRequest) -> None:
    data = {"source": source}
    if source != "toy":
        data["path"] = str(request.getfixturevalue(f"{source}_data"))
    path = Path(data["path"]) if "path" in data else None
    origin = {
        name: one
        for name, one in SOURCES.get(source).catalogue(path).items()
        if one.task in ("detection", "inference-ja")
    }
    values = asked_twice(
        data=data,
        datasets={f"{name}-freely": {"task": "freely", "of": name} for name in origin},
        tasks={"freely": FREELY | {"in_domain": [f"{next(iter(origin))}-freely"]}},
        methods=["base"],
    )
    if source == "japanese":
        values["tasks"]["freely"]["prompt"] = TASKS.get("inference-ja").prompts["p1"]
    study = study_of(values)
    assert origin
    for name, one in origin.items():
        again = study.datasets[f"{name}-freely"]
        assert (again.splits, again.domain, again.licence) == (one.splits, one.domain, one.licence)
        assert again.source == f"{name} ({source})"
        for split in one.splits:
            assert again.load(split, 2000) == one.load(split, 2000)


@pytest.mark.parametrize("context", ["drawn", "first"])
def test_the_same_rows_are_asked_behind_the_same_demonstrations(context: str) -> None:
    asking = {"shots": [0, 2], "contexts": [context], "draws": 2}
    plan = build_plan(study_of(asked_twice(eval=asking)))
    scored, free = rows_of(plan, "history"), rows_of(plan, "history-freely")
    assert scored == free
    assert len(scored) == (3 if context == "drawn" else 2)


def test_the_same_training_rows_are_drawn() -> None:
    for sample in ("seeded", "balanced"):
        tasks = {"detection": {}, "freely": FREELY | {"train": "history-freely"}}
        train = {"sizes": [8], "sample": sample, "validation": 0.25}
        plan = build_plan(study_of(asked_twice(tasks=tasks, train=train)))
        own = [one.training for one in plan.variants.values() if one.training]
        assert [one.name for one in own] == ["history", "history-freely"]
        assert own[0].fingerprints == own[1].fingerprints


def test_a_study_that_grows_asks_the_same_rows_first() -> None:
    asking = {"until": "decided", "block": 10, "shots": [0]}
    plan = build_plan(study_of(asked_twice(eval=asking)))
    assert rows_of(plan, "history") == rows_of(plan, "history-freely")


def test_another_task_is_cross_task_whichever_rows_it_asks() -> None:
    plan = build_plan(study_of(asked_twice()))
    (tuned,) = [one.variant.id for one in plan.variants.values() if one.training]
    relations = {one.cell.test_dataset: one.cell.relation for one in plan.cells_of(tuned)}
    assert relations == {"history": "in_domain", "software": "out_of_domain", "history-freely": "cross_task"}


def test_fields_and_output_are_mapped_from_fields_of_the_rows() -> None:
    fields = {"before": "input_2", "judged": "output", "output": "input_1"}
    task = FREELY | {"prompt": "{before} ({judged})"}
    values = asked_twice(tasks={"freely": task}, methods=["base"])
    values["datasets"]["history-freely"]["fields"] = fields
    row = build_plan(study_of(values)).data.test(study_of(values).datasets["history-freely"]).examples[0]
    was = SOURCES.get("toy").catalogue(None)["history"].load("test")[0]
    assert row == Example(
        row.id, {"before": was.fields["input_2"], "judged": was.target}, was.fields["input_1"], was.group
    )
    assert row.id == was.id


def test_labels_are_mapped_and_left_out_as_in_files() -> None:
    task = {"kind": "classification", "labels": ["same", "other"], "prompt": PROMPT, "in_domain": ["history-freely"]}
    values = asked_twice(tasks={"freely": task}, methods=["base"])
    entry = values["datasets"]["history-freely"]
    with pytest.raises(StudyError) as caught:
        build_plan(study_of(values))
    assert "datasets.history-freely.of: 12 of 12 test rows of dataset history-freely have a target" in str(caught.value)
    assert "first in test row 1" in str(caught.value)
    entry["labels"] = {"yes": "same", "no": None}
    plan = build_plan(study_of(values))
    was = SOURCES.get("toy").catalogue(None)["history"].load("test")
    kept = [row.id for row in was if row.target == "yes"]
    (test,) = {cell.test for cell in plan.cells.values()}
    assert [(row.id, row.target) for row in test.examples] == [(name, "same") for name in kept]
    n_no = len(was) - len(kept)
    assert found(audit_rows(plan), "rows left out")["history-freely test"] == (n_no, len(was))
    (file,) = [one for one in plan_json(plan, "")["files"] if one["split"] == "test"]
    assert file == {
        "dataset": "history-freely", "split": "test", "file": "history (toy)", "n_rows": len(was), "left_out": {"declared": n_no},
    }  # fmt: skip


def test_a_target_that_is_no_number_is_broken() -> None:
    task = {"kind": "regression", "prompt": PROMPT, "in_domain": ["history-freely"]}
    with pytest.raises(StudyError, match=r"history-freely\.of: test row 1: target 'no' is no number"):
        build_plan(study_of(asked_twice(tasks={"freely": task}, methods=["base"])))


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ({"split": {"test": 0.2}}, "split: 'history-freely' has the rows of history, so `split` has nothing to say"),
        ({"test": "rows/a.csv"}, "test: 'history-freely' has the rows of history, so `test` has nothing to say"),
        ({"demonstrations": "a.csv"}, "demonstrations: 'history-freely' has the rows of history"),
        ({"validation": "a.csv"}, "validation: 'history-freely' has the rows of history"),
        ({"slices": ["channel"]}, "slices: 'history-freely' has the rows of history"),
        ({"turns": "all"}, "turns: 'history-freely' has the rows of history"),
        ({"fields": {"group": "input_1"}}, "fields.group: 'history-freely' has the rows of history"),
        ({"fields": {"input_3": "input_1"}}, "fields.input_3: task freely has no field 'input_3'"),
        ({"labels": {"yes": "Yes"}}, "labels.yes: 'Yes' is not a label of task freely"),
        ({"task": "freeyl"}, "task: unknown task 'freeyl': did you mean 'freely'?"),
    ],
)
def test_what_files_alone_have_is_refused(own: dict[str, Any], line: str) -> None:
    values = asked_twice()
    values["datasets"]["history-freely"] |= own
    with pytest.raises(StudyError, match=r"^[^\n]*$") as caught:
        study_of(values)
    assert f"datasets.history-freely.{line}" in str(caught.value)


def test_own_files_are_no_rows_of_the_source(tmp_path: Path) -> None:
    values = own_data(tmp_path, data={"source": "toy"})
    values["datasets"]["again"] = {"task": "mailtone", "of": "mails"}
    with pytest.raises(StudyError, match=r"datasets\.again\.of: unknown dataset 'mails' of the source"):
        study_of(values, tmp_path)


def test_training_rows_are_no_leak_where_they_are_not_test_rows() -> None:
    audits = audit_rows(build_plan(study_of(asked_twice())))
    looked = {one["where"] for one in audits.checks if one["audit"] == "exact overlap"}
    assert {"history train × history test", "history train × history-freely test"} <= looked
    assert not found(audits, "exact overlap")
    assert not found(audits, "groups")


@pytest.mark.parametrize("fields", [{}, {"input_1": "input_2", "input_2": "input_1"}])
def test_training_rows_that_are_asked_as_another_task_are_seen(tmp_path: Path, fields: dict[str, str]) -> None:
    test = SOURCES.get("toy").catalogue(None)["history"].load("test")
    rows = [{**row.fields, "output": {"yes": "no", "no": "yes"}[row.target]} for row in test[:3]]
    others = [{"input_1": f"{n} red cats", "input_2": f"{n} blue dogs", "output": "yes"} for n in range(20)]
    for name, part in (("mine", [*rows, *others[:10]]), ("shown", others[10:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    values = asked_twice(train={"sizes": [8]})
    values["datasets"] |= {"mine": {"task": "detection", "train": "mine.jsonl", "demonstrations": "shown.jsonl"}}
    values["datasets"]["history-freely"]["fields"] = fields
    values["tasks"] = {"detection": {"train": "mine", "in_domain": [], "out_of_domain": ["software"]}, "freely": FREELY}
    audits = audit_rows(build_plan(study_of(values, tmp_path)))
    assert found(audits, "exact overlap") == {"mine train × history-freely test": (3, 12)}
    assert found(audits, "contradictions") == {"mine train × history-freely test": (3, 12)}


def test_the_written_study_says_whose_rows_they_are_and_gives_the_same_ids(tmp_path: Path) -> None:
    values = asked_twice()
    values["datasets"] |= {"history": {"domain": "museums"}}
    study = study_of(values)
    assert yaml.safe_load(study_yaml(study))["datasets"]["history-freely"] == {
        "task": "freely", "domain": "museums", "of": "history", "strict": False, "licence": "CC0-1.0",
    }  # fmt: skip
    again = rewritten(study, tmp_path / "run")
    assert ids(again) == ids(study)
    assert yaml.safe_load(study_yaml(again)) == yaml.safe_load(study_yaml(study))
    stated = values["datasets"]["history-freely"] | {"domain": "castles", "licence": "mine"}
    own = study_of(values | {"datasets": {"history-freely": stated}}).datasets["history-freely"]
    assert (own.domain, own.licence) == ("castles", "mine")


def test_licence_source_and_rows_are_in_the_record_of_the_run() -> None:
    records = plan_json(build_plan(study_of(asked_twice())), "")["reproduce"]["datasets"]
    (one,) = [record for record in records if record["name"] == "history-freely"]
    assert (one["task"], one["domain"], one["source"], one["licence"], one["n_test"]) == (
        "freely", "history", "history (toy)", "CC0-1.0", 12,
    )  # fmt: skip


def test_a_data_set_asked_as_another_task_is_tested_where_it_is_trained_on() -> None:
    task = {key: value for key, value in FREELY.items() if key != "in_domain"} | {"train": "history-freely"}
    study = study_of(asked_twice(tasks={"freely": task}))
    assert [one.name for one in study.tasks["freely"].in_domain] == ["history-freely"]
