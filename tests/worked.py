"""A study's work alone: planned, made and asked in this process, without estimates, audits, tables and report."""

from __future__ import annotations

from pathlib import Path

from hanka.plan import Plan, build_plan
from hanka.store.folder import RunFolder
from hanka.study.resolve import load_study
from hanka.work.worker import Worker


def worked(study: Path, folder: Path) -> tuple[Plan, RunFolder]:
    """Carry out every unit of a study."""
    plan, out = build_plan(load_study(study)), RunFolder(folder)
    worker = Worker(plan, out, lambda _what, _share: None)
    for unit in plan.units():
        worker.run(unit)
    return plan, out
