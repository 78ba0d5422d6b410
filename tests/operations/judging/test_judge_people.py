"""What people say is read strictly, and what a judge is asked is checked before anything is asked."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from judge_runs import LABELLING, PAIRS, asked, read, two_systems, write_people

from hanka.errors import JudgeError
from hanka.operations.judging.people import is_swapped, read_people, require_people, sheet
from hanka.operations.judging.questions import judged_rows, limited
from planted_runs import Planted


def rows(n: int, **more: str) -> list[dict[str, str]]:
    return [{"test": "story", "sample_id": f"s{at}", "system": "sft", "label": "kind"} | more for at in range(n)]


def test_people_name_rows_by_test_set_sample_and_system(tmp_path: Path) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    given = rows(50)
    given[3]["label"] = "rude"
    given += [{"test": "story", "sample_id": "s900", "system": "sft", "label": "kind"}]
    given += [{"test": "story", "sample_id": "s55", "system": "sft", "label": ""}]
    write_people(tmp_path / "people.csv", given)
    people = read_people(one, evidence, judged)
    assert len(people.labels) == 50
    assert [key.sample for key, label in people.labels.items() if label == "rude"] == ["s3"]
    assert {key.system for key in people.labels} == {"sft/home/8/seed0"}
    assert (people.n_unknown, people.n_empty) == (1, 1)
    require_people(one, people)


def test_too_few_labels_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    write_people(tmp_path / "people.csv", rows(49))
    with pytest.raises(JudgeError, match=r"people labelled 49 of the judged rows, and 50 are needed.*--sheet FILE"):
        require_people(one, read_people(one, evidence, judged))
    with pytest.raises(JudgeError, match="`human:` is missing"):
        read_people(asked(LABELLING.replace("human: people.csv\n", ""), tmp_path), evidence, judged)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "kindd"}, "'kindd' is no label: did you mean 'kind'"),
        ({"sample_id": "s1", "label": "rude"}, "calls 's1' 'rude', and an earlier row 'kind'"),
    ],
)
def test_a_slip_of_the_pen_ends_the_reading(tmp_path: Path, change: dict[str, str], said: str) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    write_people(tmp_path / "people.csv", [*rows(3), rows(1)[0] | change])
    with pytest.raises(JudgeError, match=said):
        read_people(one, evidence, judged)


def test_a_missing_column_or_file_is_one_line(tmp_path: Path) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    with pytest.raises(JudgeError, match=r"judge.yaml:5: human: .*people.csv does not exist"):
        read_people(one, evidence, judged)
    write_people(tmp_path / "people.csv", [{"test": "story", "sample_id": "s1", "labels": "kind"}])
    with pytest.raises(JudgeError, match="no column 'label': did you mean 'labels'"):
        read_people(one, evidence, judged)


def test_a_sheet_is_filled_and_read_back(tmp_path: Path) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), LABELLING, tmp_path)
    drawn = list(csv.DictReader(io.StringIO(sheet(one, judged))))
    assert len(drawn) == 100
    assert {row["system"] for row in drawn} == {"base/tiny", "sft/home/8/seed0"}
    assert sheet(one, judged) == sheet(one, judged)
    write_people(
        tmp_path / "people.csv",
        [row | {"label": "rude" if row["answer"].startswith("rude") else "kind"} for row in drawn],
    )
    assert len(read_people(one, evidence, judged).labels) == 100


def test_of_pairs_a_sheet_hides_which_system_is_which(tmp_path: Path) -> None:
    one, judged, evidence = read(two_systems(tmp_path / "run"), PAIRS, tmp_path)
    drawn = list(csv.DictReader(io.StringIO(sheet(one, judged))))
    assert 10 < sum(row["answer_1"].startswith("tale") for row in drawn) < 50
    write_people(
        tmp_path / "people.csv",
        [row | {"prefers": "1" if row["answer_1"].startswith("tale") else "2"} for row in drawn],
    )
    people = read_people(one, evidence, judged)
    assert set(people.labels.values()) == {"base/tiny"}
    assert any(is_swapped(0, key) for key in people.labels)


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"story": ()}, relation="in_domain", said=['=HYPERLINK("x")'] * 12)
    one = asked("{base: tiny, labels: [a, b], human: x.csv}")
    drawn = list(csv.DictReader(io.StringIO(sheet(one, judged_rows(one, run.evidence())))))
    assert {row["answer"][0] for row in drawn} == {"'"}


def test_references_are_people_where_samples_are_judged(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(40)})
    text = '{base: tiny, labels: ["yes", "no"], prompt: "{prompt} {labels}?", human: target, least: 10}'
    one, judged, evidence = read(run, text, tmp_path)
    people = read_people(one, evidence, judged)
    assert len(people.labels) == 40
    wrong = asked(text.replace('"no"', '"not"'), tmp_path)
    with pytest.raises(JudgeError, match="the reference 'no' of home s0 is no label"):
        read_people(wrong, evidence, judged_rows(wrong, evidence))


def test_a_limit_keeps_what_people_labelled_first(tmp_path: Path) -> None:
    one, judged, _ = read(two_systems(tmp_path / "run"), LABELLING + "limit: 5\n", tmp_path)
    labelled = {row.key for row in judged.rows if row.key.sample in ("s40", "s50")}
    assert {row.key.sample for row in limited(one, judged, labelled).rows} == {"s40", "s50", "s0", "s1", "s2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{base: t, labels: [a]}", "labels: ['a']: give two at least"),
        ("{base: t, labels: [a, b], flags: [c]}", "flags: 'c' is no label"),
        ("{base: t, labels: [a, b], flags: [a, b]}", "all labels are flagged"),
        ("{base: t, labels: [a, b], prompt: '{answer}'}", "no place {labels}"),
        ("{base: t, labels: [a, b], prompt: '{labels}'}", "every row would be asked the same"),
        ("{base: t, labels: [a, b], prompt: '{anser} {labels}'}", "unknown place {anser}: did you mean 'answer'"),
        ("{base: t, asks: pair}", "a pair compares two"),
        ("{base: t, asks: pair, systems: [a, b], tie: A}", "tie: 'A' stands for one of the answers"),
        ("{base: t, asks: pair, systems: [a, b], prompt: '{answer_a}'}", "no place {answer_b}"),
        ("{base: t, asks: pair, systems: [a, b], human: target}", "of pairs give a file"),
        ("{labels: [a, b]}", "the key is missing; write `base: …`"),
        ("{base: t, labels: [a, b], leest: 3}", "unknown key 'leest': did you mean 'least'"),
        ("{base: t, labels: [a, b], least: 3}", "least: 3 is out of range: give a number ≥ 10"),
    ],
)
def test_a_wrong_judge_is_one_line(text: str, said: str) -> None:
    with pytest.raises(JudgeError) as error:
        asked(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_systems_and_test_sets_have_to_be_of_the_run(tmp_path: Path) -> None:
    evidence = two_systems(tmp_path / "run").evidence()
    for change, said in (
        ("systems: [sfd, base]", "did you mean 'sft'"),
        ("systems: [base]\ntest: [storey]", "did you mean 'story'"),
    ):
        with pytest.raises(JudgeError, match=said):
            judged_rows(asked(LABELLING.replace("systems: [base, sft]", change)), evidence)
