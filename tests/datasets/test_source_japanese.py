"""Source `japanese`: on invented rows in the published layout, and on the published files where they are."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest
from japanese_files import N_ROWS, articles, choices, pairs, rated_pairs, sick, write_all, write_lines, write_table

from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset
from hanka.datasets.overlap import exact_overlap
from hanka.datasets.splits import group_of
from hanka.errors import DataError, DataMissingError, HankaError
from hanka.records import Example
from hanka.study import load_study
from hanka.tasks import TASKS

NAMES = ["jnli", "jsick", "jsts", "jsick-relatedness", "jsquad", "jcommonsenseqa"]
HERE = [name for name in NAMES if name != "jsick-relatedness"]
"Those of the single files."


def catalogue(folder: Path) -> Mapping[str, Dataset]:
    return SOURCES.get("japanese").catalogue(folder)


def sides(dataset: Dataset, rows: list[Example]) -> set[str]:
    """What may stand in one split only: sentences, or the groups of what shares its texts by nature."""
    if dataset.task in ("reading-ja", "choice-ja"):
        return {group_of(row) for row in rows}
    return {text for row in rows for text in row.fields.values()} | {group_of(row) for row in rows}


def check(dataset: Dataset) -> dict[str, int]:
    """Check what every data set promises and return its row counts."""
    task = TASKS.get(dataset.task)
    parts = {split: dataset.load(split) for split in dataset.splits}
    ids = [row.id for rows in parts.values() for row in rows]
    assert len(ids) == len(set(ids))
    for one, other in combinations(parts.values(), 2):
        assert sides(dataset, one).isdisjoint(sides(dataset, other))
        assert exact_overlap(one, other) == []
    for split, rows in parts.items():
        assert dataset.load(split) == rows
        for row in rows:
            assert set(row.fields) == set(task.inputs)
            assert all(text == text.strip() != "" for text in row.fields.values())
            assert task.refusal(row) == ""
    if task.labels:
        counts = Counter(row.target for row in parts["demonstrations"])
        assert max(counts.values()) - min(counts[label] for label in task.labels) <= 1
    return {split: len(rows) for split, rows in parts.items()}


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("japanese"))


@pytest.mark.parametrize("name", HERE)
def test_splits_of_invented_files_share_nothing(invented: Path, name: str) -> None:
    counts = check(catalogue(invented)[name])
    assert counts["demonstrations"] == (16 if "train" in counts else 8)


def test_an_only_file_is_divided_and_that_is_recorded(invented: Path) -> None:
    dataset = catalogue(invented)["jnli"]
    counts = {split: len(dataset.load(split)) for split in dataset.splits}
    assert 0.35 < counts["test"] / N_ROWS["jnli"] < 0.41
    assert dataset.reading is not None
    record = dataset.reading().split
    assert record is not None
    assert (Path(record.place).name, record.n_rows) == ("jnli-valid.jsonl", counts)
    photos = N_ROWS["jnli"] // 2
    assert record.n_groups == photos - photos // 10, "every tenth photo shares a caption with the one before"


def test_labels_keep_their_proportions_when_a_file_is_divided(invented: Path) -> None:
    counts = Counter(row.target for row in catalogue(invented)["jnli"].load("test"))
    assert set(counts) == {"含意", "矛盾", "中立"}
    assert max(counts.values()) - min(counts.values()) < 0.05 * counts.total()


def test_labels_of_the_files_become_japanese_words(invented: Path) -> None:
    words = {"entailment": "含意", "contradiction": "矛盾", "neutral": "中立"}
    rows = {f"jnli/valid/{row['sentence_pair_id']}": row for row in pairs(N_ROWS["jnli"])}
    for example in catalogue(invented)["jnli"].load("test"):
        row = rows[example.id]
        assert (example.fields["input_1"], example.fields["input_2"]) == (row["sentence1"], row["sentence2"])
        assert example.target == words[row["label"]]


def test_with_a_training_file_the_whole_validation_file_is_tested(invented: Path, tmp_path: Path) -> None:
    shutil.copyfile(invented / "jnli-valid.jsonl", tmp_path / "jnli-valid.jsonl")
    last_photo = N_ROWS["jnli"] // 2 - 1
    write_lines(tmp_path / "jnli-train.jsonl", pairs(202, first_photo=last_photo))
    dataset = catalogue(tmp_path)["jnli"]
    counts = check(dataset)
    assert counts["test"] == N_ROWS["jnli"]
    photos = {row.group for split in ("train", "demonstrations") for row in dataset.load(split)}
    assert f"photo {last_photo}" not in photos, "it is tested"
    assert f"photo {last_photo + 1}" in photos
    assert dataset.reading is not None
    assert dataset.reading().split is None
    assert {Path(file.place).name: file.n_rows for file in dataset.reading().files} == {
        "jnli-train.jsonl": 202, "jnli-valid.jsonl": N_ROWS["jnli"],
    }  # fmt: skip


@pytest.mark.parametrize("root", ["", "datasets/", "JGLUE/datasets/"])
def test_a_clone_gives_the_same_rows_as_single_files(invented: Path, tmp_path: Path, root: str) -> None:
    for name in ("jnli", "jsts", "jcommonsenseqa"):
        target = tmp_path / f"{root}{name}-v1.3/valid-v1.3.json"
        target.parent.mkdir(parents=True)
        shutil.copyfile(invented / f"{name}-valid.jsonl", target)
    shutil.copyfile(invented / "jcommonsenseqa-train-2000.jsonl", tmp_path / "jcommonsenseqa-train-2000.jsonl")
    for name in ("jnli", "jsts", "jcommonsenseqa"):
        single, cloned = catalogue(invented)[name], catalogue(tmp_path)[name]
        assert [single.load(split) for split in single.splits] == [cloned.load(split) for split in cloned.splits]


def test_a_choice_is_its_number_from_one(invented: Path) -> None:
    rows = {row["q_id"]: row for row in choices(N_ROWS["jcommonsenseqa"], first=8939)}
    tested = catalogue(invented)["jcommonsenseqa"].load("test")
    assert len(tested) == N_ROWS["jcommonsenseqa"]
    for example in tested:
        row = rows[int(example.id.rpartition("/")[2])]
        assert example.fields[f"choice_{example.target}"] == row[f"choice{row['label']}"]


def test_the_target_is_what_most_annotators_answered_and_the_title_has_its_line(invented: Path) -> None:
    example = catalogue(invented)["jsquad"].load("test")[0]
    assert example.target.startswith("北の町")
    title, _, paragraph = example.fields["input"].partition("\n")
    assert example.group == f"article {title}"
    assert paragraph == f"塔は{example.target}にある。[SEP]も字である。"


def test_ratings_are_written_with_their_decimals(invented: Path) -> None:
    targets = {row.target for row in catalogue(invented)["jsts"].load("test")}
    assert targets == {str(n / 5) for n in range(26)}


def test_relatedness_is_read_where_the_whole_of_jsick_is_there(tmp_path: Path) -> None:
    write_table(tmp_path / "JSICK/jsick/jsick.tsv", sick(N_ROWS["jsick"], with_scores=True))
    dataset = catalogue(tmp_path)["jsick-relatedness"]
    assert check(dataset) == {"test": 2000, "demonstrations": 8}
    assert check(catalogue(tmp_path)["jsick"]) == {"test": 2000, "demonstrations": 8}


class TestWhatIsWrong:
    @staticmethod
    def message(folder: Path, name: str) -> str:
        with pytest.raises(DataError) as caught:
            catalogue(folder)[name].load("test")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_no_path(self) -> None:
        with pytest.raises(DataError, match=r"needs `data.path`.*github.com/yahoojapan/JGLUE"):
            SOURCES.get("japanese").catalogue(None)

    def test_a_folder_without_any_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"holds no file of JGLUE 1.3 or JSICK.*github.com/verypluming/JSICK"):
            catalogue(tmp_path)

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [("jsts", "jsts-valid.jsonl (or jsts-v1.3/valid-v1.3.json)"), ("jsick", "jsick.tsv or jsick-annotations.tsv")],
    )
    def test_a_missing_file(self, tmp_path: Path, name: str, wanted: str) -> None:
        (tmp_path / "jnli-valid.jsonl").touch()
        with pytest.raises(DataMissingError) as caught:
            catalogue(tmp_path)[name].load("test")
        assert f"no {wanted}" in str(caught.value)
        assert "github.com" in str(caught.value)

    def test_annotations_without_relatedness(self, invented: Path) -> None:
        with pytest.raises(DataMissingError, match=r"jsick-relatedness: no jsick.tsv"):
            catalogue(invented)["jsick-relatedness"].load("test")

    def test_a_lost_row(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "jnli-valid.jsonl", pairs(N_ROWS["jnli"] - 1))
        assert "jnli-valid.jsonl: expected 2,434 rows, found 2,433: not the published file" in self.message(
            tmp_path, "jnli"
        )

    def test_no_row(self, tmp_path: Path) -> None:
        shutil.copyfile(write_all(tmp_path / "whole") / "jnli-valid.jsonl", tmp_path / "jnli-valid.jsonl")
        (tmp_path / "jnli-train.jsonl").touch()
        assert "jnli-train.jsonl: expected rows, found 0" in self.message(tmp_path, "jnli")

    def test_an_id_that_stands_twice(self, tmp_path: Path) -> None:
        rows = pairs(N_ROWS["jnli"])
        rows[1]["sentence_pair_id"] = "0"
        write_lines(tmp_path / "jnli-valid.jsonl", rows)
        assert "an id stands twice" in self.message(tmp_path, "jnli")

    def test_a_label_that_is_none(self, tmp_path: Path) -> None:
        rows = pairs(N_ROWS["jnli"])
        rows[4]["label"] = "含意"
        write_lines(tmp_path / "jnli-valid.jsonl", rows)
        assert "jnli-valid.jsonl:5: label '含意' is none of entailment" in self.message(tmp_path, "jnli")

    def test_a_column_of_another_name(self, tmp_path: Path) -> None:
        rows = pairs(N_ROWS["jnli"])
        rows[2]["premise"] = rows[2].pop("sentence1")
        write_lines(tmp_path / "jnli-valid.jsonl", rows)
        assert ":3: expected columns" in self.message(tmp_path, "jnli")
        assert "sentence1 is missing" in self.message(tmp_path, "jnli")

    @pytest.mark.parametrize("value", [None, "  ", 5])
    def test_a_sentence_that_is_no_text(self, tmp_path: Path, value: object) -> None:
        rows = pairs(N_ROWS["jnli"])
        rows[0]["sentence2"] = value
        write_lines(tmp_path / "jnli-valid.jsonl", rows)
        assert f":1: sentence2 is {value!r}: expected text" in self.message(tmp_path, "jnli")

    @pytest.mark.parametrize("value", [5.2, -1, "near", None, True, float("nan")])
    def test_a_rating_out_of_range(self, tmp_path: Path, value: object) -> None:
        rows = rated_pairs(N_ROWS["jsts"])
        rows[0]["label"] = value
        write_lines(tmp_path / "jsts-valid.jsonl", rows)
        assert f":1: rating {value!r} is no number from 0 to 5" in self.message(tmp_path, "jsts")

    @pytest.mark.parametrize("value", [5, -1, "0", True])
    def test_a_choice_that_is_none(self, tmp_path: Path, value: object) -> None:
        rows = choices(N_ROWS["jcommonsenseqa"])
        rows[0]["label"] = value
        write_lines(tmp_path / "jcommonsenseqa-valid.jsonl", rows)
        assert f":1: label {value!r} is no choice" in self.message(tmp_path, "jcommonsenseqa")

    @pytest.mark.parametrize("text", ["[]", "{", '{"data": [{"title": "題"}]}', '{"data": 5}', '"data"'])
    def test_another_layout_than_squads(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "jsquad-valid.json").write_text(text)
        assert "jsquad-valid.json is not in the layout of SQuAD" in self.message(tmp_path, "jsquad")

    def test_a_question_without_answers(self, tmp_path: Path) -> None:
        data = articles(N_ROWS["jsquad"])
        data["data"][0]["paragraphs"][0]["qas"][0]["answers"] = []
        write_lines(tmp_path / "jsquad-valid.json", [data])
        assert "is not in the layout of SQuAD" in self.message(tmp_path, "jsquad")

    def test_a_table_that_lost_a_cell(self, tmp_path: Path) -> None:
        write_table(tmp_path / "jsick-annotations.tsv", sick(N_ROWS["jsick"]))
        text = (tmp_path / "jsick-annotations.tsv").read_text().replace("7\t文2\t", "7\t", 1)
        (tmp_path / "jsick-annotations.tsv").write_text(text)
        assert "jsick-annotations.tsv:8: expected 4 columns, found 3" in self.message(tmp_path, "jsick")

    def test_a_table_without_its_header(self, tmp_path: Path) -> None:
        (tmp_path / "jsick-annotations.tsv").write_text("1\t文\t文\tneutral\n")
        assert "jsick-annotations.tsv:1: expected columns pair_ID" in self.message(tmp_path, "jsick")

    @pytest.mark.parametrize("name", ["jnli-valid.jsonl", "jsquad-valid.json", "jsick-annotations.tsv"])
    def test_a_file_that_is_no_text(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
        assert name in self.message(tmp_path, name.partition("-")[0])

    def test_a_line_that_is_no_json(self, tmp_path: Path) -> None:
        (tmp_path / "jnli-valid.jsonl").write_text('{"sentence_pair_id": \n')
        assert "jnli-valid.jsonl:1 is no line of JSON" in self.message(tmp_path, "jnli")


class TestAStudy:
    @staticmethod
    def write(tmp_path: Path, data: str = "{source: japanese}") -> Path:
        path = tmp_path / "study.yaml"
        tasks = "{inference-ja: {}, similarity-ja: {}, reading-ja: {}, choice-ja: {}}"
        path.write_text(f"{{name: s, base: smollm2-135m-instruct, data: {data}, tasks: {tasks}, methods: [base]}}")
        return path

    def test_takes_its_roles_from_the_source(
        self, invented: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HANKA_DATA", str(invented))
        uses = load_study(self.write(tmp_path)).tasks
        roles = {
            name: (use.train and use.train.name, [one.name for one in use.out_of_domain]) for name, use in uses.items()
        }
        assert roles == {
            "inference-ja": ("jnli", ["jsick"]),
            "similarity-ja": ("jsts", []),
            "reading-ja": ("jsquad", []),
            "choice-ja": ("jcommonsenseqa", []),
        }

    def test_without_a_folder_says_how_to_name_one(self, tmp_path: Path) -> None:
        with pytest.raises(HankaError, match=r"JGLUE 1.3 .* --data DIR, HANKA_DATA or `path:`"):
            load_study(self.write(tmp_path))

    def test_of_a_folder_without_the_files_says_where_they_are(self, tmp_path: Path) -> None:
        with pytest.raises(HankaError, match=r"study.yaml:1.*holds no file of JGLUE.*github.com/yahoojapan/JGLUE"):
            load_study(self.write(tmp_path, "{source: japanese, path: .}"))


COUNTS = {
    "jnli": {"train": 1410, "test": 974, "demonstrations": 16},
    "jsick": {"test": 2000, "demonstrations": 8},
    "jsts": {"train": 858, "test": 583, "demonstrations": 16},
    "jsquad": {"train": 2463, "test": 1777, "demonstrations": 16},
    "jcommonsenseqa": {"train": 1982, "test": 1119, "demonstrations": 16},
}
"Of these files."
SINGLE = {
    "jnli-valid.jsonl", "jsts-valid.jsonl", "jsquad-valid.json", "jcommonsenseqa-valid.jsonl", "jcommonsenseqa-train-2000.jsonl",
    "jsick-annotations.tsv",
}  # fmt: skip
"Validation files alone, and the first 2,000 training rows of JCommonsenseQA."


@pytest.mark.parametrize("name", HERE)
def test_the_published_files_keep_every_promise(japanese_data: Path, name: str) -> None:
    dataset = catalogue(japanese_data)[name]
    counts = check(dataset)
    assert dataset.reading is not None
    if {Path(file.place).name for file in dataset.reading().files} <= SINGLE:
        assert counts == COUNTS[name]
