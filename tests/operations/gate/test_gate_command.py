"""`hanka gate` leaves with the outcome, writes what it is asked to, and says wrong input in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gate_runs import as_folder, pair
from hanka.cli import main
from hanka.operations.ledger.approvals import gate_of
from hanka.operations.ledger.chain import read
from hanka.operations.ledger.systems import find_candidate
from hanka.store.folder import RunFolder


def gate(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "gate", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(as_folder(pair(tmp_path / "run"), recommend="sft"))


@pytest.mark.parametrize(
    ("rules", "code", "word"),
    [
        ("[{non_inferior: 0.1}]", 0, "pass: sft/home/8/seed0 may ship: all 1 rules of p.yaml hold."),
        ("[{ceiling: 0.5}]", 1, "fail: sft/home/8/seed0 may not ship"),
        ("[{floor: 0.99}]", 3, "inconclusive: "),
        ("[{flor: 0.99}]", 2, "did you mean 'floor'?"),
    ],
)
def test_the_exit_code_is_the_outcome(
    tmp_path: Path,
    run: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rules: str,
    code: int,
    word: str,
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(f"rules: {rules}", encoding="utf-8")
    assert gate(monkeypatch, run, "--policy", str(policy)) == code
    said = capsys.readouterr()
    assert word in (said.err if code == 2 else said.out)
    if code == 2:
        assert said.err.count("\n") == 1


def test_files_are_written_and_json_stays_readable(
    tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("rules: [{non_inferior: 0.1}]", encoding="utf-8")
    files = {name: str(tmp_path / f"out/{name}") for name in ("junit", "markdown", "html")}
    options = [word for name, path in files.items() for word in (f"--{name}", path)]
    assert gate(monkeypatch, run, "--policy", str(policy), *options, "--json", "--lang", "ja") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "pass"
    assert "合格" in Path(files["markdown"]).read_text(encoding="utf-8")
    assert '<html lang="ja">' in Path(files["html"]).read_text(encoding="utf-8")
    assert "<testsuites" in Path(files["junit"]).read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_named_as_asked_before_anything_is_said(
    tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, taken = tmp_path / "p.yaml", tmp_path / "page.html"
    policy.write_text("rules: [{non_inferior: 0.1}]", encoding="utf-8")
    taken.mkdir()
    assert gate(monkeypatch, run, "--policy", str(policy), "--html", str(taken)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"hanka: cannot write {taken}: ")
    assert said.err.count("\n") == 1


def test_a_folder_that_is_no_run_and_a_language_that_is_none_are_one_line(
    tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("rules: [{non_inferior: 0.1}]", encoding="utf-8")
    assert gate(monkeypatch, str(tmp_path), "--policy", str(policy)) == 2
    assert "is this the folder of a run?" in capsys.readouterr().err
    assert gate(monkeypatch, run, "--policy", str(policy), "--lang", "fr") == 2
    assert "allowed: en, ja" in capsys.readouterr().err


def test_the_outcome_is_logged_for_the_system_that_was_judged(
    tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, log = tmp_path / "p.yaml", tmp_path / "log"
    policy.write_text("rules: [{ceiling: 0.5}]", encoding="utf-8")
    words = (run, "--policy", str(policy), "--log", str(log))
    assert gate(monkeypatch, *words) == 2
    assert "an entry needs a name; say who asks with --by NAME" in capsys.readouterr().err
    assert not log.exists()
    assert gate(monkeypatch, *words, "--by", "ci") == 1
    candidate = find_candidate(RunFolder(Path(run)), "sft")
    entry = gate_of(read(log), candidate)
    assert entry is not None
    assert (entry.by, entry.body["outcome"], entry.body["rules"]["fail"]) == ("ci", "fail", 1)
    assert gate_of(read(log), find_candidate(RunFolder(Path(run)), "base")) is None


def test_the_last_of_several_outcomes_counts_even_if_it_stood_there_before(
    tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, log = tmp_path / "p.yaml", tmp_path / "log"
    for rules in ("non_inferior: 0.1", "ceiling: 0.5", "non_inferior: 0.1"):
        policy.write_text(f"rules: [{{{rules}}}]", encoding="utf-8")
        gate(monkeypatch, run, "--policy", str(policy), "--log", str(log), "--by", "ci")
    found = read(log)
    assert [one.body["outcome"] for one in found] == ["pass", "fail", "pass"]
    assert gate_of(found, find_candidate(RunFolder(Path(run)), "sft")) == found[-1]
    assert f"{log}: entry 2 (gate)" in capsys.readouterr().err
