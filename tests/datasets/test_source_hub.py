"""The mapping from hub rows to examples, on small local files of the same shape; no network."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hanka.datasets import hub_rows
from hanka.datasets.base import Dataset
from hanka.datasets.hub import catalogue, hashed_order, to_example
from hanka.datasets.hub_recipes import RECIPES
from hanka.datasets.hub_rows import HubAddress, open_hub, parse_address
from hanka.datasets.release import ENTRIES, INPUTS, LABELS
from hanka.errors import DataError

BY_NAME = {recipe.name: recipe for recipe in RECIPES}
TASKS = {entry.name: entry.task for entry in ENTRIES}

# Data set → a row as the repository has it, and the example it becomes (None: left out).
ROWS: dict[str, list[tuple[dict[str, Any], tuple[tuple[str, ...], str] | None]]] = {
    "xsum": [({"id": "1", "document": "text ", "summary": "sum"}, (("text",), "sum"))],
    "xlsum": [({"title": "t", "text": "text", "summary": "sum"}, (("text",), "sum"))],
    "pdfs": [({"abstract": "text", "title": "name"}, (("text",), "name")), ({"abstract": "", "title": "name"}, None)],
    "cnn": [({"article": "text", "highlights": "a .\nb ."}, (("text",), "a .\nb ."))],
    "socialqa": [
        (
            {"context": "c", "question": "q", "answerA": "a", "answerB": "b", "answerC": "c", "label": "2"},
            (("c", "b"), "q"),
        ),
        ({"context": "c", "question": "q", "answerA": "a", "answerB": "b", "answerC": "c", "label": ""}, None),
    ],
    "tweetqa": [
        ({"Tweet": "t", "Question": "q", "Answer": ["a", "an a"]}, (("t", "a"), "q")),
        ({"Tweet": "t", "Question": "q", "Answer": []}, None),
    ],
    "sciqa": [
        ({"support": "s", "question": "q", "correct_answer": "a"}, (("s", "a"), "q")),
        ({"support": "", "question": "q", "correct_answer": "a"}, None),
    ],
    "amazon": [({"title": "t", "content": "c", "label": 1}, (("c",), "positive"))],
    "amazonfood": [
        ({"Text": "c", "Score": 4}, (("c",), "positive")),
        ({"Text": "c", "Score": 2}, (("c",), "negative")),
        ({"Text": "c", "Score": 3}, None),
    ],
    "sst2": [({"sentence": "s", "label": 0}, (("s",), "negative")), ({"sentence": "s", "label": -1}, None)],
    "yelp": [({"text": "s", "label": 2}, (("s",), "negative")), ({"text": "s", "label": 3}, (("s",), "positive"))],
    "paws": [({"sentence1": "a", "sentence2": "b", "label": 1}, (("a", "b"), "yes"))],
    "qqp": [({"question1": "a", "question2": "b", "label": 0}, (("a", "b"), "no"))],
    "stsb": [
        ({"sentence1": "a", "sentence2": "b", "label": 3.6}, (("a", "b"), "yes")),
        ({"sentence1": "a", "sentence2": "b", "label": 3.4}, (("a", "b"), "no")),
        ({"sentence1": "a", "sentence2": "b", "label": 3.5}, None),
        ({"sentence1": "a", "sentence2": "b", "label": -1.0}, None),
    ],
    "multinli": [({"premise": "p", "hypothesis": "h", "label": 2}, (("p", "h"), "contradiction"))],
    "multinli2": [({"premise": "p", "hypothesis": "h", "label": -1}, None)],
    "rte": [({"sentence1": "p", "sentence2": "h", "label": 1}, (("p", "h"), "neutral"))],
    "gptnli": [
        ({"premise": "p", "hypothesis": "h", "label": 0}, (("p", "h"), "entailment")),
        ({"premise": "p", "hypothesis": "h", "label": "neutral"}, (("p", "h"), "neutral")),
    ],
}


@pytest.mark.parametrize(("name", "row", "expected"), [(name, *case) for name, cases in ROWS.items() for case in cases])
def test_a_row_becomes_the_papers_example(
    name: str, row: dict[str, Any], expected: tuple[tuple[str, ...], str] | None
) -> None:
    example = to_example(BY_NAME[name], row, "x")
    if expected is None:
        assert example is None
    else:
        assert example is not None
        assert tuple(example.fields) == INPUTS[TASKS[name]]
        assert (tuple(example.fields.values()), example.target) == expected
        assert TASKS[name] not in LABELS or example.target in LABELS[TASKS[name]]


def test_every_dataset_has_a_recipe_and_a_tested_mapping() -> None:
    assert list(BY_NAME) == list(TASKS)
    assert set(ROWS) == set(TASKS)


def local(folder: Path, rows: int = 700, **changes: object) -> Mapping[str, Dataset]:
    """List the hub's data sets over local JSON lines, which the `datasets` library reads."""
    row = {"sentence1": "p", "sentence2": "h", "premise": "p", "hypothesis": "h", "label": 1, **changes}
    path = folder / "rows.jsonl"
    lines = [json.dumps({**row, "premise": f"p{number}"}) for number in range(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")

    def open_rows(address: HubAddress) -> Sequence[Mapping[str, Any]]:
        return open_hub(HubAddress("json", split="train", data_files={"train": str(path)}))

    return catalogue(None, open_rows)


class TestReadingThroughTheLibrary:
    @pytest.fixture(autouse=True)
    def library(self, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
        pytest.importorskip("datasets", reason="the library `datasets` is not installed")
        import datasets.config

        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))

    def test_splits_cut_from_one_upstream_split_are_disjoint(self, tmp_path: Path) -> None:
        dataset = local(tmp_path)["gptnli"]
        test, demonstrations = dataset.load("test"), dataset.load("demonstrations")
        assert (len(test), len(demonstrations)) == (500, 8)
        assert not {example.id for example in test} & {example.id for example in demonstrations}
        assert dataset.load("test") == test

    def test_train_leaves_the_demonstrations_out(self, tmp_path: Path) -> None:
        dataset = local(tmp_path)["multinli"]
        train, demonstrations = dataset.load("train"), dataset.load("demonstrations")
        assert (len(train), len(demonstrations)) == (692, 8)
        assert not {example.id for example in train} & {example.id for example in demonstrations}

    def test_a_changed_column_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"hub:Yelp/yelp_review_full::test has no column 'text'") as caught:
            local(tmp_path)["yelp"].load("test")
        assert "\n" not in str(caught.value)

    def test_an_unknown_label_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="label '7' is not known"):
            local(tmp_path, label=7)["multinli"].load("train")

    def test_a_split_without_labels_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no row with every field and a label"):
            local(tmp_path, label=-1)["multinli"].load("train")

    def test_a_hub_out_of_reach_is_asked_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        import datasets

        class ConnectError(Exception):
            """Named as HTTP libraries name it."""

        def nobody(*_: object, **__: object) -> None:
            raise ConnectError("[Errno -2] Name or service not known")

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", nobody)
        monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("it was tried again"))
        with pytest.raises(DataError, match=r"hub:owner/name::test cannot be read: the hub is out of reach"):
            open_hub(HubAddress("owner/name", split="test"))

    def test_an_unreadable_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_text("{oops", encoding="utf-8")
        address = HubAddress("json", split="train", data_files={"train": str(tmp_path / "rows.jsonl")})
        with pytest.raises(DataError, match="cannot be read") as caught:
            open_hub(address)
        assert "\n" not in str(caught.value)


def test_the_hashed_order_is_a_fixed_permutation() -> None:
    order = hashed_order(1000, 7)
    assert sorted(order) == list(range(1000))
    assert order == hashed_order(1000, 7)
    assert order != hashed_order(1000, 8)
    assert hashed_order(6, 7) == [1, 5, 0, 4, 3, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hub:a/b", HubAddress("a/b", split="test")),
        ("hub:a/b@refs/convert/parquet", HubAddress("a/b", revision="refs/convert/parquet", split="test")),
        ("hub:a/b:en", HubAddress("a/b", config="en", split="test")),
        ("hub:a/b@v1:en:validation", HubAddress("a/b", config="en", revision="v1", split="validation")),
        ("hub:a/b::validation", HubAddress("a/b", split="validation")),
    ],
)
def test_addresses_are_read_and_written_back(text: str, expected: HubAddress) -> None:
    assert parse_address(text, "test") == expected
    assert parse_address(str(expected), "other") == expected


@pytest.mark.parametrize("text", ["hub:", "hub:a", "hub:a/b/c", "hub:/b", "hub:a/b:c:d:e"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is not a hub dataset"):
        parse_address(text, "test")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (RuntimeError("Dataset is gated"), "accept its terms"),
        (RuntimeError("401 Client Error"), "accept its terms"),
        (RuntimeError("403 Forbidden"), "accept its terms"),
        (RuntimeError("Dataset scripts are no longer supported"), "refs/convert/parquet"),
        (ConnectionError("reset by peer"), "out of reach"),
        (OSError("failed to connect"), "out of reach"),
        (OSError("offline mode is enabled"), "out of reach"),
        (OSError("We couldn't reach the file"), "out of reach"),
        (ValueError("no such split"), "no such split"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_a_hub_says_comes_with_what_to_do(error: Exception, advice: str) -> None:
    said = hub_rows._advice(error)
    assert advice in said
    assert ("out of reach" in said) == (advice == "out of reach")


def test_the_cause_of_an_error_is_what_is_told() -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = ConnectionError("reset by peer")
    assert hub_rows._advice(outer).startswith("reset by peer")
