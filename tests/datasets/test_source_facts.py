"""Source `facts`: both published layouts, on small invented files and, where it is, on ParaRel itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from fact_files import facts, write_entity_questions, write_lines, write_pararel
from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset, relation
from hanka.datasets.facts import LOCATION, OTHER
from hanka.datasets.facts.layouts import completions, open_library, subject_of
from hanka.errors import DataError
from hanka.tasks import TASKS

PARAREL = Path(__file__).parents[3] / "shared/data/facts"


def catalogue(folder: Path) -> dict[str, Dataset]:
    return dict(SOURCES.get("facts").catalogue(folder))


def test_a_wording_ends_before_its_object_and_stands_there_once(tmp_path: Path) -> None:
    folder = write_pararel(tmp_path)
    assert completions(folder / "patterns/P19.jsonl") == ("[X] was born in", "[X] is native to")
    assert completions(folder / "patterns/P106.jsonl") == ("[X] works as",)


def test_a_fact_is_asked_by_a_wording_and_keeps_the_others_and_its_synonyms(tmp_path: Path) -> None:
    folder = write_pararel(tmp_path)
    (folder / "synonyms.json").write_text(json.dumps({"Oslo": ["Christiania", "Kristiania"]}), encoding="utf-8")
    found = catalogue(folder)["facts-location"]
    rows = [row for split in found.splits for row in found.load(split)]
    (row,) = [row for row in rows if row.id == "P19/u0"]
    assert row.fields["input"] == "Nobody P19 0 was born in"
    assert row.fields["wordings"].split("\n") == ["Nobody P19 0 was born in", "Nobody P19 0 is native to"]
    assert row.fields["synonyms"].split("\n") == ["Christiania", "Kristiania"]
    assert (row.target, row.group, dict(row.slices)) == ("Oslo", "subject nobody p19 0", {"relation": "P19"})
    assert TASKS.get("facts").refusal(row) == ""


def test_relations_are_in_and_out_of_domain_and_take_turns(tmp_path: Path) -> None:
    found = catalogue(write_pararel(tmp_path))
    assert set(found) == {"facts-location", "facts-other"}
    assert relation(found["facts-location"], found["facts-other"]) == "out_of_domain"
    first = [row.slices["relation"] for row in found["facts-location"].load("train")[:6]]
    assert Counter(first) == {"P19": 3, "P20": 3}
    assert len(LOCATION) == 10
    assert len(OTHER) == 14
    assert not set(LOCATION) & set(OTHER)


def test_no_subject_is_on_two_sides_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = write_pararel(tmp_path, n=200)
    for name in ("P19", "P20"):  # the same people in both
        write_lines(
            folder / f"trex/{name}.jsonl",
            [{**row, "sub_label": f"Ann {at}"} for at, row in enumerate(facts(name, 200))],
        )
    found = catalogue(folder)["facts-location"]
    sides = {split: {row.group for row in found.load(split)} for split in found.splits}
    assert sum(len(found.load(split)) for split in found.splits) == 400
    assert not sides["train"] & sides["test"]
    assert not sides["demonstrations"] & (sides["train"] | sides["test"])
    assert 0.15 < len(sides["test"]) / 200 < 0.35
    assert found.load("train") == catalogue(folder)["facts-location"].load("train")


def test_rows_that_cannot_be_used_are_counted_with_their_line(tmp_path: Path) -> None:
    folder = write_pararel(tmp_path, n=10)
    path = folder / "trex/P19.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2:4] = ['{"sub_label": "A", "obj_label": "", "uuid": "x"}', "no json"]
    lines.append(lines[0])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = catalogue(folder)["facts-location"]
    rows = [row for split in ("train", "test") for row in found.load(split)]
    assert found.reading is not None
    (read,) = [one for one in found.reading().files if one.place == str(path)]
    assert [one.kind for one in read.skipped] == ["blank", "broken", "broken"]
    assert read.skipped[1].place == f"{path}:4"
    assert "second time" in read.skipped[2].what
    assert sum(1 for row in rows if row.id.startswith("P19/")) <= 8


def test_questions_with_answers_are_facts_whose_other_answers_are_synonyms(tmp_path: Path) -> None:
    found = catalogue(write_entity_questions(tmp_path))["facts-location"]
    shown = len(found.load("demonstrations"))
    sizes = {split: len(found.load(split)) for split in ("train", "validation", "test")}
    assert sizes == {"train": 6 - shown, "validation": 6, "test": 6}
    row = found.load("test")[0]
    assert row.fields["input"].startswith("Where was test person ")
    assert row.fields["synonyms"] == f"City of {row.target}"
    assert row.group == f"subject {row.fields['input'].removeprefix('Where was ').removesuffix(' born?')}"


def test_questions_are_asked_in_the_wordings_of_pararel_where_those_stand_beside_them(tmp_path: Path) -> None:
    write_entity_questions(tmp_path)
    write_lines(
        tmp_path / "patterns/P19.jsonl", [{"pattern": "[X] was born in [Y]."}, {"pattern": "[X] comes from [Y]"}]
    )
    row = catalogue(tmp_path)["facts-location"].load("train")[0]
    name = row.group.removeprefix("subject ")
    assert row.fields["wordings"].split("\n") == [f"{name} was born in", f"{name} comes from"]


def test_a_subject_is_what_stands_where_its_template_has_it() -> None:
    assert subject_of("Where was Ann Lee born?", "Where was [X] born?") == "Ann Lee"
    assert subject_of("Who is Ann?", "Where was [X] born?") == ""
    assert subject_of("Who is Ann", "Who is [X]") == "Ann"
    assert subject_of("Who is Ann?", "") == ""


def test_a_relation_without_a_wording_is_in_no_data_set_and_said(tmp_path: Path) -> None:
    folder = write_pararel(tmp_path)
    write_lines(folder / "trex/P1376.jsonl", facts("P1376", 5))
    write_lines(folder / "patterns/P1376.jsonl", [{"pattern": "The capital of [Y] is [X]."}])
    write_lines(folder / "trex/P30.jsonl", facts("P30", 5))
    write_lines(folder / "patterns/P30.jsonl", [{"pattern": "[X] is in [Y]"}])
    assert open_library(folder).unasked == ("P1376",)
    assert "without a wording that ends before the object: P1376" in catalogue(folder)["facts-beyond"].note


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nothing", "holds no facts, neither trex/P19.jsonl nor train/P19.train.json"),
        ("no patterns", "no patterns/P.*jsonl in which .Y. comes last"),
        ("synonyms", "'Oslo' has no list of names"),
    ],
)
def test_a_folder_that_is_none_is_one_line(tmp_path: Path, wrong: str, message: str) -> None:
    if wrong == "no patterns":
        write_lines(tmp_path / "trex/P19.jsonl", facts("P19", 3))
    if wrong == "synonyms":
        write_pararel(tmp_path)
        (tmp_path / "synonyms.json").write_text('{"Oslo": "Christiania"}', encoding="utf-8")
    with pytest.raises(DataError, match=message) as told:
        catalogue(tmp_path)
    assert "\n" not in str(told.value)


def test_pararel_has_what_its_paper_says() -> None:
    if not PARAREL.is_dir():
        pytest.skip("ParaRel is not here; put its folder at shared/data/facts")
    found = catalogue(PARAREL)
    library = open_library(PARAREL)
    assert len(library.relations) == 39
    assert library.unasked == ("P31", "P527")
    sizes = {name: sum(len(one.load(split)) for split in one.splits) for name, one in found.items()}
    assert sum(sizes.values()) == 29_411 - 879 - 922
    assert sum(len(one.reading().files) for one in found.values() if one.reading) == 39
