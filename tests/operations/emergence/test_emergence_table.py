"""A table of values: every column read or named, every mistake one line with its place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emergence_laws import Known
from hanka.cli import main
from hanka.errors import TableError
from hanka.operations.emergence.table import column_names, read_table
from hanka.stats.emergence import posterior

HEAD = "loss,performance,rows,n,model,tokens,parameters,held_out"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "points.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_column_is_read(tmp_path: Path) -> None:
    found = read_table(
        write(tmp_path, HEAD + ",note", "2.5,0.25,64,400,m1,1e9,2e6,,", "2.0,0.5,0,400,m1,3e9,2e6,yes,seen"), {}
    )
    first, second = found.measured
    assert (first.loss, first.performance, first.rows, first.n, first.model, first.is_held_out) == (
        2.5,
        0.25,
        64,
        400,
        "m1",
        False,
    )
    assert first.flops == pytest.approx(6 * 1e9 * 2e6)
    assert (second.rows, second.is_held_out) == (0, True)
    assert (found.unused, found.n_beyond) == (("note",), 0)


def test_columns_may_have_other_names_and_losses_bounds(tmp_path: Path) -> None:
    path = write(tmp_path, "run,c4,csqa", "a,7.5,0.2", "a,3.0,0.3", "b,2.5,0.4")
    found = read_table(path, column_names(["loss=c4", "performance=csqa", "model=run"]), below=7.0, hold_out=2.8)
    assert [(one.model, one.loss, one.is_held_out) for one in found.measured] == [("a", 3.0, False), ("b", 2.5, True)]
    assert (found.n_beyond, found.unused) == (1, ())


def test_without_a_model_every_loss_is_one(tmp_path: Path) -> None:
    found = read_table(write(tmp_path, "loss,performance", "2.5,0.2", "2.5,0.3", "2.0,0.3"), {})
    assert [one.model for one in found.measured] == ["2.5", "2.5", "2.0"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), ["the file is empty", "loss, performance, rows"]),
        (("loss,performance",), ["no rows"]),
        (("loss,accuracy", "2,0.5"), [":1:", "'performance' is missing", "--column performance="]),
        (("loss,performance,row", "2,0.5,8"), [":1:", "unknown column 'row'", "did you mean 'rows'?"]),
        (("loss,performance,loss", "2,0.5,8"), ["names the column 'loss' twice"]),
        (("loss,performance", "2,"), [":2:", "performance: '' is not a finite number"]),
        (("loss,performance", "2,0.5", "nan,0.5"), [":3:", "loss: 'nan' is not a finite number"]),
        (("loss,performance", "2,55"), [":2:", "'55' must lie from 0 to 1: give shares, not percent"]),
        (("loss,performance", "-2,0.5"), ["'-2' must be above 0"]),
        (("loss,performance,rows", "2,0.5,1"), ["rows: '1' must be 0 or at least 2"]),
        (("loss,performance,rows", "2,0.5,8.5"), ["'8.5' is not a whole number"]),
        (("loss,performance,tokens", "2,0.5,1e9"), ["parameters: '' compute needs both"]),
        (("loss,performance,rows", "1,0,36,5"), [":2: has 4 columns, the header has 3", "decimal point"]),
        (("loss,performance,rows", "2,0.5"), [":2: has 2 columns, the header has 3"]),
        (
            ("loss,performance,rows", '2,0.5,"1,024"'),
            [":2: rows: '1,024' is not a finite number", "without a separator"],
        ),
        (("loss;performance;rows", "2,1;0,5;1,024"), [":2: rows: '1,024' is not a whole number"]),
        (("loss,performance", "2,36%"), ["'36%' is not a finite number; give a share"]),
        (("loss,performance,held_out", "2,0.5,maybe"), ["'maybe' is neither yes nor no"]),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, lines: tuple[str, ...], words: list[str]) -> None:
    path = write(tmp_path, *lines) if lines else tmp_path / "points.csv"
    path.touch()
    with pytest.raises(TableError) as caught:
        read_table(path, {})
    assert all(word in str(caught.value) for word in ["points.csv", *words]), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_tables_as_programs_export_them_are_read(tmp_path: Path, separator: str) -> None:
    """With a byte-order mark, Windows line ends, rows of empty cells, and decimal commas where no comma separates."""
    lines = ["loss|performance|rows", "2.5|0.25|64", "||", "", "2.125|0.5|", "||"]
    text = "\r\n".join(lines).replace("|", separator)
    path = tmp_path / "points.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (text if separator == "," else text.replace(".", ",")).encode())
    found = read_table(path, {})
    assert [(one.loss, one.performance, one.rows) for one in found.measured] == [(2.5, 0.25, 64), (2.125, 0.5, 0)]


def test_a_bound_that_is_no_number_and_a_column_for_two_are_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "loss,performance", "2,0.5")
    with pytest.raises(TableError, match="--hold-out nan"):
        read_table(path, {}, hold_out=float("nan"))
    with pytest.raises(TableError, match="'loss' cannot be both loss and performance"):
        read_table(path, column_names(["loss=loss", "performance=loss"]))


@pytest.mark.parametrize(
    ("said", "words"),
    [("loss", "write NAME=COLUMN"), ("los=c4", "did you mean 'loss'?"), ("loss=", "write NAME=COLUMN")],
)
def test_a_column_that_cannot_be_renamed_is_one_line(said: str, words: str) -> None:
    with pytest.raises(TableError, match=words.replace("?", r"\?")):
        column_names([said])


def test_a_missing_file_and_a_run_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv", {})
    with pytest.raises(TableError, match="a folder; give a CSV file"):
        read_table(tmp_path, {})
    with pytest.raises(TableError, match="no column is called 'c4'"):
        read_table(write(tmp_path, "loss,performance", "2,0.5"), {"loss": "c4"})


# ---- the command


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter chains: what is looked at here is what is said of them."""
    for name, value in (("BLOCK", 240), ("LEAST_TIMES", 5.0), ("WORST_RHAT", 1.3)):
        monkeypatch.setattr(posterior, name, value)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "emergence", *words, "--resamples", "10"])
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


def curve(folder: Path, n_losses: int = 5) -> Path:
    """A few-shot curve of a known broken line at 2.2, a model a loss."""
    known, rng = Known(c=2.2, k=1e-9), np.random.default_rng(0)
    lines = [
        f"{loss},{known.base + known.slope * max(0.0, 2.2 - loss) + 0.003 * rng.standard_normal()},x"
        for loss in np.linspace(1.6, 2.8, n_losses).round(3)
    ]
    return write(folder, "loss,performance,source", *lines)


def test_the_command_says_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quick: None
) -> None:
    page = tmp_path / "page.html"
    assert run(monkeypatch, str(curve(tmp_path)), "--html", str(page), "--lang", "ja") == 0
    printed = capsys.readouterr().out
    assert "points: few-shot performance leaves its base at a pretraining loss of 2." in printed
    assert "all values" in printed
    assert "not used: columns source" in printed
    html = page.read_text(encoding="utf-8")
    assert "創発の予測" in html
    assert "例示つきの成績がベースラインから立ち上がる事前学習損失は" in html
    assert "<svg" in html
    assert "立ち上がりの位置（累積確率）" in html
    assert "few-shot" not in html


def test_json_is_the_answer_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quick: None
) -> None:
    assert run(monkeypatch, str(curve(tmp_path)), "--json", "--chance", "0.25") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    places = [one["name"] for one in answer["columns"]]
    elbow = answer["rows"][0][places.index("emergence_elbow")]
    assert elbow["low"] < 2.2 < elbow["high"]
    assert elbow["n"] == 5
    assert answer["rows"][0][places.index("emergence_base")] == 0.25


def test_no_prediction_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = write(
        tmp_path,
        "loss,performance",
        *(f"{loss},{0.25 + 0.001 * (place % 2)}" for place, loss in enumerate((1, 1.5, 2, 2.5, 3))),
    )
    assert run(monkeypatch, str(flat)) == 3
    assert "no prediction. Performance is not shown to leave its base." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--chance", "1.5"], "--chance 1.5: give a share"),
        (["--low-data", "1"], "--low-data 1: give at least 2"),
        (["--unit", "bytes"], "--unit 'bytes': allowed: nats, bits"),
        (["--hold-out", "9"], "every value is held out: leave some to fit"),
    ],
)
def test_options_out_of_range_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(monkeypatch, str(curve(tmp_path)), *words) == 2
    assert said in capsys.readouterr().err


def test_the_page_never_takes_the_place_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = curve(tmp_path)
    before = table.read_bytes()
    assert run(monkeypatch, str(table), "--html", str(tmp_path / "." / table.name)) == 2
    assert "is the table itself; name another file" in capsys.readouterr().err
    assert table.read_bytes() == before
    assert run(monkeypatch, str(table), "--html", str(tmp_path)) == 2
    assert "is a folder; name a file in it" in capsys.readouterr().err
