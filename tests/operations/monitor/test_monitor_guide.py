"""docs/monitor.md says what is: its commands are run on the traffic it tells of, its table lists every setting."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from hanka.cli import main
from hanka.operations.monitor.settings import FIELDS, MonitorSettings
from hanka.operations.monitor.signals import SIGNALS
from live_traffic import traffic, write_log, write_run

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/monitor.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- watch; leaves (\d); prints (.+?) -->\n```console\n\$ (.+?)\n```")


def days(folder: Path) -> None:
    """Three days of traffic, two thousand mails each, as the guide's service writes it; on the third accuracy falls."""
    rows: list[dict[str, Any]] = []
    for row in traffic(6000, right=lambda at: 0.9 if at < 4000 else 0.6):
        rows.append(
            {
                "ts": row["time"],
                "id": row["id"],
                "input": row["prompt"],
                "answer": row["output"],
                "confidence": row["confidence"],
            }
        )
        rows.append({"id": row["id"], "tone": row["label"]})
    for day in range(3):
        write_log(folder / f"day-{day + 1}.jsonl", rows[4000 * day : 4000 * (day + 1)])


def test_the_commands_of_the_guide_leave_and_say_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(write_run(tmp_path / "made", 400).path, tmp_path / "runs/mails")
    shutil.copytree(ROOT / "docs/monitor", tmp_path / "docs/monitor")
    (tmp_path / "logs").mkdir()
    days(tmp_path / "logs")
    monkeypatch.chdir(tmp_path)
    found = BLOCK.findall(GUIDE)
    assert len(found) == 2
    for code, said, command in found:
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as leaving:
            main()
        out = capsys.readouterr().out
        assert leaving.value.code == int(code), out
        assert said in out
    assert (tmp_path / "live.html").is_file()
    state = json.loads((tmp_path / "monitor-state/state.json").read_text())
    assert [one["signal"] for one in state["alarms"]] == ["wrong"]
    assert f"monitor-state/retrain-{state['alarms'][0]['window']}/study.yaml" in GUIDE


def test_the_settings_shown_are_those_of_the_file() -> None:
    shown = re.search(r"```yml\n(.+?)```", GUIDE, re.DOTALL)
    assert shown
    written = (ROOT / "docs/monitor/monitor.yaml").read_text(encoding="utf-8")
    assert written.endswith(shown[1])


def test_every_setting_signal_and_field_is_explained_with_its_default() -> None:
    table = {
        key: line
        for line in GUIDE.splitlines()
        if line.startswith("| `")
        for key in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    for name, field in MonitorSettings.model_fields.items():
        assert name in table, name
        default = field.default
        if isinstance(default, (int, float)) and not isinstance(default, bool):
            assert re.search(rf"\b{default:g}\b|\b{default}\b", table[name]), f"{name}: {default}"
    assert set(SIGNALS) | set(FIELDS) <= set(table)
    for one in SIGNALS.values():
        assert re.search(rf"\b{one.tolerance:g}\b", table["tolerate"]), one.name
