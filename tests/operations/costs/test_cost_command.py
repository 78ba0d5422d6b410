"""`hanka cost`: what it prints and writes, and how it leaves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hanka.cli import main
from priced_runs import priced_run, write_prices


def run(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "cost", *words])
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    priced_run(tmp_path / "run")
    write_prices(tmp_path)
    return tmp_path


def test_it_prints_tables_and_writes_what_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder / "run"), "--prices", str(folder / "prices.yaml"), "--csv", str(folder / "out")]
    assert run(*words, "--html", str(folder / "cost.html"), "--lang", "ja", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "not measured" in said
    assert "returns more than it costs" in said
    assert [path.name for path in sorted((folder / "out").iterdir())] == ["costs.csv", "returns.csv"]
    assert '<html lang="ja">' in (folder / "cost.html").read_text(encoding="utf-8")


def test_json_is_all_that_stands_on_the_output(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(folder / "run"), "--prices", str(folder / "prices.yaml"), "--json", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["prices"]["currency"] == "EUR"


def test_the_example_is_a_price_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--example", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith("# What things cost")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no run is named: hanka cost RUN"),
        (["RUN", "--lang", "de", "--html", "x"], "--lang 'de': allowed: en, ja"),
        (["RUN", "--lang", "ja"], "--lang ja is of the page: add --html FILE"),
        (["RUN", "--prices", "none.yaml"], "none.yaml: no such price file"),
        (["nowhere"], "plan.json: no such file"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_with_two(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    named = [str(folder / "run") if word == "RUN" else word for word in words]
    assert run(*named, monkeypatch=monkeypatch) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
