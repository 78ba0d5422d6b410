"""Train one variant on rows, through the one loop, and save what its tuner changed: `sft`, `fticl` and what builds on them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from hanka.errors import UnitError
from hanka.methods.contract import STEPS, Adapted, AdaptRequest
from hanka.methods.supervised.rows import TrainingRows, encode_training, encode_validation
from hanka.prompting import Prompter
from hanka.training.course import Course, CourseState, StepHook
from hanka.training.loop import train


def adapt_supervised(request: AdaptRequest, hook: StepHook | None = None) -> Adapted:
    """Train one variant and save it. hook: acts after every optimizer step. Raises UnitError where no row fits."""
    data, adaptation = request.data, request.adaptation
    tuner, objective = adaptation.tuner, adaptation.objective
    assert tuner is not None
    assert objective is not None
    assert adaptation.objective_params is not None
    prompter = Prompter(request.loaded.tokenizer, adaptation.tokens)
    encoded = encode_training(prompter, data, adaptation, request.seed)
    if not encoded.rows:
        limit = adaptation.train.max_length
        raise UnitError(f"none of {data.n_examples} training rows fits max_length {limit}; raise it")
    model = tuner.wrap(request.loaded.model, adaptation.tuner_params, request.seed)
    wrapped = replace(request.loaded, model=model)
    mixed = adaptation.train.dtype == "bfloat16"  # weights that train are float32: all of them, or PEFT's adapters

    def keep(step: int) -> None:
        """Save the weights as they are at a step."""
        folder = request.folder / STEPS / str(step)
        folder.mkdir(parents=True, exist_ok=True)
        tuner.save(wrapped, folder)

    course = Course(
        model=model,
        settings=adaptation.train,
        rows=encoded.rows,
        seed=request.seed,
        folder=request.folder,
        report=request.report,
        objective=objective,
        objective_params=adaptation.objective_params,
        hook=hook,
        validation=encode_validation(prompter, data, adaptation, request.seed),
        keep=keep if adaptation.train.keep_steps else None,
        allow_unsupervised=adaptation.tokens.protocol == "paper",
        mixed_precision="bf16" if mixed else "no",
    )
    state = train(course)
    tuner.save(wrapped, request.folder)
    shutil.rmtree(request.folder / "checkpoints", ignore_errors=True)
    return Adapted(
        tuner=tuner.name,
        n_trained_parameters=sum(value.numel() for value in model.parameters() if value.requires_grad),
        record=_record(prompter, request, encoded, state),
    )


def _record(prompter: Prompter, request: AdaptRequest, encoded: TrainingRows, state: CourseState) -> dict[str, Any]:
    tail = max(1, len(state.losses) // 10)
    train_params = request.adaptation.train
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
        "notes": state.notes,
    }
