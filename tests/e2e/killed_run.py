"""Run a study and kill this process without warning: once progress says a given thing, or before a file is put in place.

Usage: python killed_run.py STUDY OUT "text to wait for"
       python killed_run.py STUDY OUT write:NAME
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from hanka import run as run_module
from hanka.terminal.progress import Progress

study, out, wanted = sys.argv[1:]


class Killer(Progress):
    def update(self, what: str, share: float) -> None:
        if wanted in what:
            os.kill(os.getpid(), signal.SIGKILL)


put = Path.replace


def put_or_die(path: Path, target: Any) -> Path:
    if wanted == f"write:{Path(target).name}":
        os.kill(os.getpid(), signal.SIGKILL)
    return put(path, target)


run_module.Progress = Killer  # type: ignore[attr-defined]
Path.replace = put_or_die  # type: ignore[method-assign]
run_module.run_study(Path(study), Path(out), run_module.RunOptions(quiet=True))
