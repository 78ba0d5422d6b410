"""What `sft` and `fticl` share: rows from examples, the trainable weights, the loop, saving.

The two differ in one thing, the demonstrations before an example: none, or k. Over-long rows are dropped
and counted; under `protocol: paper` they are cut on the right and kept, as published.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.methods.contract import Adapted, AdaptRequest, TrainingData
from hanka.prompting import Encoded, Prompter, TextPolicy
from hanka.records import Example
from hanka.training.batching import supervised
from hanka.training.loop import Course, CourseState, train
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS


class TrainingRows(NamedTuple):
    """Encoded training rows and what became of the others."""

    rows: list[Encoded]
    "Rows to train on, in the order of the examples."
    n_dropped: int
    "Examples left out because they (or a matched method's row) do not fit max_length."
    n_cut: int
    "Rows cut on the right (`protocol: paper`)."
    n_unsupervised: int
    "Rows kept without a supervised token (`protocol: paper`)."
    n_merged: int
    "Rows whose answer begins inside a token that also holds the end of the prompt."
    dropped_ids: tuple[str, ...]
    "The first five left-out examples."


def demonstrations_before(params: Mapping[str, Any], data: TrainingData, seed: int) -> list[tuple[Example, ...]]:
    """Choose the demonstrations that stand before each training example; empty tuples without `shots`.

    Raises UnitError where the pool is smaller than `shots`.
    """
    shots = int(params.get("shots", 0))
    if not shots:
        return [()] * len(data.examples)
    if len(data.demonstrations) < shots:
        raise UnitError(
            f"{shots} demonstrations are asked before each example, but the pool has {len(data.demonstrations)}"
        )
    fixed = tuple(data.demonstrations[:shots])
    if params.get("draw", "fixed") == "fixed":
        return [fixed] * len(data.examples)
    chosen = []
    for example in data.examples:
        order = stream(seed, "fticl", example.id).permutation(len(data.demonstrations))[:shots]
        chosen.append(tuple(data.demonstrations[index] for index in order))
    return chosen


def encode_training(prompter: Prompter, data: TrainingData, params: Mapping[str, Any], seed: int) -> TrainingRows:
    """Render and encode the training rows of one variant; drop, cut and count what does not fit."""
    limit = int(params["max_length"])
    prefixes, queries = _texts(prompter, data, params, seed)
    rows = prompter.training_rows(prefixes, queries, [example.target for example in data.examples])
    alone = prompter.prompt_lengths([prefix + query for prefix, query in zip(prefixes, queries, strict=True)])
    merged = sum(1 for row, n_prompt in zip(rows, alone, strict=True) if n_prompt > row.start)
    if data.protocol == "paper":
        cut = [Encoded(row.ids[:limit], min(row.start, limit)) for row in rows]
        n_cut = sum(1 for row in rows if len(row.ids) > limit)
        return TrainingRows(cut, 0, n_cut, sum(1 for row in cut if not supervised(row)), merged, ())
    fits = [len(row.ids) <= limit for row in rows]
    for companion in data.companions:
        others = _encode(prompter, data, companion, seed)
        fits = [ok and len(row.ids) <= int(companion["max_length"]) for ok, row in zip(fits, others, strict=True)]
    kept = [row for row, ok in zip(rows, fits, strict=True) if ok]
    dropped = tuple(example.id for example, ok in zip(data.examples, fits, strict=True) if not ok)
    return TrainingRows(kept, len(dropped), 0, 0, merged, dropped[:5])


def _texts(prompter: Prompter, data: TrainingData, params: Mapping[str, Any], seed: int) -> tuple[list[str], list[str]]:
    prefixes, queries = [], []
    for example, before in zip(data.examples, demonstrations_before(params, data, seed), strict=True):
        prefix, (query,) = prompter.render(data.task, data.prompt, before, [example])
        prefixes.append(prefix)
        queries.append(query)
    return prefixes, queries


def _encode(prompter: Prompter, data: TrainingData, params: Mapping[str, Any], seed: int) -> list[Encoded]:
    prefixes, queries = _texts(prompter, data, params, seed)
    return prompter.training_rows(prefixes, queries, [example.target for example in data.examples])


def adapt_supervised(request: AdaptRequest) -> Adapted:
    """Train one variant and save it: an adapter, or all weights, in the PEFT or transformers layout."""
    data, params = request.data, request.params
    prompter = Prompter(request.base.tokenizer, TextPolicy(**params["tokens"], protocol=data.protocol))
    encoded = encode_training(prompter, data, params, request.seed)
    if not encoded.rows:
        raise UnitError(f"none of {len(data.examples)} training rows fits max_length {params['max_length']}; raise it")
    model = trainable(request.base.model, params, request.seed)
    mixed = params["dtype"] == "bfloat16"  # weights that train are float32: all of them, or PEFT's adapters
    course = Course(
        model,
        CourseParams(**{key: params[key] for key in CourseParams.model_fields if key in params}),
        encoded.rows,
        request.seed,
        request.folder,
        request.report,
        allow_unsupervised=data.protocol == "paper",
        mixed_precision="bf16" if mixed else "no",
    )
    state = train(course)
    _save(request, model)
    return Adapted(
        weights="full" if params["peft"] == "none" else "adapter",
        n_trained_parameters=sum(value.numel() for value in model.parameters() if value.requires_grad),
        record=_record(prompter, data, encoded, state, params["micro_batch_tokens"]),
    )


def _record(
    prompter: Prompter, data: TrainingData, encoded: TrainingRows, state: CourseState, asked: int
) -> dict[str, Any]:
    tail = max(1, len(state.losses) // 10)
    return {
        "template_hash": prompter.template_hash(data.task, data.prompt),
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
        "train_seconds": round(state.seconds, 2),
        "micro_batch_tokens": [asked, state.micro_batch_tokens],
        "notes": state.notes,
    }


def trainable(model: Any, params: Mapping[str, Any], seed: int) -> Any:
    """Return the model with exactly the weights free that the tuner `params["peft"]` declares; its numbers stay."""
    tuner = TUNERS.get(params["peft"])
    return tuner.wrap(model, tuner.own(params), seed)


def _save(request: AdaptRequest, model: Any) -> None:
    """Save what makes the variant loadable elsewhere; the checkpoints are no longer needed then."""
    TUNERS.get(request.params["peft"]).save(replace(request.base, model=model), request.folder)
    shutil.rmtree(request.folder / "checkpoints", ignore_errors=True)
