"""Who carries out the units of a plan: this process, or several on this machine.

An executor gets units in an order in which every unit comes after those it needs, and returns when all
are done or one raises. Another executor (a cluster's) takes the same units and nothing else changes.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hanka.plan import Unit, build_plan
from hanka.store.folder import RunFolder
from hanka.study.resolve import load_study

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.queues import SimpleQueue

    Places = SimpleQueue[str | None]
    "The device of every worker process to come; None: there is none to choose."

PRELOADED = (
    "hanka.run", "hanka.work.worker", "pandas", "peft.tuners", "pyarrow.parquet", "scipy.stats", "transformers.models.auto.modeling_auto",
)  # fmt: skip
"What takes long to import and every worker needs; pandas only because pyarrow imports it where it is there."


class Executor(Protocol):
    """Carries out units."""

    def run(self, units: Sequence[Unit], done: Callable[[Unit], None]) -> None:
        """Carry out all units, dependencies first; `done` is called after each."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """One after the other, in this process."""

    work: Callable[[Unit], None]
    "Carries out one unit."

    def run(self, units: Sequence[Unit], done: Callable[[Unit], None]) -> None:
        """Carry out all units in their order."""
        for unit in units:
            self.work(unit)
            done(unit)


@dataclass(frozen=True, slots=True)
class StudyCall:
    """What another process needs to build the same plan."""

    path: Path
    "Study file."
    base: str | None
    "Base model that replaces the file's."
    limit: int | None
    "Row cap."
    out: Path
    "Folder of the run."
    data: str | None = None
    "Folder of the source's files, where the command names one."
    train: tuple[str, ...] = ()
    "The only tasks whose own training sets are trained on; empty: all."


@dataclass(frozen=True, slots=True)
class LocalProcesses:
    """Several worker processes on this machine; each builds the plan and takes whole units."""

    call: StudyCall
    "The study."
    workers: int
    "Processes."

    def run(self, units: Sequence[Unit], done: Callable[[Unit], None]) -> None:
        """Carry out units as their needs are met; the first error cancels what has not begun."""
        waiting = list(units)
        finished: set[str] = set()
        asked = {unit.id for unit in units}
        running: dict[Future[None], Unit] = {}
        context = origin()
        given = (self.call, self.workers, device_places(self.workers, context), dict(os.environ))
        with ProcessPoolExecutor(self.workers, context, _start, given) as pool:
            while waiting or running:
                ready = [one for one in waiting if not (set(one.needs) & asked) - finished]
                waiting = [one for one in waiting if (set(one.needs) & asked) - finished]
                running |= {pool.submit(_work, unit.id): unit for unit in ready}
                over, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in over:
                    unit = running.pop(future)
                    try:
                        future.result()
                    except BaseException:
                        pool.shutdown(wait=False, cancel_futures=True)
                        raise
                    finished.add(unit.id)
                    done(unit)


def origin() -> SpawnContext | ForkServerContext:
    """Return where worker processes come from: forked from one that has imported torch, once for all of them.

    With a GPU each starts anew, for CUDA does not survive a fork; so it does off Linux.
    """
    import torch

    if sys.platform != "linux" or torch.cuda.device_count():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def device_places(workers: int, context: SpawnContext | ForkServerContext) -> Places:
    """Return a queue with one CUDA device per worker: the visible ones in turn."""
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count))))
    visible = [one.strip() for one in named.split(",")][:count]
    places: Places = context.SimpleQueue()
    for worker in range(workers):
        places.put(visible[worker % len(visible)] if visible else None)
    return places


def take_device(places: Places) -> None:
    """Let this process see its own device alone; before CUDA is first used in it."""
    device = places.get()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device


_worker: dict[str, Callable[[Unit], None] | dict[str, Unit]] = {}


def _start(call: StudyCall, workers: int, places: Places, environment: Mapping[str, str]) -> None:
    """Prepare a worker process: its environment, its device, its plan, and its share of the processor cores."""
    os.environ.clear()
    os.environ.update(environment)
    take_device(places)
    import torch

    from hanka.work.worker import Worker

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    plan = build_plan(load_study(call.path, call.base, call.limit, call.data, call.train), ask_hub=True)
    _worker["run"] = Worker(plan, RunFolder(call.out), lambda _what, _share: None, alone=workers == 1).run
    _worker["units"] = {unit.id: unit for unit in plan.units()}
    gc.freeze()  # every change of model collects garbage: what was imported is none


def _work(unit_id: str) -> None:
    run, units = _worker["run"], _worker["units"]
    assert callable(run)
    assert isinstance(units, dict)
    run(units[unit_id])
