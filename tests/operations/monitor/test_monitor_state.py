"""The state: a monitor that was killed ends like one that was not, no row counts twice, and two monitors refuse each other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import HankaError, MonitorError, StoreError
from hanka.operations.monitor import run as one_call
from hanka.operations.monitor.results import as_json, report_of
from hanka.operations.monitor.run import monitoring
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.state import held, note_hook, run_hooks
from hanka.store.folder import RunFolder
from live_traffic import NOW, known_reference, reference_of, request, traffic, write_log

SETTINGS = MonitorSettings(
    window=100, least_rows=50, baseline=100, cooldown=5, period=20, domain_every=7, domain_texts=40
)


def said(shipped: RunFolder, log: Path, state: Path | None, settings: MonitorSettings = SETTINGS) -> dict[str, Any]:
    """What one call says."""
    with monitoring([log], known_reference(shipped, settings.domain_texts), settings, NOW, state) as watch:
        return as_json(report_of(watch))


def rows() -> list[Any]:
    """A thousand requests of which accuracy falls, labels arrive late, and some lines are broken."""
    found: list[Any] = []
    for at, row in enumerate(traffic(1000, right=lambda at: 0.9 if at < 500 else 0.5)):
        label = row.pop("label")
        found.append(row)
        if at >= 40:
            found.append({"id": f"r{at - 40}", "label": label})
        if at % 97 == 0:
            found += ["{broken", row]
    return found


KILLED = """
import json, os, signal, sys
from pathlib import Path
from hanka.operations.monitor import logs, run, state
from hanka.operations.monitor.reference import load_reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.store.folder import RunFolder
log, folder, shipped, settings = sys.argv[1:]
run.CHECKPOINT, logs.BATCH = 100, 50
whole, calls = {function}, []
def dies(*given):
    calls.append(1)
    if len(calls) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given)
{function} = dies
chosen = MonitorSettings.model_validate(json.loads(settings))
with run.monitoring([Path(log)], load_reference(RunFolder(Path(shipped)), chosen), chosen, {now}, Path(folder)):
    pass
"""
"A monitor that is killed at the n-th call of a function."


@pytest.mark.parametrize(("function", "at"), [("state.write_json", 4), ("state.write_table", 14)])
def test_a_killed_monitor_gone_on_with_says_what_an_undisturbed_one_says(
    shipped: RunFolder, tmp_path: Path, function: str, at: int
) -> None:
    log, state = write_log(tmp_path / "log.jsonl", rows()), tmp_path / "state"
    code = KILLED.format(function=function, at=at, now=NOW)
    words = (str(log), str(state), str(shipped.path), SETTINGS.model_dump_json())
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (state / "state.json").exists(), "killed in the middle, not before"
    found = said(shipped, log, state)
    assert found == said(shipped, log, None)
    assert found["tally"]["rows"] == 1982
    assert {one.name for one in state.iterdir() if one.name.startswith(".")} == {".lock"}


def test_a_second_call_without_new_rows_says_the_same_and_new_rows_are_added(
    shipped: RunFolder, tmp_path: Path
) -> None:
    every = traffic(600)
    log, state = write_log(tmp_path / "log.jsonl", every[:350]), tmp_path / "state"
    first = said(shipped, log, state)
    before = (state / "state.json").read_bytes()
    assert said(shipped, log, state) == first
    assert (state / "state.json").read_bytes() == before, "nothing new, nothing written"
    write_log(log, every)
    assert said(shipped, log, state) == said(shipped, log, None)


def test_the_same_rows_in_another_file_are_not_counted_twice(shipped: RunFolder, tmp_path: Path) -> None:
    log, state = write_log(tmp_path / "a.jsonl", traffic(200)), tmp_path / "state"
    first = said(shipped, log, state)
    write_log(tmp_path / "b.jsonl", [{"id": "new"}, *traffic(200)])
    second = said(shipped, tmp_path, state)
    assert second["tally"]["requests"] == first["tally"]["requests"] == 200
    assert second["tally"]["repeated"] == 200
    assert second["windows"] == first["windows"]


def test_two_monitors_on_one_state_refuse_each_other(shipped: RunFolder, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", traffic(10))
    with held(tmp_path / "state"), pytest.raises(StoreError, match="another monitor is working on this state") as error:
        said(shipped, log, tmp_path / "state")
    assert error.value.exit_code == 2
    assert said(shipped, log, tmp_path / "state")["tally"]["requests"] == 10


def test_a_state_is_of_one_run_and_one_way_of_judging(shipped: RunFolder, tmp_path: Path) -> None:
    log, state = write_log(tmp_path / "log.jsonl", traffic(10)), tmp_path / "state"
    said(shipped, log, state)
    with pytest.raises(MonitorError, match="begun with other settings"):
        said(shipped, log, state, SETTINGS.model_copy(update={"window": 200}))
    harmless = {"require": (), "most_odd": 0.5, "fields": {"label": "truth"}}
    assert said(shipped, log, state, SETTINGS.model_copy(update=harmless))["tally"]["requests"] == 10
    from dataclasses import replace

    other = replace(reference_of(shipped, SETTINGS), id="0" * 16, title="sft/other")
    with (
        pytest.raises(MonitorError, match="a new system needs a new --state"),
        monitoring([log], other, SETTINGS, NOW, state),
    ):
        pass


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 1}', '{"format": 9}', ""])
def test_a_damaged_state_is_one_line(shipped: RunFolder, tmp_path: Path, damage: str) -> None:
    log, state = write_log(tmp_path / "log.jsonl", traffic(10)), tmp_path / "state"
    said(shipped, log, state)
    (state / "state.json").write_text(damage)
    with pytest.raises(HankaError) as error:
        said(shipped, log, state)
    assert "state.json" in str(error.value)
    assert error.value.exit_code == 2


def test_a_state_that_lost_a_table_or_a_key_is_one_line(shipped: RunFolder, tmp_path: Path) -> None:
    log, state = write_log(tmp_path / "log.jsonl", traffic(10)), tmp_path / "state"
    said(shipped, log, state)
    stored = json.loads((state / "state.json").read_text())
    wrong: list[dict[str, Any]] = [{"tally": {}}, {"judge": None}, {"window": {"number": "x", "y": 1}}]
    for broken in wrong:
        (state / "state.json").write_text(json.dumps(stored | broken))
        with pytest.raises(StoreError, match="damaged"):
            said(shipped, log, state)
    (state / "state.json").write_text(json.dumps(stored))
    (state / stored["tables"]["waiting"]).unlink()
    with pytest.raises(StoreError, match=r"waiting-1\.parquet"):
        said(shipped, log, state)


def test_a_hook_is_remembered(shipped: RunFolder, tmp_path: Path) -> None:
    log, state = write_log(tmp_path / "log.jsonl", traffic(10)), tmp_path / "state"
    assert run_hooks(state) == []
    said(shipped, log, state)
    note_hook(state, 7)
    write_log(log, traffic(20))
    said(shipped, log, state)
    assert run_hooks(state) == [7]


def test_a_log_whose_columns_are_called_otherwise_says_which(shipped: RunFolder, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [{"ts": 1, "prompt": "p", "output": "o"}] * 3)
    with pytest.raises(
        MonitorError,
        match="no row has 'time' for field 'time'; columns: ts, prompt, output; map it with --fields time=COLUMN",
    ):
        said(shipped, log, None)


def test_a_log_of_something_else_is_one_line(shipped: RunFolder, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [{"time": "soon", "prompt": "p"}] * 200)
    with pytest.raises(MonitorError, match="none of 200 rows could be read"):
        said(shipped, log, None)


def test_a_log_whose_columns_change_is_refused_and_nothing_of_it_is_lost(shipped: RunFolder, tmp_path: Path) -> None:
    log, state = write_log(tmp_path / "a.jsonl", traffic(300)), tmp_path / "state"
    said(shipped, log, state)
    renamed = [{("text" if name == "prompt" else name): value for name, value in row.items()} for row in traffic(450)]
    later = write_log(tmp_path / "b.jsonl", renamed[300:])
    with pytest.raises(MonitorError, match="no row has 'prompt' for field 'prompt'; columns: time, id, text"):
        said(shipped, tmp_path, state)
    found = said(shipped, later, state, SETTINGS.model_copy(update={"fields": {"prompt": "text"}}))
    assert (found["tally"]["requests"], found["tally"]["malformed"]) == (450, 0)
    write_log(tmp_path / "c.jsonl", [{"x": 1}])
    assert said(shipped, tmp_path, state)["tally"]["malformed"] == 1, "one broken line stops nothing"


def test_places_of_files_are_few(shipped: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.setattr(one_call, "MOST_PLACES", 2)
    for name in range(4):
        write_log(tmp_path / f"{name}.jsonl", [request(np.random.default_rng(name), name)])
    with monitoring([tmp_path], known_reference(shipped, 40), SETTINGS, NOW, None) as watch:
        assert len(watch.places) == 2
        assert watch.memory.tally.requests == 4
