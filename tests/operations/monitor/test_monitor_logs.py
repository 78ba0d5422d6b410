"""Log files are read on where they ended, whatever they are called; what cannot be read is counted, never fatal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hanka.errors import MonitorError
from hanka.operations.monitor import logs
from hanka.operations.monitor.logs import Place, find_logs, known_place, read_on


def rows(n: int, start: int = 0) -> list[dict[str, int]]:
    return [{"n": at} for at in range(start, start + n)]


def lines(found: Sequence[Any]) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in found)


def read(path: Path, places: list[Place]) -> list[Any]:
    """What is new, with the places kept as a monitor keeps them."""
    before = known_place(path, places)
    found: list[Any] = []
    for batch in read_on(path, before):
        found += batch.rows
        places[:] = [*(one for one in places if one is not before), batch.place]
        before = batch.place
    return found


def test_a_log_that_grew_is_read_on(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl", list[Place]()
    log.write_text(lines(rows(3)))
    assert read(log, places) == rows(3)
    assert read(log, places) == []
    with log.open("a") as handle:
        handle.write(lines(rows(2, 3)))
    assert read(log, places) == rows(2, 3)
    assert len(places) == 1


def test_a_log_that_was_renamed_is_the_same_and_its_successor_another(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl", list[Place]()
    log.write_text(lines(rows(3)))
    read(log, places)
    log.rename(tmp_path / "a-1.jsonl")
    log.write_text(lines(rows(2, 10)))
    assert read(tmp_path / "a-1.jsonl", places) == []
    assert read(log, places) == rows(2, 10)


def test_a_log_that_begins_like_another_is_another(tmp_path: Path) -> None:
    # every line begins with the same long instruction, so that nothing differs in the bytes a file is known by
    begun = {"system": "x" * 2 * logs.HEAD}
    first = [begun, *rows(500)]
    second = [begun, *rows(900, 500)]
    places = list[Place]()
    for name, found in (("a", first), ("b", second)):
        (tmp_path / f"{name}.jsonl").write_text(lines(found))
        assert read(tmp_path / f"{name}.jsonl", places) == found
    assert read(tmp_path / "a.jsonl", places) == []
    with (tmp_path / "a.jsonl").open("a") as handle:
        handle.write(lines(rows(700, 2000)))
    assert read(tmp_path / "a.jsonl", places) == rows(700, 2000)


def test_a_log_that_rotation_renamed_by_number_or_date_is_read_oldest_first(tmp_path: Path) -> None:
    names = [
        "a.jsonl.10.gz",
        "a.jsonl.2",
        "a.jsonl.1",
        "a.jsonl-20231113",
        "a.jsonl-20231114.gz",
        "a.jsonl",
        "b.jsonl.1",
    ]
    for name in (*names, "a.jsonl.bak", "a.json.1", "a.jsonl.tmp"):
        (tmp_path / name).write_text("")
    assert [one.name for one in find_logs(tmp_path)] == names
    places = list[Place]()
    (tmp_path / "a.jsonl").write_text(lines(rows(3)))
    assert read(tmp_path / "a.jsonl", places) == rows(3)
    with (tmp_path / "a.jsonl").open("a") as handle:
        handle.write(lines(rows(2, 3)))
    (tmp_path / "a.jsonl").rename(tmp_path / "a.jsonl.1")
    assert read(find_logs(tmp_path / "a.jsonl.1")[0], places) == rows(2, 3), "written just before it was renamed"


def test_a_line_that_is_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl", list[Place]()
    log.write_text(lines(rows(1)) + '{"n": 1')
    assert read(log, places) == rows(1)
    with log.open("a") as handle:
        handle.write("}\n")
    assert read(log, places) == [{"n": 1}]


def test_a_last_line_without_an_end_counts(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl", list[Place]()
    log.write_text('{"n": 0}\n{"n": 1}')
    assert read(log, places) == rows(2)
    assert read(log, places) == []


def test_what_is_no_row_is_none_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_bytes(b'\xef\xbb\xbf{"n": 0}\n\n[1]\n{"n": \n\xff\xfe\n"text"\n' + b"[" * 100_000 + b'\n{"n": 1}\n')
    assert read(log, []) == [{"n": 0}, None, None, None, None, None, {"n": 1}]


def test_a_line_without_an_end_in_sight_is_one_malformed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LONGEST_LINE", 64)
    log = tmp_path / "a.jsonl"
    log.write_text('{"n": 0}\n' + json.dumps({"n": "x" * 500}) + '\n{"n": 1}\n')
    assert read(log, []) == [{"n": 0}, None, {"n": 1}]


def test_gzip_is_read_on_too(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl.gz", list[Place]()
    log.write_bytes(gzip.compress(lines(rows(3)).encode(), mtime=0))
    assert read(log, places) == rows(3)
    assert read(log, places) == []
    with log.open("ab") as handle:
        handle.write(gzip.compress(lines(rows(2, 3)).encode(), mtime=0))
    assert read(log, places) == rows(2, 3)


def test_a_gzip_file_that_breaks_off_is_read_as_far_as_it_goes_and_again_when_it_is_whole(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl.gz", list[Place]()
    whole = gzip.compress(lines(rows(2000)).encode(), mtime=0)
    log.write_bytes(whole[: len(whole) // 2])
    first = read(log, places)
    assert 0 < len(first) < 2000
    log.write_bytes(whole)
    assert first + read(log, places) == rows(2000)


def test_parquet_is_read_in_pieces_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "BATCH", 4)
    log, places = tmp_path / "a.parquet", list[Place]()
    pq.write_table(pa.Table.from_pylist(rows(10)), log)
    assert [len(one.rows) for one in read_on(log, None)] == [4, 4, 2, 0]
    assert read(log, places) == rows(10)
    assert read(log, places) == []


def test_parquet_is_gone_on_with_where_a_reading_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "BATCH", 4)
    log = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows(10)), log)
    first = next(read_on(log, None))
    assert first.rows == rows(4)
    places = [first.place]
    assert read(log, places) == rows(6, 4)
    assert [one.done for one in places] == [10]


def test_parquet_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("PAR1 not")
    with pytest.raises(MonitorError, match="cannot be read as Parquet"):
        read(tmp_path / "a.parquet", [])


def test_a_folder_is_its_logs_by_name(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.parquet", "c.jsonl.gz", ".hidden.jsonl", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [one.name for one in find_logs(tmp_path)] == ["a.parquet", "b.jsonl", "c.jsonl.gz"]


@pytest.mark.parametrize(
    ("name", "said"), [("gone.jsonl", "no such log"), ("log.csv", "allowed are .jsonl"), ("empty", "holds no log")]
)
def test_what_is_no_log_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "log.csv").write_text("a,b\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MonitorError, match=said):
        find_logs(tmp_path / name)


def test_a_file_with_the_same_beginning_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    log, places = tmp_path / "a.jsonl", list[Place]()
    log.write_text(lines(rows(5)))
    read(log, places)
    log.write_text(lines(rows(2)))
    assert read(log, places) == rows(2), "shorter than what was read: its rows are recognised one by one"
