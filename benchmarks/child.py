"""One measurement in a process of its own, so that memory, threads and caches of one side never reach the other.

    python -m benchmarks.child MODULE:FUNCTION ARGUMENTS.json RESULT.json

Both sides get the same environment: passive OpenMP waits, the same number of threads, no network.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MIB = 1024 * 1024


def environment() -> dict[str, str]:
    """Return the environment of every measurement."""
    return os.environ | {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "true",
    }


def measure(target: str, **arguments: Any) -> dict[str, Any]:
    """Call `module:function` with JSON arguments in a child process and return its JSON result.

    Raises RuntimeError with the end of its output where the child fails.
    """
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as scratch:
        asked, answered = Path(scratch) / "arguments.json", Path(scratch) / "result.json"
        asked.write_text(json.dumps(arguments), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.child", target, str(asked), str(answered)]
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode or not answered.is_file():
            raise RuntimeError(
                f"{target} {arguments} failed ({done.returncode}): {(done.stdout + done.stderr)[-3000:]}"
            )
        found: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
        return found


class PeakMemory:
    """Peak resident memory above what is resident when it is made (after the model is loaded)."""

    def __init__(self) -> None:
        self._can_reset = True
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            self._can_reset = False
        self.baseline = _status("VmRSS") if self._can_reset else _peak_of_process()

    def mib(self) -> float:
        """Return the peak since then minus the baseline, MiB."""
        peak = _status("VmHWM") if self._can_reset else _peak_of_process()
        return (peak - self.baseline) / MIB


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {key}")


def _peak_of_process() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    module, function = sys.argv[1].split(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(Path(sys.argv[2]).read_text("utf-8")))
    Path(sys.argv[3]).write_text(json.dumps(result), encoding="utf-8")
