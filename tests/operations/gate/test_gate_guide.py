"""docs/gate.md: its policy is read, its command runs and says what the page says, and so does the workflow's."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fake_runs import fake_run
from hanka.cli import main
from hanka.operations.gate.policy import Guardrail, Policy, Rule, SystemSpec
from hanka.operations.gate.policy_file import read_policy

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/gate.md").read_text(encoding="utf-8")


def leaves_with(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def jobs() -> list[dict[str, Any]]:
    workflow = yaml.safe_load((ROOT / "docs/gate/ship.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request" in workflow[True]  # YAML 1.1 reads the key `on` as true
    return list(workflow["jobs"]["gate"]["steps"])


def test_the_commands_of_page_and_workflow_end_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "docs/own-data", tmp_path / "docs/own-data")
    shutil.copytree(ROOT / "docs/gate", tmp_path / "docs/gate")
    fake_run(tmp_path / "docs/own-data/mails.yaml", tmp_path / "runs/mails")
    monkeypatch.chdir(tmp_path)
    shown = re.search(r"<!-- gate; prints (.*?) -->\n```console\n\$ (.*?)\n```", PAGE)
    assert shown is not None
    assert leaves_with(shlex.split(shown[2]), monkeypatch) == 3
    assert shown[1] in capsys.readouterr().out
    (step,) = (one for one in jobs() if one.get("name") == "gate")
    assert leaves_with(shlex.split(step["run"]), monkeypatch) == 3
    for name in ("gate.xml", "gate.md", "gate.html", "gate/junit.xml", "gate/summary.md", "gate/page.html"):
        assert (tmp_path / name).stat().st_size > 0
    assert "gate/summary.md" in next(one["run"] for one in jobs() if one.get("name") == "summary")


def test_actions_of_the_workflow_are_those_this_repository_uses() -> None:
    own = (ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8")
    for step in jobs():
        assert ("uses" in step) != ("run" in step)
        if "uses" in step and "upload-artifact" not in step["uses"]:
            assert step["uses"] in own


def test_every_key_of_a_policy_stands_on_the_page() -> None:
    assert read_policy(ROOT / "docs/gate/policy.yaml").policy.rules
    keys = {name for model in (Policy, Rule, Guardrail, SystemSpec) for name in model.model_fields} - {"name"}
    assert {key for key in keys if not re.search(rf"`[^`]*\b{key}\b[^`]*`|^{key}:", PAGE, re.MULTILINE)} == set()
    assert "- name: " in PAGE
