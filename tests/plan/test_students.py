"""Plans of students: which objective, where they start, who teaches; tasks that are trained and not tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.errors import StudyError
from hanka.store.folder import RunFolder
from hanka.work.place import Workplace
from planned_studies import planned, the

READER = {"of": "reader", "train": "shop", "size": 8}
STUDENT = {"before": "{input}\n", "on": "shop"}


def test_a_student_has_the_objective_of_students_and_others_are_refused_it(tiny_folder: Path) -> None:
    plan = planned(tiny_folder, methods=["base", {"distil": STUDENT}])
    adaptation = the(plan, "distil").adaptation
    assert adaptation.objective is not None
    assert adaptation.objective.name == adaptation.train.objective == "kl_teacher"
    assert {"temperature": 2.0, "top_k": 64, "squared": False}.items() <= adaptation.as_json().items()
    with pytest.raises(StudyError, match="'kl_teacher' is not allowed: "):
        planned(tiny_folder, methods=["base", {"sft": {"objective": "kl_teacher"}}])
    with pytest.raises(StudyError, match=r"'cross_entropy' is not allowed: .*kl_teacher"):
        planned(tiny_folder, methods=["base", {"distil": STUDENT | {"objective": "cross_entropy"}}])


def test_the_objective_of_a_whole_study_does_not_reach_students_and_theirs_reaches_nobody_else(
    tiny_folder: Path,
) -> None:
    plan = planned(
        tiny_folder,
        methods=["base", {"sft": {"on": "shop"}}, {"distil": STUDENT}],
        train={"sizes": [8], "objective": "l2_base"},
    )
    assert the(plan, "distil").adaptation.train.objective == "kl_teacher"
    assert the(plan, "sft").adaptation.train.objective == "l2_base"


def test_where_a_student_starts_and_who_teaches_it_are_told_apart(tiny_folder: Path, tmp_path: Path) -> None:
    methods = [
        "base",
        {"sft": {"name": "reader", "on": "shop"}},
        {"distil": {"name": "itself", **STUDENT}},
        {"distil": {"name": "started", **STUDENT, "start": READER}},
        {"distil": {"name": "taught", **STUDENT, "teacher": READER}},
        {"distil": {"name": "both", **STUDENT, "start": READER, "teacher": "base"}},
    ]
    plan = planned(tiny_folder, methods=methods)
    reader = the(plan, "reader").variant.id
    found = {
        name: (the(plan, name).started_from, the(plan, name).taught_by) for name in ("itself", "started", "taught")
    }
    assert found == {"itself": ("", ""), "started": (reader, ""), "taught": ("", reader)}
    assert the(plan, "both").started_from == reader
    assert the(plan, "both").taught_by == the(plan, "base").variant.id
    assert len({the(plan, name).variant.id for name in ("itself", "started", "taught", "both")}) == 4
    place = Workplace(plan, RunFolder(tmp_path), lambda _what, _share: None)
    assert place.below(the(plan, "taught")) == place.below(the(plan, "itself")) == ()


def test_a_task_that_is_trained_and_not_tested_is_asked_nowhere(tiny_folder: Path) -> None:
    tasks = {"sentiment": {"train": "shop", "in_domain": []}, "summary": {"train": None, "in_domain": ["news"]}}
    plan = planned(tiny_folder, tasks=tasks, methods=["base", {"sft": {"on": "shop"}}])
    assert {one.cell.test_task for one in plan.cells.values()} == {"summary"}
    assert {one.cell.relation for one in plan.cells_of(the(plan, "sft").variant.id)} == {"cross_task"}


def test_a_task_without_test_set_that_does_not_say_so_is_refused_with_what_to_write(tiny_folder: Path) -> None:
    tasks = {"sentiment": {"train": None, "in_domain": [], "out_of_domain": []}, "summary": {}}
    with pytest.raises(StudyError, match=r"has no test set; .* or write `in_domain: \[\]` beside `train:`"):
        planned(tiny_folder, tasks=tasks)
