"""How long single questions take: rows of a finished run asked once more, one at a time, alone on this machine.

A run asks many rows at once, which says how fast a machine gets through them and not how long one user waits. On request
(`hanka cost RUN --latency N`): every variant that answers on this machine, on the finished cells of its own domain. Each row's whole
prompt is read, demonstrations among them; a server that keeps what prompts share answers sooner. Answers and tables stay as they are. Limits: of a served model the run
timed each request itself; other work on the machine makes this slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from hanka.errors import HankaError
from hanka.plan import PlannedVariant, build_plan
from hanka.store.folder import RunFolder
from hanka.study.resolve import load_study
from hanka.work.answer import time_alone
from hanka.work.cells import cell_done
from hanka.work.place import Report, Workplace
from hanka.work.told import keep_times
from hanka.work.voice import open_voice


@dataclass(frozen=True, slots=True)
class Timed:
    """A cell whose rows were timed."""

    label: str
    "Of its variant."
    test: str
    "Test set."
    shots: int
    "Demonstrations."
    n: int
    "Rows that were timed."
    seconds: float
    "Median of one."


def measure_latency(run: RunFolder, n: int, report: Report) -> list[Timed]:
    """Time the first rows of every finished cell that a variant answers in its own domain, and store the times.

    n: rows of each. Raises HankaError where nothing can be asked here.
    """
    plan = build_plan(load_study(run.study))
    place = Workplace(plan, run, report)
    found = []
    with run.lock():
        for planned in plan.variants.values():
            found += _of_variant(place, planned, n)
    if not found:
        raise HankaError(
            f"{run.path}: no finished cell in a variant's own domain can be asked on this machine; run the study first"
        )
    return found


def _of_variant(place: Workplace, planned: PlannedVariant, n: int) -> list[Timed]:
    one = planned.variant
    cells = [
        cell
        for cell in place.plan.cells_of(one.id)
        if cell.cell.relation == "in_domain"
        and cell_done(place.folder, cell)
        and cell.cell.test_task not in place.plan.study.harness
    ]
    if not cells or planned.model.served is not None or place.made(one.id).get("status") != "done":
        return []
    found = []
    with open_voice(place, planned) as voice:
        for cell in cells:
            place.report(f"timing {one.label} on {cell.cell.test_dataset}, {cell.cell.shots} shots", 0.0)
            times = time_alone(place, cell, voice, n)
            if times.seconds:
                keep_times(place.folder.cell(cell.cell.id), times)
                middle = median(times.seconds)
                found.append(Timed(one.label, cell.cell.test_dataset, cell.cell.shots, len(times.seconds), middle))
    return found
