"""The commands of the guides on governance and rollout do what the guides say, in the order of the page, on a made-up run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from markdown_blocks import ROOT, blocks

from governed_runs import governed_run
from hanka.cli import main
from hanka.operations.ledger import entries, read
from hanka.operations.rollout import Stages
from hanka.store.folder import read_json
from live_traffic import traffic, write_log
from operated_runs import operated_run

PAGES = ("governance.md", "rollout.md")
MARK = re.compile(r"step(?:; leaves (?P<code>\d))?(?:; prints (?P<words>.*))?")


def follow(page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a guide's steps in order, each with the exit code and the words that it promises."""
    monkeypatch.setenv("COLUMNS", "200")
    steps = [block for block in blocks(ROOT / "docs" / page, "console") if block.mark.startswith("step")]
    assert steps
    for block in steps:
        mark = MARK.fullmatch(block.mark)
        assert mark is not None, block.place
        for line in (line[2:] for line in block.body.splitlines() if line.startswith("$ ")):
            monkeypatch.setattr(sys, "argv", shlex.split(line))
            try:
                main()
                code = 0
            except SystemExit as leaving:
                code = int(leaving.code or 0)
            said = capsys.readouterr()
            assert code == int(mark["code"] or 0), f"{block.place}: {line} left with {code}\n{said.err}"
        assert (mark["words"] or "") in said.out, f"{block.place}: {line}\n{said.out}"


@pytest.mark.parametrize("page", PAGES)
def test_a_guides_steps_do_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    governed_run(tmp_path / "runs/mails")
    monkeypatch.chdir(tmp_path)
    follow(page, monkeypatch, capsys)
    assert (tmp_path / "hanka-log/log.jsonl").is_file()


def test_the_whole_loop_does_what_its_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    operated_run(tmp_path)
    for folder in ("gate", "ab", "own-data"):
        shutil.copytree(ROOT / "docs" / folder, tmp_path / "docs" / folder)
    (tmp_path / "logs").mkdir()
    rows = traffic(6000, right=lambda at: 0.9 if at < 3000 else 0.78, confidence=None)
    write_log(tmp_path / "logs/november.jsonl", rows[:3000])
    write_log(tmp_path / "logs/december.jsonl", rows[3000:])
    monkeypatch.chdir(tmp_path)
    follow("operating.md", monkeypatch, capsys)
    kinds = [one.kind for one in read(Path("hanka-log"))]
    assert kinds == ["gate", "approval", "approval", "promotion", "release", "release", "alarm", "rollback"]
    assert read_json(Path("hanka-log/current.json"))["title"] == "base/smollm2-135m-instruct"


def test_the_stages_that_are_shown_are_the_defaults() -> None:
    (block,) = blocks(ROOT / "docs/rollout.md", "yml")
    assert Stages.model_validate(yaml.safe_load(block.body)) == Stages()
    shown = yaml.safe_load(block.body)
    assert json.loads(json.dumps(shown)) == json.loads(Stages().model_dump_json()), "every key stands there"


def test_every_key_of_current_json_is_described(tmp_path: Path) -> None:
    from hanka.operations.ledger.approvals import RELEASE, Signing, approve
    from hanka.operations.ledger.serving import POINTER, carry_out, plan_release
    from hanka.store.folder import read_json

    approve(tmp_path / "log", governed_run(tmp_path / "run"), Signing("sft", "Ada", "lead"))
    carry_out(tmp_path / "log", RELEASE, plan_release(tmp_path / "log"), "Ada")
    text = (ROOT / "docs/governance.md").read_text(encoding="utf-8")
    assert [name for name in read_json(tmp_path / "log" / POINTER) if f"`{name}`" not in text] == ["format"]
    names = entries.Entry.__slots__
    assert [name for name in names if f"`{name}`" not in text] == []
