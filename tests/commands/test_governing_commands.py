"""The commands that approve, promote, release and go back: what they print, leave with and write."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governed_runs import decided, governed_run, variant_of
from hanka.cli import main
from hanka.operations.ledger import read
from hanka.store.folder import RunFolder, read_json

Hanka = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed_run(tmp_path_factory.mktemp("made") / "run").path


@pytest.fixture
def hanka(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hanka:
    shutil.copytree(made, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hanka", *words])
        code: object = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
        said = capsys.readouterr()
        assert isinstance(code, int)
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return call


SIGN = ("log", "approve", "run", "--variant", "sft", "--by", "Ada", "--role", "lead")


def test_where_the_page_cannot_be_written_nothing_is_logged(hanka: Hanka, tmp_path: Path) -> None:
    assert hanka("log", "add", "gate", "--run", "run", "--set", "outcome=pass", "--by", "ci")[0] == 0
    assert hanka(*SIGN)[0] == 0
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, _, err = hanka("rollout", "run", "--promote", "--by", "Ada", "--html", str(tmp_path / "file/page.html"))
    assert (code, err.count("\n")) == (2, 1)
    assert [one.kind for one in read(tmp_path / "hanka-log")] == ["gate", "approval"]


def test_from_the_first_signature_to_the_rollback(hanka: Hanka, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert hanka("rollout", "run")[0] == 3  # no gate, no signature
    assert hanka("log", "add", "gate", "--run", "run", "--set", "outcome=pass", "--by", "ci")[0] == 0
    assert hanka("log", "approve", "run", "--variant", "base", "--by", "Ada", "--role", "lead")[0] == 0
    code, out, _ = hanka(*SIGN)
    assert (code, "approved: sft/home/8/seed0 by Ada (lead)" in out, "3 files by hash" in out) == (0, True, True)
    code, out, _ = hanka("rollout", "run", "--promote", "--by", "Ada")
    assert (code, "stage classification is passed" in out) == (0, True)
    assert (tmp_path / "run/rollout.html").is_file()
    code, out, _ = hanka("log", "release", "--by", "Ada")
    assert (code, "--confirm does it" in out, (tmp_path / "hanka-log/current.json").exists()) == (0, True, False)
    assert hanka("log", "release", "--by", "Ada", "--confirm")[0] == 0
    assert read_json(tmp_path / "hanka-log/current.json")["variant"] == variant_of(run)["id"]
    code, out, _ = hanka("rollback")
    assert (code, "would go from sft/home/8/seed0" in out) == (0, True)
    assert hanka("rollback", "--confirm", "--by", "Bob", "--why", "errors rise")[0] == 0
    assert read_json(tmp_path / "hanka-log/current.json")["variant"] == variant_of(run, "base")["id"]
    kinds = [one.kind for one in read(tmp_path / "hanka-log")]
    assert kinds == ["gate", "approval", "approval", "promotion", "release", "rollback"]
    code, out, err = hanka("rollback")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no approved system is left" in err
    code, out, _ = hanka("log", "show")
    assert (code, "Served since" in out, "errors rise" in out) == (0, True, True)
    code, out, _ = hanka("log", "verify")
    assert (code, "whole, 6 entries" in out) == (0, True)


def test_a_refusal_leaves_with_1_and_a_wrong_name_with_2(hanka: Hanka, tmp_path: Path) -> None:
    decided(RunFolder(tmp_path / "run"), "keep")
    code, out, err = hanka(*SIGN)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "--although REASON" in err
    assert not (tmp_path / "hanka-log/log.jsonl").exists()
    code, _, err = hanka("log", "approve", "run", "--variant", "stf", "--by", "Ada", "--role", "lead")
    assert (code, "did you mean 'sft'?" in err) == (2, True)
    assert hanka(*SIGN, "--although", "a pilot with ten users")[0] == 0
    assert "although a pilot with ten users" in hanka("log", "show")[1]


def test_verify_leaves_with_1_and_says_each_line_that_is_wrong(hanka: Hanka, tmp_path: Path) -> None:
    for n in range(3):
        hanka("log", "add", "note", "--set", f"n={n}", "--by", "Ada")
    log = tmp_path / "hanka-log/log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    head = read(tmp_path / "hanka-log")[-1].hash
    log.write_bytes(lines[0] + lines[2].replace(b'"n":2', b'"n":3'))
    code, out, _ = hanka("log", "verify")
    assert (code, "log.jsonl:2: changed: entry 2" in out) == (1, True)
    log.write_bytes(b"".join(lines[:2]))
    assert hanka("log", "verify")[0] == 0
    code, out, _ = hanka("log", "verify", "--head", head)
    assert (code, "truncated" in out) == (1, True)
    log.write_bytes(b"".join(lines) + b"{")
    assert hanka("log", "verify")[0] == 1
    assert "1 bytes were set aside" in hanka("log", "repair", "--by", "Bob")[1]
    assert hanka("log", "verify", "--head", head)[0] == 0
    log.write_bytes(b"")
    assert hanka("log", "verify")[0] == 3
    code, _, err = hanka("log", "verify", "nowhere")
    assert (code, "no such log" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rollback", "--confirm"), "--by NAME and --why TEXT"),
        (("rollout", "run", "--promote"), "--by NAME"),
        (("rollout", "run", "--lang", "de"), "allowed: en, ja"),
        (("rollout", "nowhere"), "is this the folder of a run?"),
        (("log", "add", "gate", "--by", "ci", "--set", "outcome"), "KEY=VALUE"),
        (("log", "add", "gate", "--by", "ci", "--set", "outcome=good"), "pass|fail|inconclusive"),
        (("log", "add", "approval", "--by", "Eve"), "command of its own"),
        (("log", "show", "nowhere"), "no such log"),
        (("rollback", "nowhere"), "no such log"),
        (("log", "add", "note", "--by", "Ada", "--set", "x=" + "[" * 50_000), "flatter"),
        (
            ("log", "add", "gate", "--by", "ci", "--run", "run", "--set", "outcome=pass", "--set", "decision=x"),
            "said by --run",
        ),
        (("log", "withdraw", "3", "--by", "Ada", "--why", "x"), "no approval that counts"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_with_2(hanka: Hanka, words: tuple[str, ...], said: str) -> None:
    code, out, err = hanka(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_page_is_written_where_and_in_the_language_that_is_asked(hanka: Hanka, tmp_path: Path) -> None:
    assert hanka("rollout", "run", "--html", "out/page.html", "--lang", "ja")[0] == 3
    assert '<html lang="ja">' in (tmp_path / "out/page.html").read_text(encoding="utf-8")
    assert not (tmp_path / "run/rollout.html").exists()


def test_what_somebody_logged_moves_no_cursor(hanka: Hanka) -> None:
    hanka("log", "add", "note", "--by", "Ada", "--set", "what=\x1b[2Jgone")
    out = hanka("log", "show")[1]
    assert ("\x1b" in out, "U+001B" in out) == (False, True)
