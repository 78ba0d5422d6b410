"""What users' files hold: other separators, quotes that are text, NaN, nested JSON, blank and broken rows; no row vanishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanka.datasets.base import Dataset
from hanka.datasets.files import read_rows
from hanka.datasets.own import own_dataset
from hanka.datasets.own_rows import OwnSpec
from hanka.datasets.splits import Shares
from hanka.errors import DataError

FIELDS = {"input": "text", "output": "tone"}
ROWS = [{"text": f"mail number {n}", "tone": ("good", "bad")[n % 2]} for n in range(24)]


def own(folder: Path, name: str, content: str, **changes: object) -> Dataset:
    (folder / name).write_text(content, encoding="utf-8")
    values: dict[str, object] = {
        "task": "tone",
        "domain": "mail",
        "inputs": ("input",),
        "fields": FIELDS,
        "train": name,
    }
    return own_dataset("mails", OwnSpec(**values | {"words": ("good", "bad")} | changes), folder)  # type: ignore[arg-type]


def pairs(path: Path) -> list[tuple[str, ...]]:
    return [tuple(row.values.values()) for row in read_rows(path)]


def separated(separator: str, rows: list[dict[str, str]] = ROWS) -> str:
    return "".join(f"{one['text']}{separator}{one['tone']}\n" for one in [{"text": "text", "tone": "tone"}, *rows])


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "said"])
def test_columns_are_separated_by_what_the_header_holds_or_the_first_line_says(
    tmp_path: Path, name: str, separator: str, first: str
) -> None:
    text = (f"sep={separator}\r\n" if first else "") + separated(separator)
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert pairs(tmp_path / name) == [(one["text"], one["tone"]) for one in ROWS]


def test_a_separator_of_the_suffix_wins_and_other_marks_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text;more,tone\na;b,good\n")
    assert read_rows(tmp_path / "a.csv")[0].values == {"text;more": "a;b", "tone": "good"}
    (tmp_path / "b.csv").write_text("text\na; b\n")
    assert read_rows(tmp_path / "b.csv")[0].values == {"text": "a; b"}


@pytest.mark.parametrize("closed", [True, False])
def test_lines_separated_by_tabs_that_begin_with_a_quote_swallow_nothing(tmp_path: Path, closed: bool) -> None:
    rows = [dict(one) for one in ROWS]
    rows[3]["text"] = '"Great work they said'
    rows[14]["text"] = 'and left"' if closed else 'and "left'
    (tmp_path / "a.tsv").write_text(separated("\t", rows), encoding="utf-8")
    assert pairs(tmp_path / "a.tsv") == [(one["text"], one["tone"]) for one in rows]


def test_quotes_around_whole_cells_are_taken_off_and_line_breaks_inside_kept(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\ttone\n"one ""big"" thing"\tgood\n"two\nlines"\tbad\n', encoding="utf-8")
    assert pairs(tmp_path / "a.tsv") == [('one "big" thing', "good"), ("two\nlines", "bad")]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_a_quote_that_swallows_rows_is_an_error_with_its_line(tmp_path: Path, name: str, separator: str) -> None:
    rows = [dict(one) for one in ROWS]
    rows[3]["text"], rows[9]["text"] = '"Great work', 'left"'
    text = separated(separator, rows) + f'"two\nlines"{separator}good\n'
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{name}:5: a quote opens here and swallows 5 lines.*'mail number 4"):
        read_rows(tmp_path / name)


def test_a_text_of_several_lines_with_commas_swallows_nothing(tmp_path: Path) -> None:
    text = (
        'text,tone\n"Dear all,\nthe kettle, as said,\narrived, thanks\nbye, Ann",good\nfine,good\nno,bad\nnever,bad\n'
    )
    (tmp_path / "a.csv").write_text(text)
    assert len(read_rows(tmp_path / "a.csv")) == 4


RECORDS = [{"text": "a", "tone": "good"}, {"text": "b", "tone": "bad"}]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("key", ["data", "rows", "examples"])
def test_rows_inside_an_object_are_found(tmp_path: Path, name: str, key: str) -> None:
    (tmp_path / name).write_text(json.dumps({"version": "1", key: RECORDS, "tags": ["x"]}, indent=1))
    assert [row.values for row in read_rows(tmp_path / name)] == RECORDS


@pytest.mark.parametrize(
    "value",
    [
        {"data": RECORDS},
        {"text": ["a", "b"], "tone": ["good", "bad"]},
        {"text": {"0": "a", "1": "b"}, "tone": {"0": "good", "1": "bad"}},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_of_other_tools_is_read(tmp_path: Path, value: object, indent: int | None) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value, indent=indent))
    assert [row.values for row in read_rows(tmp_path / "a.json")] == RECORDS


def test_json_lines_of_one_line_or_several_are_rows(tmp_path: Path) -> None:
    for count in (1, 2):
        (tmp_path / "a.json").write_text("\n".join(map(json.dumps, RECORDS[:count])))
        assert [row.values for row in read_rows(tmp_path / "a.json")] == RECORDS[:count]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"train": [{"text": "a"}], "test": [{"text": "b"}]}', r"several lists of rows \(train, test\)"),
        ('{"text": ["a", "b"], "tone": ["good"]}', r"columns of different lengths \(text 2, tone 1\)"),
        ('"text"', "expected a list of rows, found a text"),
        ("12", "expected a list of rows, found a number"),
        ("[" * 5000, "nested too deeply|is not JSON"),
    ],
)
def test_json_without_rows_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=said) as caught:
        read_rows(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


WRONG = {
    "a.csv": ("text,tone\nfine,good\n,bad\nx,y,z\nwell,good\n", ["a.csv:3: column 'text' is empty"]),
    "b.jsonl": (
        '{"text": "fine", "tone": "good"}\n{"text": NaN, "tone": "bad"}\n{torn\n{"text": "well", "tone": "good"}\n',
        ["b.jsonl:2: column 'text' is nan, which is no value"],
    ),
    "c.jsonl": (
        '{"text": "fine", "tone": "good"}\n{"text": ["x"], "tone": "bad"}\n5\n{"text": "well", "tone": "good"}\n',
        ["c.jsonl:2: column 'text' is a list, not text"],
    ),
}


@pytest.mark.parametrize(
    "wrong",
    ['"mail number 9, they said,good\n', '"mail" number 9,good\n', '"never closed,good'],
    ids=["opens", "text after a quote", "at the end"],
)
def test_a_row_whose_quotes_cannot_be_read_is_one_broken_row(tmp_path: Path, wrong: str) -> None:
    at_end = not wrong.endswith("\n")
    before, after = (ROWS, []) if at_end else (ROWS[:9], [*ROWS[9:12], {"text": '"a ""late"" mail"', "tone": "bad"}])
    content = separated(",", before) + wrong + separated(",", after).split("\n", 1)[1]
    n, line = len(before) + len(after) + 1, len(before) + 2
    with pytest.raises(
        DataError, match=rf"a.csv:{line} cannot be read as CSV .*\(1 of {n} rows is .*`broken: 0.0[48]`"
    ):
        own(tmp_path, "a.csv", content).load("train")
    dataset = own(tmp_path, "a.csv", content, broken=0.1)
    found = {row.fields["input"] for split in ("train", "demonstrations") for row in dataset.load(split)}  # type: ignore[arg-type]
    assert found == {one["text"].strip('"').replace('""', '"') for one in (*before, *after)}
    (file,) = dataset.reading().files
    assert [(row.place.rpartition("/")[2], row.kind) for row in file.skipped] == [(f"a.csv:{line}", "broken")]


@pytest.mark.parametrize("name", WRONG)
def test_blank_and_broken_rows_are_an_error_or_left_out_and_shown_up_to_a_share(tmp_path: Path, name: str) -> None:
    content, said = WRONG[name]
    demonstrations = {"demonstrations": "d.csv"}
    (tmp_path / "d.csv").write_text(separated(",", ROWS[:4]))
    for share in (0.0, 0.49):
        with pytest.raises(
            DataError, match=rf"2 of 4 rows are blank or broken; also {name}:[34]\).*`broken: 0.5`"
        ) as one:
            own(tmp_path, name, content, broken=share, **demonstrations).load("train")
        assert said[0] in str(one.value)
    dataset = own(tmp_path, name, content, broken=0.5, **demonstrations)
    assert sorted(row.fields["input"] for row in dataset.load("train")) == ["fine", "well"]
    assert dataset.reading is not None
    (file,) = dataset.reading().files
    assert (file.n_rows, [row.kind in ("blank", "broken") for row in file.skipped]) == (4, [True, True])


def test_a_file_of_which_nothing_is_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of 2 rows is left: .*a.csv:2 'x' is left out, as `labels` says"):
        own(tmp_path, "a.csv", "text,tone\na,x\nb,x\n", labels={"x": None}).load("train")


def test_rows_without_a_label_are_left_out_or_mapped_where_the_study_says_so(tmp_path: Path) -> None:
    content = "text,tone\n" + "".join(f"mail {n},{'good' if n % 3 else ''}\n" for n in range(12))
    with pytest.raises(DataError, match=r"a.csv:2: column 'tone' is empty"):
        own(tmp_path, "a.csv", content).load("train")
    left = own(tmp_path, "a.csv", content, labels={"": None})
    assert len(left.load("train")) + len(left.load("demonstrations")) == 8
    mapped = own(tmp_path, "a.csv", content, labels={"": "bad"})
    assert sorted(row.target for split in ("train", "demonstrations") for row in mapped.load(split)).count("bad") == 4


# ---- one file


def grouped(n_groups: int) -> str:
    """Rows of three a group; labels by group."""
    rows = [(f"text {g} {n}", ("good", "bad")[g % 2], f"g{g}") for g in range(n_groups) for n in range(3)]
    return "text,tone,thread\n" + "".join(",".join(row) + "\n" for row in rows)


def test_one_file_is_split_by_groups_with_labels_in_proportion_and_recorded(tmp_path: Path) -> None:
    fields = FIELDS | {"group": "thread"}
    dataset = own(tmp_path, "a.csv", grouped(60), fields=fields, split=Shares(0.2, 0.1, 0))
    assert set(dataset.splits) == {"train", "test", "demonstrations", "validation"}
    parts = {split: dataset.load(split) for split in dataset.splits}
    sizes = {split: len(rows) for split, rows in parts.items()}
    assert (sizes["test"], sizes["validation"]) == (36, 18)
    assert sizes["train"] + sizes["demonstrations"] == 126
    groups = [{row.group for row in rows} for rows in parts.values()]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 60
    for split in ("test", "validation"):
        assert sum(row.target == "good" for row in parts[split]) * 2 == sizes[split]
    assert dataset.reading is not None
    record = dataset.reading().split
    assert record is not None
    assert (record.n_groups, dict(record.n_rows)) == (60, {"train": 126, "validation": 18, "test": 36})
    again = own(tmp_path, "a.csv", grouped(60), fields=fields, split=Shares(0.2, 0.1, 0))
    assert again.load("test") == parts["test"]
    other = own(tmp_path, "a.csv", grouped(60), fields=fields, split=Shares(0.2, 0.1, 1))
    assert other.load("test") != parts["test"]


def test_equal_texts_stay_on_one_side_though_no_group_says_so(tmp_path: Path) -> None:
    rows = [{"text": f"{'MAIL' if n % 2 else 'mail '} number {n // 2}", "tone": "good"} for n in range(60)]
    dataset = own(tmp_path, "a.csv", separated(",", rows), split=Shares(0.3, 0.2, 0))
    sides = [{row.fields["input"].lower().split()[-1] for row in dataset.load(split)} for split in dataset.splits]
    train, test, shown, validation = sides
    assert not test & (train | shown)
    assert not validation & (train | shown | test)


@pytest.mark.parametrize("content", [grouped(1), grouped(2), "text,tone\na,good\nb,bad\n"])
def test_a_file_with_too_few_groups_is_an_error(tmp_path: Path, content: str) -> None:
    fields = FIELDS | ({"group": "thread"} if "thread" in content else {})
    with pytest.raises(DataError, match=r"a.csv holds \d rows in [12] groups, too few to be divided"):
        own(tmp_path, "a.csv", content, fields=fields, split=Shares(0.2, 0.1, 0)).load("test")


def test_a_file_of_validation_rows_is_kept_beside_a_split(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(separated(",", ROWS[:3]))
    dataset = own(tmp_path, "a.csv", separated(","), split=Shares(0.25, 0.0, 0), validation="v.csv")
    assert (len(dataset.load("validation")), len(dataset.load("test"))) == (3, 6)
