"""Make one variant and store it. One that fails for a nameable reason is a record with that reason; the run goes on.

A variant is always evaluated from its saved files, so that an interrupted and an undisturbed run score the
same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.costs.speed import known_speed
from hanka.errors import HankaError, UnitError
from hanka.methods.contract import STEPS, Adaptation, Adapted, AdaptRequest, TrainingData, TrainingPart
from hanka.models.catalogue import ModelRef
from hanka.models.memory import LEAST_TOKENS, free_bytes, pass_tokens
from hanka.plan import PlannedVariant
from hanka.records import Prediction
from hanka.store.folder import RunFolder, read_json_or_none, write_json
from hanka.training.optimizers import n_moments
from hanka.tuners import TUNERS
from hanka.work.answer import Question, answer_question
from hanka.work.meter import Meter
from hanka.work.place import Workplace, begin, device_name, moment, reason, versions
from hanka.work.prepare import rows_of

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel


def make_variant(place: Workplace, planned: PlannedVariant) -> None:
    """Make a variant unless it is there."""
    folder = place.folder.variant(planned.variant.id)
    if variant_done(place.folder, planned):
        return
    begin(folder)
    started, meter = time.monotonic(), Meter(place.alone)
    record: dict[str, Any] = {**asdict(planned.variant), "status": "done", "reason": "", "tuner": ""}
    try:
        if planned.blocked:
            raise UnitError(planned.blocked)
        if planned.use.method.changes_weights:
            record |= _adapt(place, planned)
            require_numbers(record)
            require_finite_tensors(folder)
    except HankaError:
        raise
    except Exception as error:
        record |= {"status": "failed", "reason": reason(error, place, folder)}
    record |= {"seconds": round(time.monotonic() - started, 2), "used": meter.read()}
    record |= {"versions": versions(), "finished": moment()}
    write_json(folder / "variant.json", record)


def _adapt(place: Workplace, planned: PlannedVariant) -> dict[str, Any]:
    """Lend what a variant is made from to its method."""
    for parent in planned.parents:
        place.require_made(parent.variant_id)
    adaptation, tuner = planned.adaptation, planned.adaptation.tuner
    training = rows_of(place, planned.training) if planned.training is not None else None
    request = AdaptRequest(
        base=None,
        data=planned.data(training),
        adaptation=adaptation,
        seed=planned.variant.seed,
        folder=place.folder.variant(planned.variant.id),
        report=place.report,
        parents=tuple(place.stack_of(parent) for parent in planned.parents),
        lend=lambda at: place.lend(planned.parents[at].variant_id, planned.parents[at].step),
    )
    if planned.use.method.chooses:
        request = replace(request, data=_of_learner(place, planned), ask=partial(_ask_parent, place, planned))
        return _record(planned.use.method.adapt(request), {"device": "", "base_commit": ""})
    if planned.model.kind == "encoder":
        from hanka.models.features import load_encoder

        encoder = load_encoder(planned.model)
        return _record(planned.use.method.adapt(replace(request, base=encoder)), {"device": "cpu", "base_commit": ""})
    if planned.model.served is not None:  # nothing of it is here to be changed
        return _record(planned.use.method.adapt(request), {"device": planned.model.served.url, "base_commit": ""})
    changes = tuner is not None and tuner.changes_weights
    stack = place.below(planned)
    with place.resident.lend(planned.model, planned.making_dtype, stack, train=True, changes_weights=changes) as loaded:
        if planned.use.method.course:
            request = replace(request, adaptation=_fitting(place, adaptation, planned.model, loaded))
        adapted = planned.use.method.adapt(replace(request, base=loaded))
        return _record(adapted, {"device": device_name(loaded), "base_commit": loaded.commit})


def _of_learner(place: Workplace, planned: PlannedVariant) -> TrainingData:
    """Return the rows behind a variant that learnt from none of its own, with demonstrations that may stand before them."""
    learner = place.plan.learner(planned)
    if learner.training is None:
        raise UnitError(f"nothing that {planned.variant.label} is made from has rows of its own")
    training = rows_of(place, learner.training)
    pools = {
        part.dataset.name: place.plan.data.training_demonstrations(part.dataset, planned.variant.seed)
        for part in training.parts
        if planned.adaptation.shown.shots
    }
    return replace(learner, demonstrations=pools).data(training)


def _ask_parent(place: Workplace, planned: PlannedVariant, at: int, part: TrainingPart) -> Sequence[Prediction]:
    """Ask a parent the validation rows of a part, as it was trained."""
    prompt = place.plan.learner(planned).adaptation.train.prompt
    shown = tuple(part.demonstrations)
    question = Question(planned.parents[at], tuple(part.validation), part.task.name, prompt, shown)
    return answer_question(place, question)


def _record(adapted: Adapted, where: dict[str, Any]) -> dict[str, Any]:
    return {
        "tuner": adapted.tuner,
        "n_trained_parameters": adapted.n_trained_parameters,
        "label_bias": dict(adapted.label_bias),
        "record": dict(adapted.record),
    } | where


def _fitting(place: Workplace, adaptation: Adaptation, model: ModelRef, loaded: LoadedModel) -> Adaptation:
    """Lower the token budget to what fits into free memory, where it is known how much a token takes."""
    speed, tuner = known_speed(model, place.plan.study.spec.train.dtype), adaptation.tuner
    if speed is None or tuner is None:
        return adaptation
    kept = speed.training["none" if tuner.changes_weights else "lora"].token_bytes
    weights = sum(value.nbytes for value in loaded.model.parameters())
    fixed = (
        (1 + n_moments(adaptation.train.optimizer, adaptation.train.optimizer_options)) * weights
        if tuner.changes_weights
        else 0
    )
    fits = max(LEAST_TOKENS, int((0.8 * free_bytes(loaded.device) - fixed) / kept))
    if fits >= pass_tokens(adaptation.train.micro_batch_tokens, loaded.device.type, "training"):
        return adaptation
    place.report(f"little memory: token budget now {fits}", 0.0)
    return replace(adaptation, train=adaptation.train.model_copy(update={"micro_batch_tokens": fits}))


def require_numbers(value: Any, where: str = "") -> None:
    """Raise UnitError where a record holds NaN or infinity, however deep: no file of a run can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UnitError(f"{where or 'the record'} is {value}, which is no number; training diverged")
    if isinstance(value, Mapping):
        for name, item in value.items():
            require_numbers(item, f"{where}.{name}" if where else str(name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            require_numbers(item, where)


def require_finite_tensors(folder: Path) -> None:
    """Raise UnitError where a file of weights that was just saved, or of a kept step, holds NaN or infinity."""
    from safetensors import safe_open

    for path in sorted([*folder.glob("*.safetensors"), *folder.glob(f"{STEPS}/*/*.safetensors")]):
        with safe_open(path, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                value = tensors.get_tensor(name)
                if value.is_floating_point() and not value.isfinite().all():
                    raise UnitError(
                        f"{name} holds NaN or infinity in {path.relative_to(folder).as_posix()}: these weights answer "
                        f"nothing; lower the learning rate or the weight it was made with"
                    )


def variant_done(folder: RunFolder, planned: PlannedVariant) -> bool:
    """Tell whether a variant was made and its files are whole, kept checkpoints among them."""
    place = folder.variant(planned.variant.id)
    made = read_json_or_none(place / "variant.json")
    if not isinstance(made, dict) or made.get("status") != "done" or "tuner" not in made:
        return False
    if not made["tuner"]:
        return all((place / name).is_file() for name in made.get("record", {}).get("files", ()))
    if made["tuner"] not in TUNERS:
        return False
    files = TUNERS.get(made["tuner"]).files
    steps = planned.adaptation.train.keep_steps if planned.use.method.course else ()
    kept = [place / STEPS / str(step) for step in steps if step <= made.get("record", {}).get("steps", 0)]
    return all((one / name).is_file() for one in [place, *kept] for name in files)
