from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ab_logs import design, write

from hanka.datasets.files import Row
from hanka.errors import DataError
from hanka.operations.ab.groups import sort_arms
from hanka.operations.ab.judged import judge
from hanka.operations.ab.logs import kind_of, read_log

MESSY = [
    '{"unit": "u1", "arm": "now", "time": 1, "outcome": true}',
    '{"unit": "u1", "arm": "now", "time": 1, "outcome": true}',  # the same row again
    '{"unit": "u1", "arm": "now", "time": 1, "outcome": false}',  # and once more, otherwise
    '{"unit": "u2", "arm": "now", "time": 1, "outcome": null}',
    '{"unit": "u2", "arm": "now", "time": 1, "outcome": 1}',  # its label came later
    '{"unit": "u3", "arm": "new", "time": 1, "outcome": NaN}',
    '{"unit": "u4", "arm": "new", "time": 1, "outcome": "perhaps"}',
    '{"unit": "u5", "arm": "new", "time": 1, "outcome": 2}',  # a share is 0 or 1
    '{"unit": "u6", "arm": "newer", "time": 1, "outcome": 1}',
    '{"unit": "u7", "arm": "", "time": 1, "outcome": 1}',
    '{"unit": null, "arm": "now", "time": 1, "outcome": 1}',
    '{"unit": "u8", "arm": "now", "time": 1, "outcome": "yes"}',
    '{"unit": "u8", "arm": "new", "time": 2, "outcome": "no"}',  # in both arms
    '{"unit": "u9", "arm": "new", "time": 1}',
    "{oops",
    '{"unit": "u10", "arm": "new", "time": 1, "outcome": "0"}',
    '{"unit": "u10", "arm": "new", "time": 2, "outcome": "1"}',
]


def test_every_row_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(MESSY) + "\n", encoding="utf-8")
    log = read_log([path], design())
    assert log.counted.found == {
        "duplicate": 1, "conflicting": 1, "completed": 1, "unreadable": 3, "unknown_arm": 1, "no_arm": 1, "no_unit": 1, "malformed": 1,
    }  # fmt: skip
    assert log.counted.places["conflicting"] == [f"{path}:3"]
    arms = sort_arms(log, design())
    assert arms.left_out == {"contaminated": 2, "without_outcome": 4}
    assert arms.n_contaminated == 1
    not_answers = sum(count for kind, count in log.counted.found.items() if kind != "unreadable")
    result = judge(log, design())
    assert log.counted.rows == len(MESSY) == not_answers + sum(arms.left_out.values()) + result.n_used
    assert result.n_used == 4  # u1, u2, and u10 twice


def test_what_was_missing_is_taken_from_the_row_that_brings_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(MESSY) + "\n", encoding="utf-8")
    values = {answer.unit: answer.values for answer in read_log([path], design()).answers}
    assert values["u2"] == (1.0,)
    assert values["u1"] == (1.0,), "of two that differ the first stays"
    assert values["u3"] == (None,), "a NaN is no answer, and not 0"


@pytest.mark.parametrize("value", [10**400, 1e200, "1e300", "-1e101"])
def test_a_number_beyond_all_measure_is_unreadable_and_stops_nothing(tmp_path: Path, value: object) -> None:
    found = [{"unit": f"{arm}{at}", "arm": arm, "outcome": at} for arm in ("now", "new") for at in range(9)]
    path = write(tmp_path / "log.jsonl", [*found, {"unit": "u", "arm": "now", "outcome": value}])
    log = read_log([path], design(metric={"kind": "mean"}))
    assert log.counted["unreadable"] == 1
    assert judge(log, design(metric={"kind": "mean"})).judged[0].effect.a.n == 9


def test_decimal_numbers_of_parquet_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"unit": ["a"], "arm": ["now"], "outcome": [Decimal("1.25")]}), path)
    assert read_log([path], design(metric={"kind": "mean"})).answers[0].values == (1.25,)


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["true", "no", "oops"], "share"), ([1, 0, None], "share"), ([1, 0, 2, "?"], "mean"), (["?", ""], "mean")],
)
def test_one_bad_value_does_not_decide_what_a_column_holds(values: list[object], kind: str) -> None:
    assert kind_of([Row("", {"outcome": value}) for value in values], "outcome") == kind


def test_the_formats_give_the_same_answers(tmp_path: Path) -> None:
    found = [{"who": at, "arm": "now" if at % 2 else "new", "ok": at % 3 == 0} for at in range(30)]
    lines = write(tmp_path / "a.jsonl", found)
    table = tmp_path / "a.csv"
    table.write_text(
        "who,arm,ok\n" + "".join(f"{row['who']},{row['arm']},{row['ok']}\n" for row in found), encoding="utf-8"
    )
    pq.write_table(pa.Table.from_pylist(found), tmp_path / "a.parquet")
    agreed = design(fields={"unit": "who", "outcome": "ok"})
    read = [read_log([path], agreed).answers for path in (lines, table, tmp_path / "a.parquet")]
    assert read[0] == read[1] == read[2]
    assert read_log([lines, lines], agreed).answers == read[0] * 2, (
        "without id, item or time a repeated row is a new one"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fields": {"outcome": "ok"}}, "no column 'ok'"),
        ({"fields": {"unit": "uni"}}, r"no column 'uni' \(`unit` of the design\): did you mean 'unit'\?"),
        ({"guardrails": {"speed": {"field": "secs", "harm": 1}}}, "no column 'secs'"),
        ({"arms": {"x": 1, "y": 1}, "control": "x"}, r"no row is of an arm of the design \(x, y\)"),
    ],
)
def test_a_log_that_does_not_fit_its_design_is_one_line(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    path = write(tmp_path / "log.jsonl", [{"unit": "u", "arm": "now", "outcome": 1}])
    with pytest.raises(DataError, match=said):
        read_log([path], design(**changed))


@pytest.mark.parametrize(("name", "said"), [("none.jsonl", "there is no such log"), ("log.txt", "suffix '.txt'")])
def test_a_log_that_is_none_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_log([tmp_path / name], design())


def test_a_log_without_units_and_items_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", [{"arm": "now", "outcome": 1}])
    with pytest.raises(DataError, match="neither 'unit' nor 'item'"):
        read_log([path], design())
