import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset
from hanka.datasets.overlap import exact_overlap, near_overlap
from hanka.datasets.paper import GOLDENS
from hanka.datasets.release import INPUTS
from hanka.errors import DataError

# Published files whose demonstrations are also test rows, at 0-based places (demonstration, test).
LEAKS = {
    "paws": {(2, 248), (5, 406)},
    "multinli": {(0, 18)},
    "rte": {(2, 163)},
    "socialqa": {(1, 229)},
    "sst2": {(4, 145), (5, 277)},
    "cnn": {(0, 340), (1, 67), (2, 321), (3, 159)},
    "sciqa": {(6, 9)},
    "amazon": {(6, 156)},
    "stsb": {(3, 313)},
}


def places(matches: list[tuple[str, str]]) -> set[tuple[int, int]]:
    return {(int(first[-4:]), int(second[-4:])) for first, second in matches}


def test_every_released_file_at_hand_matches_its_golden(paper_data: Path, paper: Mapping[str, Dataset]) -> None:
    read = 0
    for dataset in paper.values():
        for split in dataset.splits:
            sizes = [2000, 4000, 6000] if split == "train" else [None]
            for size in sizes:
                if dataset.name == "xsum" and size in (4000, 6000):
                    continue
                examples = dataset.load(split, size)
                assert tuple(examples[0].fields) == INPUTS[dataset.task]
                assert len({example.id for example in examples}) == len(examples)
                read += 1
    unseen = {"summary/xsum_train_4000.json", "summary/xsum_train_6000.json"}
    assert read == len(GOLDENS.keys() - unseen)


def test_a_size_picks_the_smallest_file_that_is_enough(paper: Mapping[str, Dataset]) -> None:
    sizes = [64, 2000, 2001, 4000, 6000]
    assert [len(paper["paws"].load("train", size)) for size in sizes] == [2000, 2000, 4000, 4000, 5986]


def test_no_size_reads_the_largest_file_present(paper: Mapping[str, Dataset]) -> None:
    assert len(paper["amazon"].load("train")) == 5999
    assert len(paper["xsum"].load("train")) == 2000


def test_an_absent_training_file_says_where_it_comes_from(paper: Mapping[str, Dataset], paper_data: Path) -> None:
    if (paper_data / "summary" / "xsum_train_4000.json").exists():
        pytest.skip("this copy of the release has the large XSum files")
    with pytest.raises(DataError, match=r"xsum_train_4000.json is missing: .*release.*put it there"):
        paper["xsum"].load("train", 3000)


def test_a_size_beyond_the_release_is_refused(paper: Mapping[str, Dataset]) -> None:
    with pytest.raises(DataError, match="goes up to 6000"):
        paper["amazon"].load("train", 6001)


def test_ids_are_positions_and_rows_keep_the_order_of_the_file(paper: Mapping[str, Dataset], paper_data: Path) -> None:
    raw = json.loads((paper_data / "sentiment" / "amazon_test_500.json").read_text(encoding="utf-8"))
    examples = paper["amazon"].load("test")
    assert [example.id for example in examples[:2]] == ["amazon/test/0000", "amazon/test/0001"]
    assert [example.fields["input"] for example in examples] == [row["input"] for row in raw]


def test_rows_without_a_majority_label_are_kept(paper: Mapping[str, Dataset]) -> None:
    counts = {name: sum(row.target == "-" for row in paper[name].load("test")) for name in ("multinli", "multinli2")}
    assert counts == {"multinli": 8, "multinli2": 16}


def test_demonstrations_that_leak_into_the_test_are_found(paper: Mapping[str, Dataset]) -> None:
    found = {
        name: places(exact_overlap(dataset.load("demonstrations"), dataset.load("test")))
        for name, dataset in paper.items()
    }
    assert {name: leaks for name, leaks in found.items() if leaks} == LEAKS


def test_no_test_row_is_in_a_training_file(paper: Mapping[str, Dataset]) -> None:
    for name in ("amazon", "paws", "multinli", "socialqa", "xsum"):
        assert not exact_overlap(paper[name].load("train"), paper[name].load("test"))


def test_near_overlap_of_paws_is_found(paper: Mapping[str, Dataset]) -> None:
    matches = near_overlap(paper["paws"].load("train", 6000), paper["paws"].load("test"))
    assert len(matches) == 31
    assert min(match.similarity for match in matches) >= 0.8


class TestAnEditedCopy:
    @pytest.fixture
    def folder(self, paper_data: Path, tmp_path: Path) -> Path:
        for task in INPUTS:
            (tmp_path / task).mkdir()
        shutil.copyfile(paper_data / "inference" / "rte_test_500.json", tmp_path / "inference" / "rte_test_500.json")
        return tmp_path

    @staticmethod
    def rewrite(folder: Path, rows: object) -> Dataset:
        (folder / "inference" / "rte_test_500.json").write_text(json.dumps(rows), encoding="utf-8")
        return SOURCES.get("paper").catalogue(folder)["rte"]

    @staticmethod
    def rows(folder: Path) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = json.loads(
            (folder / "inference" / "rte_test_500.json").read_text(encoding="utf-8")
        )
        return rows

    def test_that_lost_a_row_is_refused(self, folder: Path) -> None:
        with pytest.raises(DataError, match=r"rte_test_500.json: expected 500 rows, found 499"):
            self.rewrite(folder, self.rows(folder)[1:]).load("test")

    def test_that_changed_a_label_is_refused(self, folder: Path) -> None:
        rows = self.rows(folder)
        rows[0]["output"] = "contradiction"
        with pytest.raises(DataError, match=r"expected labels .* found .*contradiction"):
            self.rewrite(folder, rows).load("test")

    def test_that_renamed_a_field_is_refused(self, folder: Path) -> None:
        rows = self.rows(folder)
        rows[7]["premise"] = rows[7].pop("input_1")
        with pytest.raises(DataError, match=r"row 7: expected fields .*input_1.* found .*premise"):
            self.rewrite(folder, rows).load("test")

    def test_that_holds_a_number_is_refused(self, folder: Path) -> None:
        rows: list[dict[str, object]] = [dict(row) for row in self.rows(folder)]
        rows[3]["input_1"] = 5
        with pytest.raises(DataError, match="row 3: expected text"):
            self.rewrite(folder, rows).load("test")

    def test_that_is_not_json_is_refused(self, folder: Path) -> None:
        (folder / "inference" / "rte_test_500.json").write_text("[{", encoding="utf-8")
        with pytest.raises(DataError, match="cannot be read as JSON"):
            SOURCES.get("paper").catalogue(folder)["rte"].load("test")


def test_a_study_must_name_the_folder() -> None:
    with pytest.raises(DataError, match=r"needs `data.path`"):
        SOURCES.get("paper").catalogue(None)


def test_a_folder_that_is_not_the_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not the paper's release: no folder 'summary'"):
        SOURCES.get("paper").catalogue(tmp_path)
