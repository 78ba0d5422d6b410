"""Rows of a recipe survive being written and read; rows that changed are refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.errors import StoreError
from hanka.records import Example, Part
from hanka.store.folder import RunFolder, read_json
from hanka.store.rows import has_rows, read_rows, write_rows

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
EXAMPLE = st.builds(Example, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), TEXT, TEXT)
PARTS = (
    Part("sentiment", "films", (Example("1", {"b": "line\u2028one\ntwo", "a": "夜"}, "positive", "g"),)),
    Part("sentiment", "shops", (Example("2", {"input": "\udc80"}, "negative"), Example("3", {}, ""))),
)


@given(st.lists(st.lists(EXAMPLE, min_size=1, max_size=4), max_size=4))
def test_any_rows_are_read_back_as_they_were(lists: list[list[Example]]) -> None:
    parts = tuple(Part("task", f"dataset {place}", tuple(rows)) for place, rows in enumerate(lists))
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), parts, {})
        found = read_rows(Path(folder))
    assert found == parts
    assert [list(one.fields) for part in found for one in part.examples] == [
        list(one.fields) for part in parts for one in part.examples
    ]


def test_each_row_is_one_line_with_its_task_and_dataset(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).data("0123")
    assert folder == tmp_path / "data" / "0123"
    digest = write_rows(folder, PARTS, {"recipe": "concat"})
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 3
    assert json.loads((folder / "rows.jsonl").read_text(encoding="utf-8").split("\n")[0]) == {
        "task": "sentiment",
        "dataset": "films",
        "id": "1",
        "fields": {"b": "line\u2028one\ntwo", "a": "夜"},
        "target": "positive",
        "group": "g",
    }
    assert read_json(folder / "data.json") == {"recipe": "concat", "n_rows": 3, "rows_sha256": digest}
    assert sorted(path.name for path in folder.iterdir()) == ["data.json", "rows.jsonl"]


def test_equal_rows_have_equal_digests_and_others_do_not(tmp_path: Path) -> None:
    same = [write_rows(tmp_path / name, PARTS, {"name": name}) for name in "ab"]
    assert same[0] == same[1] != write_rows(tmp_path / "c", PARTS[::-1], {})


def test_rows_changed_since_they_were_written_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path, PARTS, {})
    path = tmp_path / "rows.jsonl"
    path.write_bytes(path.read_bytes().replace(b"positive", b"negative"))
    with pytest.raises(StoreError, match=r"rows\.jsonl: not the rows that were written"):
        read_rows(tmp_path)


def test_missing_rows_are_said_and_do_not_count_as_there(tmp_path: Path) -> None:
    assert not has_rows(tmp_path)
    with pytest.raises(StoreError, match=r"data\.json: no such file"):
        read_rows(tmp_path)
    write_rows(tmp_path, PARTS, {})
    assert has_rows(tmp_path)
    (tmp_path / "rows.jsonl").unlink()
    assert not has_rows(tmp_path)
    with pytest.raises(StoreError, match=r"rows\.jsonl: cannot be read"):
        read_rows(tmp_path)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "data.json").unlink()
    assert not has_rows(tmp_path)
