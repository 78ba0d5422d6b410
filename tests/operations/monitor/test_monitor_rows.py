"""A line of a log becomes a row, or is malformed; settings are strict and say what is wrong in one line."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import MonitorError
from hanka.operations.monitor.rows import LogRow, RowReader
from hanka.operations.monitor.settings import MonitorSettings, fields_of, read_settings
from hanka.operations.monitor.signals import SIGNALS

REQUEST = {"time": 1_700_000_000, "prompt": "p", "output": "o"}


def read(raw: dict[str, Any], **fields: str) -> LogRow | None:
    return RowReader(MonitorSettings(fields=fields)).read(raw)


@pytest.mark.parametrize(
    "time",
    [
        1_700_000_000, 1_700_000_000_000, "1700000000", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-15 07:13:20+09:00",
        datetime.datetime(2023, 11, 14, 22, 13, 20),
    ],
)  # fmt: skip
def test_times_are_read_as_they_are_written(time: object) -> None:
    row = read(REQUEST | {"time": time})
    assert row is not None
    assert row.time == 1_700_000_000


def test_milliseconds_as_text_are_no_date_without_dashes() -> None:
    row = read(REQUEST | {"time": "1711111200000"})  # as ISO 8601 it would be the 12th of November 1711
    assert row is not None
    assert row.time == 1_711_111_200


@pytest.mark.parametrize(
    ("error", "failed"),
    [(None, False), ("", False), ("False", False), ("null", False), (math.nan, False), ([], False), ({}, False), (0, False),
     ("timeout", True), (True, True), (500, True), ({"code": 3}, True)],
)  # fmt: skip
def test_an_error_is_anything_but_nothing(error: object, failed: bool) -> None:
    row = read(REQUEST | {"error": error})
    assert row is not None
    assert row.failed is failed


@pytest.mark.parametrize("time", [None, "yesterday", True, math.nan, math.inf, 10**400, [], 1e15])
def test_a_request_without_a_time_is_malformed(time: object) -> None:
    assert read(REQUEST | {"time": time}) is None


@pytest.mark.parametrize(
    "raw", [{}, {"time": 1}, {"time": 1, "output": "o"}, {"time": 1, "prompt": ["p"]}, {"label": "good"}]
)
def test_what_is_neither_request_nor_label_is_malformed(raw: dict[str, Any]) -> None:
    assert read(raw) is None


def test_columns_may_be_called_otherwise() -> None:
    row = read({"ts": 1_700_000_000, "input": "p", "answer": "o"}, time="ts", prompt="input", output="answer")
    assert row is not None
    assert (row.time, row.prompt, row.output) == (1_700_000_000, "p", "o")


def test_a_label_that_arrives_later_names_its_request() -> None:
    late, request = read({"id": 7, "label": "good"}), read(REQUEST | {"id": 7})
    assert late is not None
    assert request is not None
    assert late.is_label
    assert late.key == request.key
    assert not request.is_label


def test_without_an_id_a_row_is_what_it_says_and_when() -> None:
    same, other = read(dict(REQUEST)), read(REQUEST | {"time": 1_700_000_001})
    assert same is not None
    assert other is not None
    assert same.key == read(dict(REQUEST)).key  # type: ignore[union-attr]
    assert same.key != other.key


@pytest.mark.parametrize(
    ("said", "meant"), [(True, True), ("false", False), (1, True), (0, False), ("maybe", None), (None, None)]
)
def test_a_log_may_say_itself_what_is_right(said: object, meant: bool | None) -> None:
    row = read(REQUEST | {"correct": said})
    assert row is not None
    assert row.correct is meant


@pytest.mark.parametrize(
    ("field", "value", "meant", "odd"),
    [
        ("confidence", 0.5, 0.5, 0), ("confidence", "0.5", 0.5, 0), ("confidence", 1.2, None, 1), ("confidence", math.nan, None, 1),
        ("confidence", -0.1, None, 1), ("latency", -1, None, 1), ("latency", math.inf, None, 1), ("latency", "fast", None, 1),
        ("latency", True, None, 1), ("latency", None, None, 0), ("latency", 1e9, 1e9, 0),
    ],
)  # fmt: skip
def test_impossible_numbers_are_counted_and_left_out(field: str, value: object, meant: float | None, odd: int) -> None:
    reader = RowReader(MonitorSettings())
    row = reader.read(REQUEST | {field: value})
    assert row is not None
    assert getattr(row, field) == meant
    assert reader.odd_values == odd


def test_lone_surrogates_become_escapes_so_that_a_state_can_hold_them() -> None:
    row = read(REQUEST | {"prompt": "a\udcffb"})
    assert row is not None
    assert row.prompt == "a\\udcffb"


def test_the_signals_share_the_whole_rate() -> None:
    assert sum(one.weight for one in SIGNALS.values() if one.is_default) == pytest.approx(1)
    few = MonitorSettings(signals=("wrong", "domain"))
    assert few.level("wrong") + few.level("domain") == pytest.approx(few.alpha)


# ---- settings


def settings(folder: Path, text: str) -> MonitorSettings:
    path = folder / "monitor.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_a_settings_file_is_read(tmp_path: Path) -> None:
    found = settings(tmp_path, "fields: {time: ts}\nwindow: 12h\nsignals: [wrong, errors]\ntolerate: {wrong: 0.03}\n")
    assert found.window == -12 * 3600
    assert found.column("time") == "ts"
    assert found.column("prompt") == "prompt"
    assert (found.tolerance("wrong"), found.tolerance("errors")) == (0.03, 0.02)
    assert read_settings(tmp_path / "monitor.yaml", {"time": "when"}).column("time") == "when"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("windows: 10\n", r"monitor.yaml:1: windows: unknown key 'windows': did you mean 'window'\?"),
        ("alpha: 0\n", "alpha: 0 is out of range: give a number > 0"),
        ("window: 10\n", "10 is no window: write a number of rows ≥ 50, or a time such as 12h or 7d"),
        ("window: 0d\n", "no window"),
        ("window: -5\n", "-5 is no window"),
        ("most_retrain: 40\n", "least_retrain: 50 rows are more than `most_retrain: 40`, so no study could be written"),
        ("signals: [wrongs]\n", "unknown signal 'wrongs': did you mean 'wrong'"),
        ("signals: [errors]\n", "'wrong' is not watched"),
        ("signals: []\nrequire: []\n", "nothing is watched"),
        ("signals: [wrong, wrong]\n", "names a signal twice"),
        ("tolerate: {domain: 0.4}\n", "domain: 0.4 is out of range: from 0.5"),
        ("tolerate: {wrong: .nan}\n", "finite number|out of range"),
        ("fields: {tim: ts}\n", "unknown field 'tim': did you mean 'time'"),
        ("fields: [time]\n", "no map from field to column"),
        ("", "empty"),
    ],
)
def test_what_is_wrong_with_settings_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(MonitorError, match=said) as error:
        settings(tmp_path, text)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time", "write FIELD=COLUMN"),
        ("tine=ts", "did you mean 'time'"),
        ("time=a,time=b", "twice"),
        ("time=", "write FIELD=COLUMN"),
    ],
)
def test_what_is_wrong_with_fields_is_one_line(text: str, said: str) -> None:
    with pytest.raises(MonitorError, match=said):
        fields_of(text)


def test_fields_are_read() -> None:
    assert fields_of("time=ts, prompt=input") == {"time": "ts", "prompt": "input"}
    assert fields_of("") == {}
