"""Run a study in a process that is killed without warning: once progress says a given thing, or before a file is put in place."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from e2e.forked import run_forked


def run_killed(study: Path, out: Path, wanted: str) -> int | None:
    """Run a study until progress says `wanted`, or, for `write:NAME`, until such a file is to be put in place.

    Returns the exit code of its process, -9 where it was killed.
    """
    return run_forked(_run, study, out, wanted)


def _run(study: Path, out: Path, wanted: str) -> None:
    from hanka import run as run_module
    from hanka.terminal.progress import Progress

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
    run_module.run_study(study, out, run_module.RunOptions(quiet=True))
