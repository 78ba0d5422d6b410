"""Source `matching`: on small files in the published layouts, and on the published files where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset, relation
from hanka.datasets.matching.files import MOST_VALIDATED
from hanka.datasets.matching.layouts import as_ditto, read_pairs, read_record
from hanka.errors import DataError
from hanka.tasks import TASKS
from matching_files import as_line, pairs, record, write_ditto, write_json_lines


def catalogue(folder: Path) -> Mapping[str, Dataset]:
    return SOURCES.get("matching").catalogue(folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Dataset]:
    return catalogue(write_ditto(tmp_path_factory.mktemp("pairs")))


def test_a_line_reads_as_the_records_it_was_written_from() -> None:
    left = record(1, "abt", 7)
    assert read_record(as_ditto(left)) == left
    assert read_record("no marks at all") == {}
    assert read_record("before COL name VAL x") == {}
    with pytest.raises(ValueError, match="stands twice"):
        read_record("COL name VAL a COL name VAL b")


def test_lines_that_are_no_pair_are_counted_with_their_reason(tmp_path: Path) -> None:
    good = as_line(*pairs(1)[0])
    lines = [good, "one column", as_line(record(1, "a", 1), record(1, "b", 1), 2), "plain\ttext\t1", good]
    (tmp_path / "x-test.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    rows, skipped, n_lines = read_pairs(tmp_path / "x-test.txt", "x/test")
    assert (len(rows), n_lines) == (2, 5)
    assert [(one.place, one.kind) for one in skipped] == [(f"x-test.txt line {at}", "broken") for at in (2, 3, 4)]
    assert "1 columns instead of 3" in skipped[0].what
    assert "neither 0 nor 1" in skipped[1].what
    assert "COL name VAL" in skipped[2].what


def test_every_way_of_writing_records_is_a_data_set_of_the_same_pairs(found: Mapping[str, Dataset]) -> None:
    one = {name: found[name].load("test")[0] for name in ("abt-buy", "abt-buy-title", "abt-buy-all", "abt-buy-ditto")}
    assert len({row.id for row in one.values()}) == 1
    place = int(one["abt-buy"].id.rsplit("/", 1)[1]) - 1
    left, _, _ = pairs(40, 20_000)[place]
    assert one["abt-buy"].fields["left"] == one["abt-buy-title"].fields["left"] == left["name"]
    assert (
        one["abt-buy-all"].fields["left"]
        == f"name: {left['name']}; description: {left['description']}; price: {left['price']}"
    )
    assert one["abt-buy-ditto"].fields["left"] == one["abt-buy"].fields["left_record"] == as_ditto(left)


def test_publications_are_written_as_title_authors_venue_and_year(tmp_path: Path) -> None:
    paper = {"title": "on joins", "authors": "a. b", "venue": "vldb", "year": "1998"}
    (tmp_path / "DBLP-ACM-test.txt").write_text(as_line(paper, paper | {"venue": ""}, 1), encoding="utf-8")
    (row,) = catalogue(tmp_path)["dblp-acm"].load("test")
    assert (row.fields["left"], row.fields["right"]) == ("on joins; a. b; vldb; 1998", "on joins; a. b; 1998")
    assert catalogue(tmp_path)["dblp-acm"].domain == "publications"


def test_training_pairs_that_are_asked_elsewhere_are_left_out_and_named(found: Mapping[str, Dataset]) -> None:
    dataset = found["abt-buy"]
    parts = {split: dataset.load(split) for split in dataset.splits}
    assert len(parts["train"]) + len(parts["demonstrations"]) == 80
    keys = {
        split: {(row.fields["left_record"], row.fields["right_record"]) for row in rows}
        for split, rows in parts.items()
    }
    for one, other in combinations(keys, 2):
        assert keys[one].isdisjoint(keys[other])
    assert dataset.reading is not None
    (train,) = [file for file in dataset.reading().files if file.split == "train"]
    assert train.n_rows == 82
    assert [one.kind for one in train.skipped] == ["shared", "shared"]
    assert {word for one in train.skipped for word in ("validation", "test") if word in one.what} == {
        "validation",
        "test",
    }


def test_labels_take_turns_in_test_and_validation_rows_while_both_last(found: Mapping[str, Dataset]) -> None:
    rows = found["abt-buy"].load("test")
    assert Counter(row.target for row in rows[:20]) == {"Yes": 10, "No": 10}
    assert Counter(row.target for row in rows) == {"Yes": 10, "No": 30}
    assert len(found["abt-buy"].load("validation")) == 24 <= MOST_VALIDATED
    assert Counter(row.target for row in found["abt-buy"].load("demonstrations")) == {"Yes": 4, "No": 4}
    for row in rows:
        assert TASKS.get("matching").refusal(row) == ""


def test_json_lines_of_wdc_products_are_one_data_set_for_each_size(tmp_path: Path) -> None:
    found = catalogue(write_json_lines(tmp_path))
    dataset = found["wdcproducts80cc20-small"]
    assert {split: len(dataset.load(split)) for split in dataset.splits} == {
        "test": 16, "train": 22, "demonstrations": 8, "validation": 12,
    }  # fmt: skip
    row = dataset.load("test")[0]
    assert set(read_record(row.fields["left_record"])) == {"title", "price"}
    assert row.fields["left"].startswith(tuple("cplr"))
    assert relation(dataset, SOURCES.get("matching").described()["abt-buy"]) == "in_domain"  # type: ignore[misc]


def test_folders_of_the_ditto_repository_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "er_magellan/Structured/Beer"
    folder.mkdir(parents=True)
    for split, start in (("train", 0), ("valid", 100), ("test", 200)):
        (folder / f"{split}.txt").write_text("\n".join(as_line(*one) for one in pairs(20, start)), encoding="utf-8")
    found = catalogue(tmp_path)
    assert found["beer"].domain == "beer"
    assert len(found["beer"].load("test")) == 20


def test_the_same_pairs_are_asked_for_explanations_interest_and_new_pairs(found: Mapping[str, Dataset]) -> None:
    for end in ("explaining", "interest"):
        dataset = found[f"abt-buy-{end}"]
        row = dataset.load("train")[0]
        task = TASKS.get(dataset.task)
        assert all(row.fields[name] in task.render(row, "p1") for name in task.inputs)
        assert task.refusal(row) == ""
    assert found["abt-buy-explaining"].load("train")[0].target.startswith("attribute=name|||importance=")
    with pytest.raises(DataError, match="no record of 72 pairs has a match and 4 other pairs"):
        found["abt-buy-writing"].load("train")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no file of test pairs"),
        ({"Abt-Buy-train.txt": "x"}, "holds no file of test pairs"),
        ({"A-test.txt": "x", "a-gs.json": "x"}, "are both the test pairs of a"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as error:
        catalogue(tmp_path)
    assert "\n" not in str(error.value)


def test_a_file_without_a_pair_is_one_line_with_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "x-test.txt").write_text("nothing\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds no pair of records in 1 lines; the first: 1 columns"):
        catalogue(tmp_path)["x"].load("test")


def test_the_published_files_have_the_published_counts(matching_data: Path) -> None:
    found = catalogue(matching_data)
    counts = {
        name: Counter(row.target for row in found[name].load("test"))
        for name in ("abt-buy", "amazon-google", "dblp-acm")
    }
    assert {name: (one.total(), one["Yes"]) for name, one in counts.items()} == {
        "abt-buy": (1916, 206), "amazon-google": (2293, 234), "dblp-acm": (2473, 444),
    }  # fmt: skip
    files = {name: found[name] for name in counts}
    for dataset in files.values():
        dataset.load("train")
    shared = {
        name: sum(row.kind == "shared" for file in one.reading().files for row in file.skipped)
        for name, one in files.items()
    }  # type: ignore[misc]
    assert shared == {"abt-buy": 44, "amazon-google": 265, "dblp-acm": 159}
