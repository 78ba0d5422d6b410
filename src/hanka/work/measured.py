"""Estimates meet the machine: a short probe before long work, and a correction by what the work took.

A probe costs seconds to half a minute; it is made where a model's speed is only guessed and the work looks long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanka.costs.estimate import Estimator, kind_of
from hanka.costs.speed import known_speed, remember_speed
from hanka.errors import UnitError
from hanka.models.memory import is_out_of_memory
from hanka.plan import Plan, PlannedVariant
from hanka.store.folder import RunFolder, read_json_or_none
from hanka.work.worker import Worker

WORTH_PROBING = 90.0
"Estimated seconds of work from which on a model is probed."
WORTH_CORRECTING = 5.0
"Measured seconds from which on an estimate is corrected; less says more of the moment than of the machine."


def probe(plan: Plan, seconds: Mapping[str, float], worker: Worker) -> None:
    """Measure the models whose speed is only guessed; seconds: guessed work by model name."""
    for model in (one for one in plan.study.models if one.is_loaded):
        if seconds.get(model.name, 0.0) < WORTH_PROBING or known_speed(model, plan.study.spec.train.dtype) is not None:
            continue
        worker.place.report(f"measuring {model.name} on this machine", 0.0)
        try:
            worker.measure(model)
        except UnitError:  # what fails with this model says so by itself
            continue
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise


def correct(plan: Plan, folder: RunFolder) -> None:
    """Keep this machine's speed for the next estimate: what was estimated, times measured over estimated."""
    costs = Estimator(plan)
    for model in (one for one in plan.study.models if one.is_loaded):
        variants = [planned for planned in plan.variants.values() if planned.model is model]
        reading, writing = (_cells_factor(plan, folder, costs, variants, writes) for writes in (False, True))
        training = {
            kind: factor
            for kind in ("none", "lora")
            if (factor := _training_factor(folder, costs, variants, kind)) is not None
        }
        if reading is None and writing is None and not training:
            continue
        default = reading or next(iter(training.values()), None) or writing or 1.0
        factors = {kind: training.get(kind, default) for kind in ("none", "lora")}
        found = costs.speed(model).scaled(reading or default, writing or default, factors)
        remember_speed(model, found, plan.study.spec.train.dtype)


def _cells_factor(
    plan: Plan, folder: RunFolder, costs: Estimator, variants: Sequence[PlannedVariant], writes: bool
) -> float | None:
    """Return measured over estimated seconds of the cells one model answered, in writing or not."""
    estimated = measured = 0.0
    for planned in (one for one in variants if one.engine == "local"):
        for cell in plan.cells_of(planned.variant.id):
            record = read_json_or_none(folder.cell(cell.cell.id) / "cell.json") or {}
            if record.get("status") == "done" and plan.study.tasks[cell.cell.test_task].task.is_written == writes:
                estimated += costs.cell(cell).seconds
                measured += record["seconds"]
    return measured / estimated if measured > WORTH_CORRECTING else None


def _training_factor(
    folder: RunFolder, costs: Estimator, variants: Sequence[PlannedVariant], kind: str
) -> float | None:
    """Return measured over estimated seconds of the trained variants of a kind of training."""
    estimated = measured = 0.0
    for planned in variants:
        made = read_json_or_none(folder.variant(planned.variant.id) / "variant.json") or {}
        tuner = planned.adaptation.tuner
        if made.get("record", {}).get("train_seconds") and tuner is not None and kind_of(tuner) == kind:
            estimated += costs.variant(planned).seconds
            measured += made["seconds"]
    return measured / estimated if measured > WORTH_CORRECTING else None
