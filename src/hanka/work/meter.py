"""What a unit of work takes beside time: most memory, and energy where the machine's own meters say it.

Read before and after a unit; stored beside its seconds, outside every id. Memory: the resident set of this process, whose peak Linux
lets a process reset, and what torch holds on each accelerator. Energy: RAPL counters of processor packages (and their memory, where it is
counted apart) under /sys/class/powercap, and NVML's counter of each accelerator in sight. What cannot be read is left out, never
guessed: RAPL is often readable by root alone.

Sources: Linux kernel, power/powercap and filesystems/proc (clear_refs); NVML API, nvmlDeviceGetTotalEnergyConsumption.
Limits: a counter counts all that runs on its device, so nothing is counted where several processes of a run share one; a package's counter
that wraps more than once within a unit counts too little.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
PROCESS = Path("/proc/self")
PACKAGE = re.compile(r"intel-rapl:\d+")
"A package; its parts are in its sum, but for its memory."
PART = re.compile(r"intel-rapl:\d+:\d+")
RESET_PEAK = "5"
"What clear_refs takes to forget the peak of the resident set."
MICRO, MILLI, KIB = 1e-6, 1e-3, 1024


@dataclass(slots=True)
class Meter:
    """Counts from its making until it is read."""

    alone: bool = True
    "Whether this process does all of the run's work; else no energy is counted."
    powercap: Path = POWERCAP
    "Where the kernel shows its counters."
    process: Path = PROCESS
    "Where it shows this process."
    _resets: bool = field(init=False)
    _packages: Mapping[str, float] = field(init=False)
    _accelerators: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._resets = _reset_peak(self.process)
        _reset_accelerators()
        self._packages = rapl_joules(self.powercap) if self.alone else {}
        self._accelerators = nvml_joules(_nvml()) if self.alone else {}

    def read(self) -> dict[str, Any]:
        """Return `peak_bytes` and `energy_joules` by meter, as a record keeps them; {} of what cannot be measured here."""
        peaks = _accelerator_peaks()
        own = _peak_bytes(self.process) if self._resets else None
        return {"peak_bytes": ({"process": own} if own is not None else {}) | peaks, "energy_joules": self._energy()}

    def _energy(self) -> dict[str, float]:
        after, ranges = rapl_joules(self.powercap), rapl_ranges(self.powercap)
        found = {
            name: _passed(before, after[name], ranges.get(name))
            for name, before in self._packages.items()
            if name in after
        }
        if self._accelerators:
            now = nvml_joules(_nvml())
            known = [(name, uuid) for name, uuid in _uuids().items() if uuid in self._accelerators and uuid in now]
            found |= {name: now[uuid] - self._accelerators[uuid] for name, uuid in known}
        return {name: round(joules, 3) for name, joules in found.items()}


def _passed(before: float, after: float, most: float | None) -> float:
    """Return what a counter counted; most: where it begins again at 0."""
    return after - before if after >= before or most is None else after - before + most


# ---- this process


def _reset_peak(process: Path) -> bool:
    """Let Linux forget the peak of the resident set; tells whether it did."""
    try:
        (process / "clear_refs").write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _peak_bytes(process: Path) -> int | None:
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", (process / "status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * KIB if found else None


# ---- processor packages


def rapl_joules(powercap: Path = POWERCAP) -> dict[str, float]:
    """Return the counters of processor packages, and of memory that is counted apart; {} where none can be read."""
    return {
        name: found * MICRO
        for name, zone in _zones(powercap).items()
        if (found := _number(zone / "energy_uj")) is not None
    }


def rapl_ranges(powercap: Path = POWERCAP) -> dict[str, float]:
    """Return the joules at which each counter begins again at 0."""
    zones = _zones(powercap).items()
    return {name: most * MICRO for name, zone in zones if (most := _number(zone / "max_energy_range_uj")) is not None}


def _zones(powercap: Path) -> dict[str, Path]:
    """Return the zones that add up to what the processors took, by the place and name they have."""
    found: dict[str, Path] = {}
    try:
        zones = sorted(powercap.iterdir())
    except OSError:
        return found
    for zone in zones:
        name = _name(zone)
        if PACKAGE.fullmatch(zone.name) and name.startswith("package"):
            found[name] = zone
        elif PART.fullmatch(zone.name) and name == "dram":
            found[f"{name} {zone.name.split(':')[1]}"] = zone
    return found


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def with_earlier(used: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Put what a unit took together with what it took before it was gone on with: the larger peak, the sum of energy.

    A meter that was read only once is left out: part of a sum is no sum.
    """
    peaks, energy = dict(used["peak_bytes"]), used["energy_joules"]
    for name, size in before.get("peak_bytes", {}).items():
        peaks[name] = max(size, peaks.get(name, 0))
    earlier = before.get("energy_joules", {})
    return {
        "peak_bytes": peaks,
        "energy_joules": {name: energy[name] + earlier[name] for name in energy if name in earlier},
    }


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


# ---- accelerators


def _cuda() -> Any:
    """Return torch.cuda where this process uses it already; nothing is loaded or begun for a measurement."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _reset_accelerators() -> None:
    cuda = _cuda()
    for index in range(cuda.device_count()) if cuda is not None else ():
        cuda.reset_peak_memory_stats(index)


def _accelerator_peaks() -> dict[str, int]:
    cuda = _cuda()
    if cuda is None:
        return {}
    peaks = {f"cuda:{index}": int(cuda.max_memory_allocated(index)) for index in range(cuda.device_count())}
    return {name: size for name, size in peaks.items() if size}


def _uuids() -> dict[str, str]:
    """Return the accelerators that this process uses, by their names here; read at the end of a unit, when that is known."""
    cuda = _cuda()
    if cuda is None:
        return {}
    return {f"cuda:{index}": f"GPU-{cuda.get_device_properties(index).uuid}" for index in range(cuda.device_count())}


@cache
def _nvml() -> Any:
    """Return the driver's library, ready; None without one."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        return library if library.nvmlInit_v2() == 0 else None
    except (OSError, AttributeError):
        return None


def nvml_joules(library: Any) -> dict[str, float]:
    """Return the counter of every accelerator of the machine by its UUID, since its driver was loaded; without those that do not count."""
    if library is None:
        return {}
    count, found = ctypes.c_uint(), {}
    try:
        if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return {}
        for index in range(count.value):
            handle, name, millijoules = ctypes.c_void_p(), ctypes.create_string_buffer(96), ctypes.c_ulonglong()
            read = (
                library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0
                and library.nvmlDeviceGetUUID(handle, name, len(name)) == 0
                and library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)) == 0
            )
            if read:
                found[name.value.decode("ascii")] = millijoules.value * MILLI
    except AttributeError:  # a driver older than a function
        return {}
    return found
