"""The state of a monitor: what was read so far, on disk, so that the next call goes on where this one ended, however it ended.

Folder `--state DIR`: `state.json` names the tables that belong to it and is renamed into place last, so a killed process leaves either the old
state or the new one; what it leaves besides is taken away by the next. One process at a time works in a folder. The state holds inputs
and answers of live traffic (what waits for a label, what is to be trained on): it is as confidential as the log.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hanka.errors import MonitorError, StoreError
from hanka.identity import content_id
from hanka.operations.monitor.alarms import stored_alarm
from hanka.operations.monitor.judge import Judge
from hanka.operations.monitor.logs import Place
from hanka.operations.monitor.memory import Labelled, Memory, Seen, Tally, Waiting
from hanka.operations.monitor.reference import Reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.watch import Baseline, Watch, begin
from hanka.operations.monitor.windows import opened, stored_window
from hanka.store.folder import RunFolder, read_json, read_table, write_json, write_table
from hanka.store.leftovers import sweep

FORMAT = 2
"Of the state; raised by hand when older ones can no longer be gone on with."
TABLES = ("seen", "waiting", "early", "labelled")
NOT_DECIDING = {"fields", "require", "guardrails", "most_odd", "most_retrain", "least_retrain"}
"Settings that may change between calls; the others decide what was counted and judged."


def settings_id(settings: MonitorSettings) -> str:
    """Return the id of what decides what a monitor says."""
    return content_id(settings.model_dump(mode="json", exclude=NOT_DECIDING))


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a state for one process. Raises StoreError where another monitor holds it."""
    try:
        with RunFolder(folder).lock():
            sweep(folder)
            yield
    except StoreError as error:
        if "another hanka process" in str(error):
            raise StoreError(
                f"{folder}: another monitor is working on this state; wait for it, or choose another --state"
            ) from None
        raise


def load(folder: Path, reference: Reference, settings: MonitorSettings, now: float) -> Watch:
    """Return the monitor that a state holds, or one that has read nothing. Raises StoreError or MonitorError in one line."""
    watch = begin(reference, settings, now)
    path = folder / "state.json"
    if not path.exists():
        return watch
    stored = _read(path)
    _require_same(path, stored, reference, settings)
    try:
        _fill(watch, stored, folder)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StoreError(f"{path}: damaged ({error!r}); delete the folder and read the logs again") from None
    return watch


def _read(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except StoreError as error:
        raise StoreError(f"{str(error).partition(';')[0]}; delete the folder and read the logs again") from None
    if not isinstance(found, dict) or "format" not in found:
        raise StoreError(f"{path}: not the state of a monitor; choose another --state")
    return found


def _require_same(path: Path, stored: dict[str, Any], reference: Reference, settings: MonitorSettings) -> None:
    if stored["format"] != FORMAT:
        raise StoreError(
            f"{path}: of format {stored['format']}, and this hanka goes on with {FORMAT}; choose another --state"
        )
    if stored.get("reference") != reference.id:
        raise MonitorError(
            f"{path}: begun against {stored.get('run')} ({stored.get('title')}), not {reference.run} ({reference.title}) as it is now; "
            "a new system needs a new --state"
        )
    if stored.get("settings") != settings_id(settings):
        raise MonitorError(f"{path}: begun with other settings, which decide what was counted; choose another --state")


def _fill(watch: Watch, stored: dict[str, Any], folder: Path) -> None:
    tables = {name: read_table(folder / stored["tables"][name]) for name in TABLES}
    seen, is_recent = tables["seen"]["key"].to_pylist(), tables["seen"]["is_recent"].to_pylist()
    halves = [[key for key, recent in zip(seen, is_recent, strict=True) if recent is one] for one in (True, False)]
    memory = Memory(
        Seen(watch.settings.remember, *halves), deque(maxlen=watch.settings.most_retrain), watch.settings.wait
    )
    if stored["tally"].keys() != asdict(Tally()).keys():
        raise KeyError("tally")
    memory.tally = Tally(**stored["tally"])
    for row in tables["waiting"].to_pylist():
        memory.wait(row["key"], Waiting(json.loads(row["fields"]), row["output"]))
    memory.early.update((row["key"], (row["label"], row["correct"])) for row in tables["early"].to_pylist())
    memory.labelled.extend(Labelled(json.loads(row["fields"]), row["target"]) for row in tables["labelled"].to_pylist())
    watch.memory = memory
    judged = stored["judge"]
    shares = {name: (int(one[0]), int(one[1])) for name, one in judged["shares"].items()}
    watch.judge = Judge(watch.reference, watch.settings, shares, judged["detectors"], judged["looks"], judged["silent"])
    watch.window = opened(stored["window"])
    watch.windows = [stored_window(one) for one in stored["windows"]]
    watch.alarms = [stored_alarm(one) for one in stored["alarms"]]
    watch.places = [Place(**one) for one in stored["places"]]
    watch.baselines = {name: Baseline(**one) for name, one in stored["baselines"].items()}
    watch.texts = [(int(key), text) for key, text in stored["texts"]]
    watch.latest = float("-inf") if stored["latest"] is None else float(stored["latest"])


def save(folder: Path, watch: Watch) -> None:
    """Write a state: new tables first, then the file that names them, then the old tables go."""
    before = read_json(folder / "state.json") if (folder / "state.json").exists() else {}
    serial = int(before.get("serial", 0)) + 1
    names = {name: f"{name}-{serial}.parquet" for name in TABLES}
    for name, table in _tables(watch.memory).items():
        write_table(folder / names[name], table)
    write_json(folder / "state.json", _state(watch) | {
        "serial": serial, "tables": names, "hooks": before.get("hooks", [])
    })  # fmt: skip
    kept = set(names.values())
    for path in folder.glob("*-*.parquet"):
        if path.name not in kept and path.name.partition("-")[0] in TABLES:
            with suppress(OSError):
                path.unlink()


def note_hook(folder: Path, window: int) -> None:
    """Note that the hook of a proposal is run, so that it is not run again. The state has to be held."""
    stored = read_json(folder / "state.json")
    write_json(folder / "state.json", {**stored, "hooks": [*stored["hooks"], window]})


def run_hooks(folder: Path) -> list[int]:
    """Return the windows of the proposals whose hook was run."""
    path = folder / "state.json"
    return [int(one) for one in read_json(path)["hooks"]] if path.exists() else []


def _state(watch: Watch) -> dict[str, Any]:
    judge = watch.judge
    return {
        "format": FORMAT, "reference": watch.reference.id, "run": watch.reference.run, "title": watch.reference.title,
        "settings": settings_id(watch.settings), "tally": asdict(watch.memory.tally),
        "judge": {"shares": {name: list(one) for name, one in judge.shares.items()}, "detectors": judge.detectors, "looks": judge.looks, "silent": judge.silent},
        "window": watch.window.as_json(), "windows": [one.as_json() for one in watch.windows],
        "alarms": [one.as_json() for one in watch.alarms],
        "places": [asdict(one) for one in watch.places], "baselines": {name: asdict(one) for name, one in watch.baselines.items()},
        "texts": [[key, text] for key, text in watch.texts],
        "latest": None if watch.latest == float("-inf") else watch.latest,
    }  # fmt: skip


def _tables(memory: Memory) -> dict[str, Any]:
    import pyarrow as pa

    key, text = pa.uint64(), pa.string()
    seen = [*memory.seen.recent, *memory.seen.older]
    recent = [True] * len(memory.seen.recent) + [False] * len(memory.seen.older)
    waiting, early, labelled = memory.waiting, memory.early, memory.labelled
    return {
        "seen": pa.table({"key": pa.array(seen, key), "is_recent": pa.array(recent, pa.bool_())}),
        "waiting": pa.table({
            "key": pa.array(list(waiting), key), "fields": pa.array([json.dumps(one.fields) for one in waiting.values()], text),
            "output": pa.array([one.output for one in waiting.values()], text),
        }),
        "early": pa.table({
            "key": pa.array(list(early), key), "label": pa.array([one for one, _ in early.values()], text),
            "correct": pa.array([one for _, one in early.values()], pa.bool_()),
        }),
        "labelled": pa.table({
            "fields": pa.array([json.dumps(one.fields) for one in labelled], text),
            "target": pa.array([one.target for one in labelled], text),
        }),
    }  # fmt: skip
