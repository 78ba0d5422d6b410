"""The heavy half of `distil`: the teacher is heard first, then the student trains on rows that carry what it said.

Teacher and student never stand in memory as two models where they are one: the model that training starts from is heard before
anything is put onto it. Only the tuner's weights train.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.distil.params import DistilParams
from hanka.methods.distil.taught import require_room, teacher_rows, text_before
from hanka.methods.supervised.adapt import adapt_supervised
from hanka.methods.supervised.rows import TrainingRows
from hanka.models.loading import LoadedModel
from hanka.models.memory import pass_tokens
from hanka.prompting import Encoded, Prompter
from hanka.training.objectives.kl_teacher import KlTeacherParams
from hanka.training.teacher import Told, told_by

LEVEL = 0.95


def adapt_distilled(request: AdaptRequest) -> Adapted:
    """Train one variant on what its teacher says. Raises UnitError where a row does not fit the teacher."""
    return adapt_supervised(request, teach=lambda prompter, encoded: _taught(request, prompter, encoded))


def _taught(request: AdaptRequest, prompter: Prompter, encoded: TrainingRows) -> tuple[TrainingRows, dict[str, Any]]:
    """Return the student's rows with what the teacher said there, and what the text gave the teacher."""
    own, prompt = request.adaptation.own, request.adaptation.train.prompt
    assert isinstance(own, DistilParams)
    shown = [text_before(source, own) for source in encoded.sources]
    if not any(one is not None for one in shown):
        raise UnitError(
            f"no row has the fields of {own.before!r}, so the teacher would read nothing more than the model itself"
        )
    rows = teacher_rows(prompter, encoded.sources, encoded.rows, own, prompt)
    request.report("hearing the teacher", 0.0)
    if own.teacher is None:
        told, alone = _heard(request, request.loaded, rows, encoded)
    else:
        with request.lend(len(request.parents) - 1) as teacher:
            _require_same_tokens(request.loaded, teacher)
            told, alone = _heard(request, teacher, rows, encoded)
        held = [place for place, one in enumerate(shown) if one is None]
        before = _told(request, request.loaded, [encoded.rows[place] for place in held])
        for place, one in zip(held, before, strict=True):
            told[place] = one
    taught = [row._replace(soft=one.soft) for row, one in zip(encoded.rows, told, strict=True)]
    at = [place for place, one in enumerate(shown) if one is not None]
    gives = [sum(told[place].log_likelihoods) - sum(alone[place].log_likelihoods) for place in at]
    groups = [encoded.sources[place].example.group for place in at]
    return encoded._replace(rows=taught), _record(request, gives, groups, len(shown) - len(at), told)


def _heard(
    request: AdaptRequest, teacher: LoadedModel, rows: Sequence[Encoded], encoded: TrainingRows
) -> tuple[list[Told], list[Told]]:
    """Hear the teacher on its rows, and on the student's: without what it is shown."""
    own = request.adaptation.own
    assert isinstance(own, DistilParams)
    most = min(own.teacher_length or teacher.context_length, teacher.context_length)
    require_room(rows, encoded.sources, most)
    return _told(request, teacher, rows), _told(request, teacher, encoded.rows)


def _told(request: AdaptRequest, model: LoadedModel, rows: Sequence[Encoded]) -> list[Told]:
    """Hear a model on rows, in the arithmetic that the student trains in."""
    import torch

    train, params = request.adaptation.train, request.adaptation.objective_params
    assert isinstance(params, KlTeacherParams)
    budget = pass_tokens(train.micro_batch_tokens, model.device.type, "answering")
    mixed = train.dtype == "bfloat16"

    def autocast() -> Any:
        """Compute as the student's training does."""
        return torch.autocast(model.device.type, torch.bfloat16) if mixed else nullcontext()

    return told_by(model.model, rows, params.top_k, params.temperature, budget, autocast)


def _require_same_tokens(student: LoadedModel, teacher: LoadedModel) -> None:
    """Raise UnitError where teacher and student spell differently: distributions over other tokens mean nothing here."""
    if student.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
        raise UnitError(
            f"{teacher.ref.name} has another vocabulary than {student.ref.name}: its distributions are over other tokens; name a "
            f"teacher with the same tokenizer"
        )


def _record(
    request: AdaptRequest, gives: Sequence[float], groups: Sequence[str], n_held: int, told: Sequence[Told]
) -> dict[str, Any]:
    """Return what the text gave the teacher (nats per answer, with interval), and how much the buckets hide."""
    params = request.adaptation.objective_params
    assert isinstance(params, KlTeacherParams)
    tails = [value for one in told for value in one.soft.tail]
    value, (low, high) = sum(gives) / len(gives), _interval(gives, groups, request.seed)
    found = {
        "document_gives": {"value": value, "low": low, "high": high, "n": len(gives), "unit": "nats per answer"},
        "rows_held": n_held,
        "largest_tail": max(tails),
        "mean_tail": sum(tails) / len(tails),
    }
    notes = []
    if low is None or low <= 0:
        ends = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        notes.append(
            f"the text is not shown to give the teacher anything: {value:.3f}{ends} nats per answer (n = {len(gives)}), so there may be "
            f"nothing to distil"
        )
        request.report(f"warning: {notes[0]}", 0.0)
    return {"taught": found | _how(params), "notes": notes}


def _how(params: KlTeacherParams) -> dict[str, Any]:
    """Return how the teacher was heard."""
    return {"temperature": params.temperature, "top_k": params.top_k, "squared": params.squared}


def _interval(values: Sequence[float], groups: Sequence[str], seed: int) -> tuple[float | None, float | None]:
    """Return the interval of a mean; rows about one document are one unit."""
    import numpy as np

    from hanka.metrics.base import mean
    from hanka.stats import bootstrap_interval, plan_resampling

    try:
        plan = plan_resampling(len(values), stream(seed, "teacher", "gives"), groups if any(groups) else None)
    except ValueError:  # one unit shows no variation
        return None, None
    found = bootstrap_interval(np.asarray(values, dtype=np.float64), mean, plan, LEVEL)
    return found.low, found.high
