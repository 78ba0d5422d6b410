"""What a meter counts: memory of this process for real, energy from counters as the kernel and a driver show them."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from hanka.work import meter as meters
from hanka.work.meter import Meter, nvml_joules, rapl_joules, with_earlier


def zone(powercap: Path, place: str, name: str, microjoules: int, most: int = 10_000_000) -> Path:
    folder = powercap / place
    folder.mkdir(parents=True)
    (folder / "name").write_text(name + "\n", encoding="ascii")
    (folder / "energy_uj").write_text(str(microjoules), encoding="ascii")
    (folder / "max_energy_range_uj").write_text(str(most), encoding="ascii")
    return folder


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages; the first counts its cores within itself and its memory apart, as servers do."""
    zone(tmp_path, "intel-rapl:0", "package-0", 2_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1_500_000)
    zone(tmp_path, "intel-rapl:0:1", "dram", 500_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 7_000_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 2_000_000)
    return tmp_path


def count(powercap: Path, place: str, microjoules: int) -> None:
    (powercap / place / "energy_uj").write_text(str(microjoules), encoding="ascii")


def test_packages_and_memory_apart_are_counted_once(powercap: Path) -> None:
    assert rapl_joules(powercap) == {"package-0": 2.0, "dram 0": 0.5, "package-1": 7.0}


def test_a_unit_takes_what_the_counters_moved_even_where_they_begin_again(powercap: Path) -> None:
    meter = Meter(powercap=powercap)
    count(powercap, "intel-rapl:0", 5_250_000)
    count(powercap, "intel-rapl:1", 1_000_000)  # over its end of 10 J
    assert meter.read()["energy_joules"] == {"package-0": 3.25, "dram 0": 0.0, "package-1": 4.0}


def test_a_counter_that_cannot_be_read_is_left_out(powercap: Path, tmp_path: Path) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").unlink()
    (powercap / "intel-rapl:0" / "energy_uj").mkdir()
    assert Meter(powercap=powercap).read()["energy_joules"].keys() == {"dram 0", "package-1"}
    assert Meter(powercap=tmp_path / "none").read()["energy_joules"] == {}


def test_where_several_processes_work_nothing_is_counted(powercap: Path) -> None:
    meter = Meter(alone=False, powercap=powercap)
    count(powercap, "intel-rapl:0", 5_250_000)
    assert meter.read()["energy_joules"] == {}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux says what a process's peak is")
def test_the_peak_is_that_of_the_unit_not_of_the_process() -> None:
    first = Meter()
    block = b"x" * 64_000_000
    with_block = first.read()["peak_bytes"]["process"]
    del block
    after = Meter().read()["peak_bytes"]["process"]
    assert with_block - after > 50_000_000


def test_where_the_peak_cannot_be_forgotten_none_is_given(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("VmHWM:\t 100 kB\n", encoding="ascii")
    assert "process" not in Meter(process=tmp_path / "none").read()["peak_bytes"]
    assert Meter(process=tmp_path).read()["peak_bytes"]["process"] == 102_400


class Driver:
    """Two accelerators, of which the second does not count."""

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = index + 1
        return 0

    def nvmlDeviceGetUUID(self, handle: ctypes.c_void_p, name: Any, size: int) -> int:
        name.value = f"GPU-{handle.value}".encode()
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: ctypes.c_void_p, millijoules: Any) -> int:
        millijoules._obj.value = 12_345
        return 0 if handle.value == 1 else 3


def test_an_accelerator_that_does_not_count_is_left_out() -> None:
    assert nvml_joules(Driver()) == {"GPU-1": 12.345}
    assert nvml_joules(None) == {}
    assert nvml_joules(object()) == {}  # a driver older than its functions


def test_of_the_machines_accelerators_those_in_use_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = {"GPU-a": 10.0, "GPU-b": 50.0}
    monkeypatch.setattr(meters, "nvml_joules", lambda _library: dict(now))
    monkeypatch.setattr(meters, "_uuids", lambda: {"cuda:0": "GPU-b"})
    meter = Meter(powercap=tmp_path)
    now |= {"GPU-a": 11.0, "GPU-b": 57.5}
    assert meter.read()["energy_joules"] == {"cuda:0": 7.5}


def test_what_is_gone_on_with_keeps_the_larger_peak_and_the_sum() -> None:
    new = {"peak_bytes": {"process": 5, "cuda:0": 3}, "energy_joules": {"package-0": 2.0, "cuda:0": 1.0}}
    before = {"peak_bytes": {"process": 9}, "energy_joules": {"package-0": 4.0}}
    assert with_earlier(new, before) == {
        "peak_bytes": {"process": 9, "cuda:0": 3},
        "energy_joules": {"package-0": 6.0},
    }
    assert with_earlier(new, {})["energy_joules"] == {}
