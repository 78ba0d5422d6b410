"""A study of a user's own files: labels that are none, blank rows, and the one file that is divided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.plan.written import plan_json, study_yaml
from own_studies import own_data, study_of


def with_another_label(folder: Path, **changes: Any) -> dict[str, Any]:
    values = own_data(folder, **changes)
    with (folder / "rows/test.csv").open("a") as file:
        file.write("a mail without a tone,godo\n")
    return values


@pytest.mark.parametrize("protocol", ["corrected", "paper"])
def test_one_row_with_another_label_is_an_error_that_names_label_count_and_nearest(
    tmp_path: Path, protocol: str
) -> None:
    with pytest.raises(StudyError) as caught:
        build_plan(study_of(with_another_label(tmp_path, protocol=protocol), tmp_path))
    assert str(caught.value).endswith(
        ": datasets.mails.test: 1 of 11 test rows of dataset mails have a target that is no label of task mailtone: "
        "'godo' (1, first in test.csv:12; did you mean 'good'?). Say what they mean with datasets.mails.labels: {'godo': "
        "'good'}, leave them out with {'godo': null}, or leave out a share with `unknown: 0.1`"
    )


@pytest.mark.parametrize(
    ("study", "own"),
    [({"unknown": 0.1}, {}), ({}, {"unknown": 0.1}), ({"unknown": 0.01}, {"unknown": 0.1}), ({}, {"labels": {"godo": None}})],
)  # fmt: skip
def test_rows_with_another_label_are_left_out_as_the_study_says(
    tmp_path: Path, study: dict[str, Any], own: dict[str, Any]
) -> None:
    values = with_another_label(tmp_path, strict=False, **study)
    values["datasets"]["mails"] |= own
    plan = build_plan(study_of(values, tmp_path))
    assert {len(cell.test.examples) for cell in plan.cells.values()} == {10}
    reading = plan.study.datasets["mails"].reading
    assert reading is not None
    (left_out,) = [row for file in reading().files for row in file.skipped]
    assert (left_out.value, left_out.place.rpartition("/")[2]) == ("godo", "test.csv:12")


@pytest.mark.parametrize("own", [{"unknown": 0.05}, {"unknown": 0.5, "strict": True}, {"labels": {"good": "good"}}])
def test_more_rows_with_another_label_than_allowed_are_an_error(tmp_path: Path, own: dict[str, Any]) -> None:
    values = with_another_label(tmp_path, unknown=0.04)
    values["datasets"]["mails"] |= own
    with pytest.raises(StudyError, match="'godo' \\(1, first in"):
        build_plan(study_of(values, tmp_path))


def test_a_label_in_another_case_or_unicode_form_is_named_and_mapped_as_the_line_says(tmp_path: Path) -> None:
    values = own_data(tmp_path)
    values["tasks"]["mailtone"]["labels"] = ["good", "pas mal\u00e9"]
    for name in ("train", "test"):
        path = tmp_path / f"rows/{name}.csv"
        path.write_text(path.read_text().replace(",bad", ",Pas Male\u0301").replace(",good", ",GOOD"), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        build_plan(study_of(values, tmp_path))
    said = str(caught.value)
    assert "'GOOD' (" in said
    assert "; 'good' in another case)" in said
    assert "'pas mal\u00e9' in another width, case or spacing" in said
    pasted = yaml.safe_load(said.partition("labels: ")[2].partition("}")[0] + "}")
    values["datasets"]["mails"]["labels"] = pasted
    plan = build_plan(study_of(values, tmp_path))
    targets = {row.target for cell in plan.cells.values() for row in cell.test.examples}
    assert targets == {"good", "pas mal\u00e9"}


def test_one_file_is_enough_and_the_plan_records_how_it_was_divided(tmp_path: Path) -> None:
    values = own_data(tmp_path, broken=0.1)
    with (tmp_path / "rows/train.csv").open("a") as file:
        file.write(",bad\n")
    mails = values["datasets"]["mails"]
    del mails["test"]
    del values["tasks"]["mailtone"]["in_domain"]
    plan = build_plan(study_of(values, tmp_path))
    (trained,) = [one.training for one in plan.variants.values() if one.training]
    written = plan_json(plan, "")
    assert written["splits"] == {
        "mails": {
            "file": "train.csv", "test": 0.2, "validation": 0.1, "seed": 0, "n_groups": 30,
            "n_rows": {"train": 21, "validation": 3, "test": 6},
        }
    }  # fmt: skip
    assert written["files"] == [
        {"dataset": "mails", "split": "train", "file": "train.csv", "n_rows": 31, "left_out": {"blank": 1}}
    ]
    assert {(cell.cell.test_dataset, cell.cell.relation, len(cell.test.examples)) for cell in plan.cells.values()} == {
        ("mails", "in_domain", 6)
    }
    tests = {row.id for cell in plan.cells.values() for row in cell.test.examples}
    (part,) = trained.parts
    assert len(part.validation) == 3
    assert not tests & {row.id for row in (*part.examples, *part.validation)}
    again = yaml.safe_load(study_yaml(plan.study))["datasets"]["mails"]
    assert again["split"] == {"test": 0.2, "validation": 0.1, "seed": 0}
    mails["split"] = {"test": 0.3}
    assert build_plan(study_of(values, tmp_path)).cells.keys() != plan.cells.keys()


def test_a_file_that_is_only_trained_on_is_not_divided(tmp_path: Path) -> None:
    values = own_data(tmp_path)
    values["datasets"] |= {"more": {**values["datasets"]["mails"], "train": None, "test": "rows/test.csv"}}
    del values["datasets"]["mails"]["test"]
    values["tasks"]["mailtone"]["in_domain"] = ["more"]
    study = study_of(values, tmp_path)
    assert "test" not in study.datasets["mails"].splits


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": {"test": 0.2}}, r"mails.split: divides the rows of `train`, and `test` has a file of its own"),
        ({"test": None, "split": {"test": 0.6, "validation": 0.4}}, r"leave nothing to train on"),
        ({"test": None, "split": {"test": 0}}, r"mails.split.test: 0 is out of range: give a number > 0"),
        ({"test": None, "split": {"tests": 0.2}}, r"unknown key 'tests': did you mean 'test'"),
        ({"test": None, "split": {"test": 0.01, "validation": 0}, "train": "rows/one.csv"}, r"1 rows in 1 groups"),
        ({"unknown": 1.0}, r"mails.unknown: 1.0 is out of range: give a number < 1"),
        ({"broken": -0.1}, r"mails.broken: -0.1 is out of range: give a number ≥ 0"),
        ({"broken": float("nan")}, r"mails.broken: nan is"),
    ],
)
def test_a_wrong_split_or_share_is_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    values = own_data(tmp_path)
    (tmp_path / "rows/one.csv").write_text("text,tone\na mail,good\n")
    values["datasets"]["mails"] |= change
    with pytest.raises(StudyError, match=said) as caught:
        build_plan(study_of(values, tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", ["corrected", "paper"])
def test_rows_of_which_most_have_another_label_are_an_error(tmp_path: Path, protocol: str) -> None:
    values = own_data(tmp_path, protocol=protocol)
    (tmp_path / "rows/test.csv").write_text("text,tone\na,GOOD\nb,GOOD\nc,bad\n")
    with pytest.raises(StudyError) as caught:
        build_plan(study_of(values, tmp_path))
    assert str(caught.value).endswith(
        ": datasets.mails.test: 2 of 3 test rows of dataset mails have a target that is no label of task mailtone: "
        "'GOOD' (2, first in test.csv:2; 'good' in another case). Say what they mean with datasets.mails.labels: "
        "{'GOOD': 'good'}, leave them out with {'GOOD': null}"
    )


def regression(folder: Path, targets: list[str], **own: Any) -> dict[str, Any]:
    values = own_data(folder)
    (folder / "rows/test.csv").write_text("".join(f"{one}\n" for one in ["text,tone", *targets]))
    (folder / "rows/train.csv").write_text("text,tone\n" + "".join(f"a mail {n},{n}.5\n" for n in range(30)))
    values["tasks"]["mailtone"] = {
        "kind": "regression", "prompt": "Mail: {input}\nScore:", "train": "mails", "in_domain": ["mails"],
    }  # fmt: skip
    values["datasets"]["mails"] |= own
    return values


def test_targets_that_are_no_numbers_are_an_error_or_left_out_up_to_a_share(tmp_path: Path) -> None:
    rows = [*(f"text {n},{n}" for n in range(8)), "odd,n/a", "odder,nan"]
    with pytest.raises(StudyError, match=r"test.csv:10: target 'n/a' is no number.*2 of 10 rows.*`broken: 0.2`"):
        build_plan(study_of(regression(tmp_path, rows), tmp_path))
    for own in ({"broken": 0.2}, {"labels": {"n/a": None, "nan": None}}):
        plan = build_plan(study_of(regression(tmp_path, rows, **own), tmp_path))
        assert {len(cell.test.examples) for cell in plan.cells.values()} == {8}


def test_a_share_to_validate_on_that_the_study_names_takes_the_place_of_the_split_s_own(tmp_path: Path) -> None:
    values = own_data(tmp_path)
    del values["datasets"]["mails"]["test"]
    values["train"] = {"sizes": [8], "validation": 0.5}
    plan = build_plan(study_of(values, tmp_path))
    (training,) = [one.training for one in plan.variants.values() if one.training]
    assert plan_json(plan, "")["splits"]["mails"]["n_rows"] == {"train": 24, "test": 6}
    assert len(training.parts[0].validation) == 11
