"""Train one variant on rows, through the one loop, and save what its tuner changed: `sft`, `fticl` and what builds on them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hanka.errors import UnitError
from hanka.methods.contract import STEPS, Adaptation, Adapted, AdaptRequest
from hanka.methods.fit import OWN_ROWS, VALIDATION_ROWS
from hanka.methods.supervised.fit import Watched, record_of, sample_of
from hanka.methods.supervised.rows import TrainingRows, ValidationRows, encode_training, encode_validation
from hanka.models.loading import LoadedModel
from hanka.prompting import Encoded, Prompter
from hanka.training.batching import n_steps_of
from hanka.training.course import Course, CourseState, StepHook
from hanka.training.loop import train

Teach = Callable[[Prompter, TrainingRows], tuple[TrainingRows, dict[str, Any]]]
"Encoded rows → rows with soft targets, and what the variant's record holds of them; called before anything is put onto the model."


def adapt_supervised(request: AdaptRequest, hook: StepHook | None = None, teach: Teach | None = None) -> Adapted:
    """Train one variant and save it. hook: acts after every optimizer step; teach: gives rows what a teacher says there.

    Raises UnitError where no row fits, and where a loss, a gradient or a weight is no number.
    """
    data, adaptation = request.data, request.adaptation
    assert adaptation.tuner is not None
    prompter = Prompter(request.loaded.tokenizer, adaptation.tokens)
    encoded = encode_training(prompter, data, adaptation, request.seed)
    if not encoded.rows:
        limit = adaptation.train.max_length
        raise UnitError(f"none of {data.n_examples} training rows fits max_length {limit}; raise it")
    encoded, told = teach(prompter, encoded) if teach else (encoded, {})
    model = _wrapped(request, encoded.rows)
    wrapped = replace(request.loaded, model=model)
    validation = encode_validation(prompter, data, adaptation, request.seed)
    watched = _watched(request, prompter, wrapped, encoded, validation)
    request.report("looking at rows before training", 0.0)
    before = watched.look()
    state = train(_course(request, watched, encoded, validation, hook))
    request.report("looking at rows after training", 1.0)
    after = watched.look()
    adaptation.tuner.save(wrapped, request.folder)
    shutil.rmtree(request.folder / "checkpoints", ignore_errors=True)
    return Adapted(
        tuner=adaptation.tuner.name,
        n_trained_parameters=sum(value.numel() for value in model.parameters() if value.requires_grad),
        record=_with(_record(prompter, request, encoded, state), told) | record_of(before, after),
    )


def _wrapped(request: AdaptRequest, rows: Sequence[Encoded]) -> Any:
    """Return the model with the declared weights free."""
    tuner, params, loaded = request.adaptation.tuner, request.adaptation.tuner_params, request.loaded
    assert tuner is not None
    if tuner.on_rows is None:
        return tuner.wrap(loaded.model, params, request.seed)
    request.report("first weights", 0.0)
    return tuner.on_rows(loaded, params, request.seed, rows)


def _course(
    request: AdaptRequest,
    watched: Watched,
    encoded: TrainingRows,
    validation: ValidationRows,
    hook: StepHook | None,
) -> Course:
    """Return the training of a wrapped model."""
    adaptation, wrapped = request.adaptation, watched.loaded
    tuner, train_params, params = adaptation.tuner, adaptation.train, adaptation.tuner_params
    assert tuner is not None
    assert adaptation.objective is not None
    assert adaptation.objective_params is not None

    def keep(step: int) -> None:
        """Save the weights as they are at a step."""
        folder = request.folder / STEPS / str(step)
        folder.mkdir(parents=True, exist_ok=True)
        tuner.save(wrapped, folder)

    return Course(
        model=wrapped.model,
        settings=train_params,
        rows=encoded.rows,
        seed=request.seed,
        folder=request.folder,
        report=request.report,
        objective=adaptation.objective,
        objective_params=adaptation.objective_params,
        hook=hook or _hook_of(adaptation, wrapped.model, encoded.rows, request.seed),
        penalty=None if tuner.penalty is None else partial(tuner.penalty, wrapped.model, params),
        validation=validation.rows,
        measure=watched.metrics,
        keep=keep if train_params.keep_steps else None,
        allow_unsupervised=adaptation.tokens.protocol == "paper",
        # weights that train are float32: all of them, or PEFT's adapters
        mixed_precision="bf16" if train_params.dtype == "bfloat16" else "no",
    )


def _hook_of(adaptation: Adaptation, model: Any, rows: Sequence[Encoded], seed: int) -> StepHook | None:
    """Return what the tuner does after every step."""
    tuner, train = adaptation.tuner, adaptation.train
    if tuner is None or tuner.hook is None:
        return None
    n_steps = n_steps_of([len(row.ids) for row in rows], train, seed)
    return tuner.hook(model, adaptation.tuner_params, n_steps)


def _watched(
    request: AdaptRequest, prompter: Prompter, wrapped: LoadedModel, encoded: TrainingRows, validation: ValidationRows
) -> Watched:
    """Choose the rows that the model is looked at on."""
    train = request.adaptation.train
    # Rows that `protocol: paper` cuts have the full length; of the others none is left out here.
    limit = train.max_length if encoded.n_cut else train.max_length + 1
    own = sample_of(encoded.rows, encoded.sources, OWN_ROWS, limit)
    aside = sample_of(validation.rows, validation.sources, VALIDATION_ROWS, train.max_length + 1)
    return Watched(prompter, wrapped, own, aside, train.micro_batch_tokens)


def _record(prompter: Prompter, request: AdaptRequest, encoded: TrainingRows, state: CourseState) -> dict[str, Any]:
    tail = max(1, len(state.losses) // 10)
    train_params = request.adaptation.train
    chosen = {"checkpoints": state.checkpoints, "kept_step": state.kept} if train_params.checkpoints else {}
    if train_params.early_stopping:
        chosen["stopped_early"] = state.step < state.n_steps
    return {
        "template_hash": "+".join(
            prompter.template_hash(part.task, train_params.prompt) for part in request.data.parts
        ),
        "n_examples": len(encoded.rows),
        "n_dropped": encoded.n_dropped,
        "dropped_ids": list(encoded.dropped_ids),
        "n_cut": encoded.n_cut,
        "n_unsupervised": encoded.n_unsupervised,
        "n_merged": encoded.n_merged,
        "steps": state.step,
        "n_tokens": state.n_tokens,
        "n_forwarded_tokens": state.n_forwarded_tokens,
        "n_supervised_tokens": state.n_supervised_tokens,
        "loss_first": sum(state.losses[:tail]) / tail,
        "loss_last": sum(state.losses[-tail:]) / tail,
        "validation": state.validation,
        "train_seconds": round(state.seconds, 2),
        "micro_batch_tokens": [train_params.micro_batch_tokens, state.micro_batch_tokens],
        "notes": [*state.notes, *_begun(request.adaptation)],
    } | chosen


def _with(record: dict[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Add what a teacher left to say; notes are added to notes."""
    return {**record, **told, "notes": [*record["notes"], *told.get("notes", ())]}


def _begun(adaptation: Adaptation) -> list[str]:
    """Say where a variant begins that does not begin at its base."""
    said = adaptation.tuner_params.at_start if adaptation.tuner_params is not None else ""
    return [f"untrained it is not its base: {said}"] if said else []
