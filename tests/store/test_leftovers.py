"""What a killed process left behind is taken away; what someone may be writing is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanka.store.cache import atomic_path
from hanka.store.leftovers import DAY_SECONDS, place, scratch_folder, sweep, temporary_name

KILLED = """
import os, signal, sys
from pathlib import Path
from hanka.store.cache import atomic_path
from hanka.store.leftovers import scratch_folder
folder = Path(sys.argv[1])
with scratch_folder(folder / "model") as scratch, atomic_path(folder / "cells" / "cell.json") as path:
    (scratch / "weights").write_text("half")
    path.write_text("half")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.readline()
"""
ELSEWHERE = "0123abcd" if place() != "0123abcd" else "0123abce"


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a living process has files open."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path, "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield tmp_path
        process.stdin.close()


def test_what_a_killed_process_left_goes_however_young_and_deep_it_is(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path, "die"], check=False)
    assert killed.returncode == -9
    assert len([name for name in names(tmp_path) if name.endswith(".tmp")]) == 2
    sweep(tmp_path)
    assert names(tmp_path) == {"cells"}


def test_what_a_living_process_writes_stays(writer: Path) -> None:
    before = names(writer)
    assert len([name for name in before if name.endswith(".tmp")]) == 2
    for path in writer.rglob("*"):
        os.utime(path, (0, 0))
    sweep(writer)
    assert names(writer) == before


@pytest.mark.parametrize("name", [f".a.json.{ELSEWHERE}-4194305-00000000.tmp", ".a.json.4194305-00000000.tmp"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_another_place_may_be_writing_stays_for_a_day(tmp_path: Path, name: str, is_folder: bool) -> None:
    path = tmp_path / name
    inside = path / "part" if is_folder else path
    inside.parent.mkdir(exist_ok=True)
    inside.write_text("half")
    old = time.time() - DAY_SECONDS - 60
    os.utime(path, (old, old))
    if is_folder:
        sweep(tmp_path)
        assert inside.exists()  # its part is young
        os.utime(inside, (old, old))
        os.utime(path, (old, old))
    else:
        os.utime(path, (old + 120, old + 120))
        sweep(tmp_path)
        assert inside.exists()
        os.utime(path, (old, old))
    sweep(tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", ["notes.tmp", ".notes.tmp", "a.12-00000000.tmp", ".a.json.12-00000000.tmp.txt"])
def test_no_other_file_is_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == {name}


def test_a_sweep_for_one_name_leaves_others_and_goes_no_deeper(tmp_path: Path) -> None:
    left = f"{place()}-4194305-00000000.tmp"
    for path in (f".a.{left}", f".b.{left}", f"deep/.a.{left}"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("half")
    with scratch_folder(tmp_path / "a"):
        pass
    assert names(tmp_path) == {f".b.{left}", "deep", f"deep/.a.{left}"}


def test_a_file_that_is_put_in_place_leaves_nothing_temporary(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.json") as path:
        assert path.name.startswith(temporary_name(tmp_path / "a.json").name.rpartition("-")[0])
        path.write_text("whole")
    assert names(tmp_path) == {"a.json"}
