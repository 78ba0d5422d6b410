"""Carry out the units of one plan in this process, each by the module that knows its kind."""

from __future__ import annotations

from hanka.costs.speed import measure_speed, remember_speed
from hanka.models.catalogue import ModelRef
from hanka.plan import Plan, Unit
from hanka.store.folder import RunFolder
from hanka.work.adapt import make_variant
from hanka.work.agreement import agree
from hanka.work.answer import answer_cells
from hanka.work.place import Report, Workplace
from hanka.work.prepare import prepare_rows
from hanka.work.probe import measure_probe


class Worker:
    """Carries out units of one plan in this process."""

    def __init__(self, plan: Plan, folder: RunFolder, report: Report, alone: bool = True) -> None:
        """Begin. alone: whether no other process works on the run."""
        self.place = Workplace(plan, folder, report, alone)

    def run(self, unit: Unit) -> None:
        """Carry out a unit; done work is skipped. HankaErrors end the run, other failures become rows."""
        plan = self.place.plan
        if unit.kind == "prepare":
            prepare_rows(self.place, plan.made[unit.of])
        elif unit.kind == "adapt":
            make_variant(self.place, plan.variants[unit.of])
        elif unit.kind == "evaluate":
            agree(self.place, plan.variants[unit.of])
            answer_cells(self.place, plan.variants[unit.of])
        else:
            measure_probe(self.place, plan.probes[unit.of])

    def measure(self, model: ModelRef) -> None:
        """Measure a base model on this machine and remember its speed."""
        plan = self.place.plan
        tuners = [
            one.adaptation.tuner
            for one in plan.variants.values()
            if one.model is model and one.adaptation.tuner is not None
        ]
        kinds = sorted({"none" if tuner.changes_weights else "lora" for tuner in tuners})
        dtype = plan.study.spec.train.dtype
        remember_speed(model, measure_speed(self.place.resident, model, dtype, kinds), dtype)

    def release(self) -> None:
        """Let go of the models in memory."""
        self.place.resident.drop()
