import csv
import io
import json
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hanka.datasets.base import Dataset
from hanka.datasets.files import read_rows
from hanka.datasets.own import own_dataset
from hanka.datasets.own_rows import OwnSpec
from hanka.errors import DataError
from hanka.identity import fingerprint

ROWS = [{"text": f"mail number {i}, about “{i % 7}”", "label": "good" if i % 2 else "bad"} for i in range(40)]
FIELDS = {"input": "text", "output": "label"}


def spec(**changes: object) -> OwnSpec:
    values: dict[str, object] = {"task": "tone", "domain": "mail", "inputs": ("input",), "fields": FIELDS, **changes}
    return OwnSpec(**values)  # type: ignore[arg-type]


def write(path: Path, rows: list[dict[str, str]]) -> str:
    """Write rows in the format of the suffix; return the name."""
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path.name


def own(tmp_path: Path, **changes: object) -> Dataset:
    return own_dataset("mine", spec(**changes), tmp_path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv", ".parquet"])
def test_every_format_reads_the_same(tmp_path: Path, suffix: str) -> None:
    name = write(tmp_path / f"a{suffix}", ROWS)
    examples = own(tmp_path, test=name, demonstrations=write(tmp_path / "d.csv", ROWS[:2])).load("test")
    in_file_order = sorted(examples, key=lambda example: example.id)
    assert [(example.fields["input"], example.target) for example in in_file_order] == [
        (row["text"], row["label"]) for row in ROWS
    ]
    assert in_file_order[3].id == "mine/test/000003"


def test_the_first_rows_of_a_file_sorted_by_label_are_a_fair_sample(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "text": f"mail {i}", "label": "good" if i < 100 else "bad"} for i in range(200)]
    dataset = own(tmp_path, train=write(tmp_path / "a.csv", rows), test=write(tmp_path / "b.csv", ROWS))
    first = dataset.load("train")[:40]
    assert 10 <= sum(example.target == "good" for example in first) <= 30
    assert [example.id for example in first] == [example.id for example in dataset.load("train")[:40]]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=12)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), st.sampled_from([",", "\t"]), st.booleans())
def test_any_csv_that_python_writes_is_read_back(rows: list[tuple[str, str]], delimiter: str, quoted: bool) -> None:
    # Lines of a quoted value that hold tabs look like rows of a file in which quotes are text.
    assume(not any("\t" in cell and ("\n" in cell or "\r" in cell) for row in rows for cell in row))
    # With "\n" as its end of line, Python's writer leaves a lone "\r" bare unless it quotes everything.
    buffer = io.StringIO(newline="")
    quoting, end = (csv.QUOTE_ALL, "\n") if quoted else (csv.QUOTE_MINIMAL, "\r\n")
    csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([("a", "b"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("x.csv" if delimiter == "," else "x.tsv")
        path.write_bytes(buffer.getvalue().encode("utf-8-sig"))
        assert [tuple(row.values.values()) for row in read_rows(path)] == rows


def test_a_place_names_the_line_where_a_csv_row_begins(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n"one\ntwo",x\n\nthree,y\n', encoding="utf-8")
    assert [row.place.rpartition(":")[2] for row in read_rows(tmp_path / "a.csv")] == ["2", "5"]


def test_a_very_long_csv_cell_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n" + "x" * 300_000 + "\n", encoding="utf-8")
    assert len(read_rows(tmp_path / "a.csv")[0].values["a"]) == 300_000


def test_a_json_file_may_hold_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / "a.json")] == [{"a": 1}, {"a": 2}]


def test_numbers_and_truth_values_become_text(tmp_path: Path) -> None:
    lines = ['{"text": 5, "label": true}', '{"text": 0.5, "label": false}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    examples = own(tmp_path, train="a.jsonl", test=write(tmp_path / "b.csv", ROWS)).load("train")
    demonstrations = own(tmp_path, train="a.jsonl").load("demonstrations")
    found = {(example.fields["input"], example.target) for example in [*examples, *demonstrations]}
    assert found == {("5", "true"), ("0.5", "false")}


def test_labels_are_renamed(tmp_path: Path) -> None:
    dataset = own(tmp_path, train=write(tmp_path / "a.csv", ROWS), labels={"good": "positive", "bad": "negative"})
    assert {example.target for example in dataset.load("train")} == {"positive", "negative"}


def test_ids_and_groups_come_from_columns_when_mapped(tmp_path: Path) -> None:
    rows = [{**row, "number": f"n{i}", "thread": f"t{i // 4}"} for i, row in enumerate(ROWS)]
    dataset = own(tmp_path, test=write(tmp_path / "a.csv", rows), fields={**FIELDS, "id": "number", "group": "thread"})
    test, demonstrations = dataset.load("test"), dataset.load("demonstrations")
    assert {example.id for example in [*test, *demonstrations]} == {f"n{i}" for i in range(40)}
    assert not {example.group for example in test} & {example.group for example in demonstrations}


class TestDemonstrations:
    def test_come_out_of_train_evenly(self, tmp_path: Path) -> None:
        rows = [{**ROWS[i % 40], "text": f"{i}"} for i in range(400)]
        dataset = own(tmp_path, train=write(tmp_path / "a.csv", rows), test=write(tmp_path / "b.csv", ROWS))
        train, demonstrations = dataset.load("train"), dataset.load("demonstrations")
        assert (len(train), len(demonstrations), len(dataset.load("test"))) == (384, 16, 40)
        assert Counter(example.target for example in demonstrations) == {"good": 8, "bad": 8}
        assert not {example.id for example in train} & {example.id for example in demonstrations}

    def test_come_out_of_a_test_that_stands_alone(self, tmp_path: Path) -> None:
        dataset = own(tmp_path, test=write(tmp_path / "a.csv", ROWS))
        assert dataset.splits == ("test", "demonstrations")
        assert (len(dataset.load("test")), len(dataset.load("demonstrations"))) == (36, 4)

    def test_that_are_given_take_nothing_away(self, tmp_path: Path) -> None:
        dataset = own(
            tmp_path, train=write(tmp_path / "a.csv", ROWS), demonstrations=write(tmp_path / "d.csv", ROWS[:3])
        )
        assert (len(dataset.load("train")), len(dataset.load("demonstrations"))) == (40, 3)

    def test_cannot_come_from_a_single_row(self, tmp_path: Path) -> None:
        dataset = own(tmp_path, test=write(tmp_path / "a.csv", ROWS[:1]))
        assert len(dataset.load("test")) == 1
        with pytest.raises(DataError, match="too few rows"):
            dataset.load("demonstrations")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x", "label": "y"}\n{oops}\n', r"a.jsonl:2 is not JSON"),
        ("a.jsonl", "[1, 2]\n", r"a.jsonl:1 is no object with columns, but a list"),
        ("a.json", '[{"text": "x"},\n oops]', r"a.json:2 is not JSON"),
        (
            "a.json",
            '[{"text": "x", "label": "y"}, 5]',
            r"a.json row 2 is no object with columns, but a number \(1 of 2 rows is blank or broken\): mend it, or leave",
        ),
        ("a.csv", 'text,label\nx,y\n"x,y\n', r"a.csv:3 cannot be read as CSV"),
        ("a.csv", "text,label\nx,y,z\n", r"a.csv:2 has 3 columns, the header has 2"),
        ("a.csv", "text,text\nx,y\n", r"a.csv:1 names the column 'text' twice"),
        ("a.csv", "text,label\n", r"a.csv has no rows"),
        ("a.jsonl", "\n \n", r"a.jsonl has no rows"),
        ("a.csv", "text,label\nx,\n", r"a.csv:2: column 'label' is empty"),
        ("a.jsonl", '{"text": null, "label": "y"}', r"a.jsonl:1: column 'text' is empty"),
        ("a.jsonl", '{"text": "  ", "label": "y"}', r"a.jsonl:1: column 'text' is empty"),
        ("a.jsonl", '{"text": ["x"], "label": "y"}', r"a.jsonl:1: column 'text' is a list, not text"),
        ("a.jsonl", '{"text": NaN, "label": "y"}', r"a.jsonl:1: column 'text' is nan, which is no value"),
        ("a.jsonl", '{"text": -Infinity, "label": "y"}', r"a.jsonl:1: column 'text' is -inf, which is no value"),
        ("a.jsonl", '{"text": "x", "label": "y"}\n{"text": "x"}', r"a.jsonl:2: column 'label' is empty"),
        ("a.csv", "texts,label\nx,y\n", r"no column 'text' for field 'input': did you mean 'texts'"),
        ("a.parquet", "not parquet", r"cannot be read as Parquet"),
        ("a.txt", "x", r"has suffix '.txt': allowed are .jsonl, .json, .csv, .tsv, .parquet"),
    ],
)
def test_a_wrong_file_is_one_line_that_says_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        own(tmp_path, test=name).load("test")
    assert "\n" not in str(caught.value)


def test_text_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text,label\ncafé,good\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"a.csv is not UTF-8 \(byte 14\)"):
        own(tmp_path, test="a.csv").load("test")


def test_an_unknown_label_suggests_the_nearest(tmp_path: Path) -> None:
    dataset = own(tmp_path, test=write(tmp_path / "a.csv", ROWS), labels={"goods": "x", "bad": "y"})
    said = r"20 of 40 test rows .* no label of task tone: 'good' \(20, first in a.csv:3; did you mean 'goods'"
    with pytest.raises(DataError, match=said):
        dataset.load("test")


def test_repeated_ids_name_both_places(tmp_path: Path) -> None:
    dataset = own(tmp_path, test=write(tmp_path / "a.csv", ROWS), fields={**FIELDS, "id": "label"})
    with pytest.raises(DataError, match=r"a.csv:4: id 'bad' was already used at .*a.csv:2"):
        dataset.load("test")


class TestDeclaring:
    def test_a_missing_file_suggests_the_nearest(self, tmp_path: Path) -> None:
        write(tmp_path / "train.csv", ROWS)
        with pytest.raises(DataError, match=r"train file .*trian.csv does not exist: did you mean 'train.csv'"):
            own(tmp_path, train="trian.csv")

    def test_one_file_cannot_be_two_splits(self, tmp_path: Path) -> None:
        write(tmp_path / "a.csv", ROWS)
        with pytest.raises(DataError, match="train and test are the same"):
            own(tmp_path, train="a.csv", test="./a.csv")

    def test_some_file_is_needed(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="neither train nor test"):
            own(tmp_path)

    def test_an_unknown_field_suggests_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="task tone has no field 'inputs': did you mean 'input'"):
            own(tmp_path, test=write(tmp_path / "a.csv", ROWS), fields={"inputs": "text"})

    def test_a_hub_address_is_checked_without_a_network(self, tmp_path: Path) -> None:
        dataset = own(tmp_path, test="hub:owner/name@v1:en:validation")
        assert dataset.source == "hub:owner/name@v1:en:validation"
        assert own(tmp_path, test="hub:owner/name").source == "hub:owner/name::test"
        with pytest.raises(DataError, match="is not a hub dataset: write hub:owner/name"):
            own(tmp_path, test="hub:name")

    def test_the_same_hub_split_cannot_serve_twice(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="are the same"):
            own(tmp_path, train="hub:owner/name::train", test="hub:owner/name::train")


TEXTS = [{"text": f"Fact {i}: water number {i} is wet.", "key": f"k{i}"} for i in range(5)]


def test_validation_rows_come_from_their_own_file_in_hashed_order(tmp_path: Path) -> None:
    train, test, chosen = (write(tmp_path / f"{name}.csv", rows) for name, rows in zip("abc", (ROWS[:20], ROWS[20:30], ROWS[30:]), strict=True))  # fmt: skip
    dataset = own(tmp_path, train=train, test=test, validation=chosen)
    assert dataset.splits == ("train", "test", "demonstrations", "validation")
    found = dataset.load("validation")
    assert {example.fields["input"] for example in found} == {row["text"] for row in ROWS[30:]}
    assert [example.id for example in found] != sorted(example.id for example in found)
    assert len(dataset.load("train")) + len(dataset.load("demonstrations")) == 20


def test_validation_rows_are_no_test_rows(tmp_path: Path) -> None:
    name = write(tmp_path / "a.csv", ROWS)
    with pytest.raises(DataError, match="test and validation are the same"):
        own(tmp_path, test=name, validation=name)


def test_passages_have_a_text_no_target_and_their_own_order(tmp_path: Path) -> None:
    name = write(tmp_path / "facts.jsonl", TEXTS)
    alone = own(tmp_path, task="", inputs=(), fields={}, passages=name)
    assert alone.splits == ("passages",)
    assert alone.source == "facts.jsonl"
    found = alone.load("passages")
    assert [example.fields for example in found] == [{"text": row["text"]} for row in TEXTS]
    assert [example.target for example in found] == [""] * 5
    assert found[3].id == "mine/passages/000003"
    named = own(tmp_path, task="", inputs=(), fields={"text": "text", "id": "key"}, passages=name).load("passages")
    assert [example.id for example in named] == ["k0", "k1", "k2", "k3", "k4"]


def test_passages_beside_rows_need_none_of_their_columns(tmp_path: Path) -> None:
    rows = [{**row, "number": str(place)} for place, row in enumerate(ROWS)]
    both = own(
        tmp_path,
        test=write(tmp_path / "a.csv", rows),
        passages=write(tmp_path / "facts.csv", [{"text": "one"}, {"text": "two"}]),
        fields={**FIELDS, "id": "number"},
    )
    assert [example.id for example in both.load("passages")] == ["mine/passages/000000", "mine/passages/000001"]
    assert both.splits == ("test", "demonstrations", "passages")


def test_a_column_of_passages_is_mapped_like_others(tmp_path: Path) -> None:
    name = write(tmp_path / "facts.csv", [{"abstract": "one"}])
    with pytest.raises(DataError, match=r"no column 'text' for field 'text'.*fields: \{text: COLUMN\}"):
        own(tmp_path, task="", inputs=(), fields={}, passages=name).load("passages")
    mapped = own(tmp_path, task="", inputs=(), fields={"text": "abstract"}, passages=name)
    assert mapped.load("passages")[0].fields == {"text": "one"}


def test_validation_or_demonstrations_alone_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither train nor test"):
        own(tmp_path, validation=write(tmp_path / "a.csv", ROWS), passages=write(tmp_path / "facts.csv", TEXTS))


@pytest.mark.parametrize(("split", "expected"), [("validation", "validation"), ("passages", "train"), ("test", "test")])
def test_a_hub_dataset_is_read_at_the_split_of_its_role(tmp_path: Path, split: str, expected: str) -> None:
    places = {"test": "hub:some/tests", split: "hub:some/rows"}
    seen: list[str] = []

    def parsed(place: str, default_split: str) -> str:
        seen.append(f"{place} {default_split}")
        return place

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hanka.datasets.own.parse_address", parsed)
        own(tmp_path, **places)
    assert f"hub:some/rows {expected}" in seen


CHANNELS = [row | {"channel": ["web", "phone", " "][place % 3]} for place, row in enumerate(ROWS)]


def test_columns_to_show_results_by_travel_with_the_rows_and_change_no_fingerprint(tmp_path: Path) -> None:
    files = {"train": write(tmp_path / "train.csv", ROWS), "test": write(tmp_path / "test.csv", CHANNELS)}
    plain, sliced = own(tmp_path, **files), own(tmp_path, **files, slices=("channel",))
    rows = sorted(sliced.load("test"), key=lambda example: example.id)
    assert [row.slices for row in rows[:3]] == [{"channel": "web"}, {"channel": "phone"}, {"channel": ""}]
    assert fingerprint(sliced.load("test")) == fingerprint(plain.load("test"))
    assert all(row.slices == {"channel": ""} for row in sliced.load("train"))  # only test rows need it
    assert all(row.slices == {} for row in plain.load("test"))


def test_a_column_to_show_results_by_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    dataset = own(tmp_path, test=write(tmp_path / "a.csv", CHANNELS), slices=("chanel",))
    with pytest.raises(
        DataError, match=r"dataset mine: .*a\.csv has no column 'chanel' to show results by: did you mean 'channel'"
    ):
        dataset.load("test")
