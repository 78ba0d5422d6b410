"""Documents in the layout of SQuAD: four data sets a file, divided by article; the hub's flat rows give the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from hanka.datasets import SOURCES
from hanka.datasets.documents import PUBLISHED, hub_catalogue
from hanka.datasets.documents.entries import MOST_VALIDATED, divided
from hanka.datasets.hub_rows import HubAddress, open_hub
from hanka.datasets.squad import Document, flat_rows, library, most_given, read_squad
from hanka.errors import DataError
from hanka.tasks import TASKS
from squad_files import squad, write_squad

SOURCE = SOURCES.get("documents")
HERE = Path(__file__).parents[2]


def xquad_folder() -> Path | None:
    """Where XQuAD is: HANKA_DOCUMENTS_DATA, or beside the repository."""
    for place in (os.environ.get("HANKA_DOCUMENTS_DATA"), HERE.parent / "shared/data/documents"):
        if place and (Path(place) / "xquad-en.json").is_file():
            return Path(place)
    return None


def test_a_file_is_four_data_sets_of_their_tasks(tmp_path: Path) -> None:
    write_squad(tmp_path)
    found = SOURCE.catalogue(tmp_path)
    assert {name: one.task for name, one in found.items()} == {
        "towns": "closed-book", "towns-documents": "text", "towns-reading": "reading", "towns-asking": "asking",
    }  # fmt: skip
    for one in found.values():
        task = TASKS.get(one.task)
        for split in one.splits:
            for row in one.load(split):
                assert set(row.fields) == ({"text"} if split == "passages" else set(task.inputs))
                assert split == "passages" or row.target.strip() == row.target != ""


def test_no_article_stands_on_two_sides_and_every_question_somewhere(tmp_path: Path) -> None:
    write_squad(tmp_path, n_articles=16)
    found = SOURCE.catalogue(tmp_path)
    for name in ("towns", "towns-reading", "towns-asking"):
        parts = {split: found[name].load(split) for split in ("train", "test", "validation", "demonstrations")}
        counties = {
            split: {row.id.split("Town")[1].split("-")[0][:-1] for row in rows} for split, rows in parts.items()
        }
        for one, other in combinations(counties.values(), 2):
            assert one.isdisjoint(other)
        assert sum(map(len, parts.values())) == 16 * 2 * 2
        assert len(counties["test"]) == 2  # an eighth
    assert {row.group for row in found["towns"].load("test")} == {row.id for row in found["towns"].load("passages")}
    taught, others = ({row.id for row in found["towns-documents"].load(split)} for split in ("train", "test"))
    assert taught == {row.id for row in found["towns"].load("passages")}
    assert taught.isdisjoint(others)


def test_reading_holds_the_document_and_asking_is_it_turned_round(tmp_path: Path) -> None:
    write_squad(tmp_path)
    found = SOURCE.catalogue(tmp_path)
    closed, read, asked = (found[name].load("test") for name in ("towns", "towns-reading", "towns-asking"))
    for one, two, three in zip(closed, read, asked, strict=True):
        assert one.id == two.id == three.id
        assert one.fields == {"question": two.fields["question"]}
        assert one.target == two.target
        assert one.target in two.fields["document"]
        assert three.fields == {"document": two.fields["document"]}
        assert three.target == one.fields["question"]


def test_files_with_few_articles_are_divided_by_document_and_too_few_are_refused(tmp_path: Path) -> None:
    write_squad(tmp_path / "a", n_articles=1, per_article=8)
    found = SOURCE.catalogue(tmp_path / "a")["towns"]
    assert {split: len(found.load(split)) for split in ("train", "test")} == {"train": 10, "test": 2}
    write_squad(tmp_path / "b", n_articles=1, per_article=3)
    with pytest.raises(DataError, match=r"towns holds 3 document\(s\), and 4 are needed"):
        SOURCE.catalogue(tmp_path / "b")["towns"].load("test")


def test_rows_to_validate_on_are_bounded() -> None:
    documents = tuple(Document(f"d{at}", f"Text {at}.", f"a{at // 40}") for at in range(640))
    sides = divided("many", documents)
    assert (
        sum(1 for side in sides.values() if side == "learnt")
        == sum(1 for side in sides.values() if side == "validation")
        == 80
    )
    assert MOST_VALIDATED < 80


def test_the_answer_most_annotators_gave_counts_the_first_of_equals_and_none_is_counted() -> None:
    assert most_given("x", [{"text": "a"}, {"text": "b"}, {"text": " b "}]) == "b"
    assert most_given("x", {"text": ["a", "b"], "answer_start": [1, 2]}) == "a"
    assert most_given("x", []) == most_given("x", None) == ""
    with pytest.raises(DataError, match="x: `answers` is 3, no list"):
        most_given("x", 3)
    value = squad(1, 1)
    value["data"][0]["paragraphs"][0]["qas"][0]["answers"] = []
    found = library("file", flat_rows("file", value))
    assert (len(found.asked), found.n_without_answer) == (1, 1)


def test_equal_texts_are_one_document_and_one_without_questions_is_a_document(tmp_path: Path) -> None:
    value = squad(1, 1)
    paragraph = value["data"][0]["paragraphs"][0]
    again = {
        "context": paragraph["context"] + " ",
        "qas": [{"id": "x", "question": "What?", "answers": [{"text": "red"}]}],
    }
    value["data"].append({"title": "Other", "paragraphs": [again, {"context": "Nobody asks about this."}]})
    found = library("file", flat_rows("file", value))
    assert len(found.documents) == 2
    assert {one.document for one in found.asked} == {found.documents[0].id}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: {"rows": []}, "is not in the layout of SQuAD"),
        (lambda value: {"data": [{"title": "t"}]}, "is not in the layout of SQuAD"),
        (
            lambda value: {"data": [{"paragraphs": [{"qas": []}]}]},
            "article 1, paragraph 1 has no `context` that is text",
        ),
        (
            lambda value: {"data": [{"paragraphs": [{"context": "x", "qas": 3}]}]},
            "paragraph 1 has `qas` that are no list",
        ),
        (
            lambda value: {"data": [{"paragraphs": [{"context": " ", "qas": []}]}]},
            "row 1: context is ' ': expected text",
        ),
        (lambda value: {"data": [*value["data"], *value["data"]]}, "stands twice in the file"),
        (lambda value: {"data": [{"paragraphs": []}]}, "holds no document"),
    ],
)
def test_a_file_in_another_layout_is_one_line_that_names_the_place(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "towns.json"
    path.write_text(json.dumps(change(squad(2, 1))), encoding="utf-8")
    with pytest.raises(DataError, match=message) as found:
        read_squad(path)
    assert "\n" not in str(found.value)


def test_a_folder_without_files_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \.json file: put files in the layout of SQuAD there"):
        SOURCE.catalogue(tmp_path)
    with pytest.raises(DataError, match="needs a folder"):
        SOURCE.catalogue(None)
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"broken\.json is not JSON"):
        SOURCE.catalogue(tmp_path)["broken"].load("test")


def test_the_hubs_flat_rows_give_the_documents_and_questions_of_the_file(tmp_path: Path) -> None:
    """The real opener on local files in the hub's columns: one question a row, answers as columns."""
    path = tmp_path / "rows.jsonl"
    flat = [
        {**row, "answers": {"text": [one["text"] for one in row["answers"]], "answer_start": [0] * len(row["answers"])}}
        for row in flat_rows("x", squad())
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in flat), encoding="utf-8")
    asked: list[HubAddress] = []

    def local(address: HubAddress) -> Sequence[Mapping[str, Any]]:
        asked.append(address)
        return open_hub(HubAddress("json", split="test", data_files={"test": str(path)}))

    found = hub_catalogue(None, local)["xquad-en"]
    assert not asked, "nothing is fetched before it is needed"
    rows = {row.id: (row.fields, row.target, row.group) for split in ("train", "test") for row in found.load(split)}
    assert asked == [PUBLISHED["xquad-en"][1]]
    write_squad(tmp_path / "files", "xquad-en")
    own = SOURCE.catalogue(tmp_path / "files")["xquad-en"]
    assert rows == {
        row.id: (row.fields, row.target, row.group) for split in ("train", "test") for row in own.load(split)
    }


def test_a_repository_that_changed_its_columns_is_one_line() -> None:
    changed = hub_catalogue(None, lambda address: [{"id": "1", "passage": "x", "question": "?", "answers": []}])
    with pytest.raises(DataError, match=r"hub:google/xquad:xquad\.en:validation has no column 'context'"):
        changed["xquad-en"].load("test")


def test_xquad_as_published() -> None:
    folder = xquad_folder()
    if folder is None:
        pytest.skip("xquad-en.json is not here; set HANKA_DOCUMENTS_DATA to its folder")
    found = read_squad(folder / "xquad-en.json")
    assert (len(found.documents), len(found.asked), found.n_without_answer) == (240, 1190, 0)
    own = SOURCE.catalogue(folder)["xquad-en"]
    assert {split: len(own.load(split)) for split in own.splits} == {
        "train": 874, "test": 159, "demonstrations": 24, "validation": 60, "passages": 30,
    }  # fmt: skip
