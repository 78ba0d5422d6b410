"""Run something in a process of its own that is forked from one which has imported what a run needs, and nothing else.

What a new interpreter would import again (torch, transformers) is there at once; everything else is as in one: its own
environment, folder, search path and output.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import Any

from hanka.executors.local import PRELOADED


def run_forked(call: Callable[..., Any], *arguments: Any) -> int | None:
    """Call in a forked process with this one's environment; returns its exit code, negative where a signal ended it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))  # as the product's workers: one such process serves both
    process = context.Process(target=_in, args=(dict(os.environ), call, arguments))
    process.start()
    process.join()
    return process.exitcode


def _in(environment: Mapping[str, str], call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    gc.freeze()  # as in tests/conftest.py
    call(*arguments)


def run_command(
    call: Callable[[], Any], arguments: list[str], folder: Path, search: list[str]
) -> CompletedProcess[str]:
    """Call what reads the command line and may return an exit code, in a folder, with `search` before all other places of modules."""
    with TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        code = run_forked(_command, call, arguments, folder, search, (out, err))
        assert code is not None
        return CompletedProcess(arguments, code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _command(
    call: Callable[[], Any], arguments: list[str], folder: Path, search: list[str], said: tuple[Path, Path]
) -> None:
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.path[:0] = search
    sys.argv = arguments
    with chdir(folder):
        code = call()
    sys.exit(code if isinstance(code, int) else 0)
