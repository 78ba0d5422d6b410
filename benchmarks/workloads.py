"""What is asked and trained in the benchmarks, and every point where they touch hanka.

Data: the main paper's release where its folder is there (HANKA_PAPER_DATA, else ../shared/data/paper), else the
mini source. One model.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel
    from hanka.prompting import Encoded, Query
    from hanka.records import Example, Split

BASE = "smollm2-135m-instruct"
BATCH_SIZE = 16
"Rows per optimizer step, as published (2 per device, 8 accumulated)."
SEED = 0
LORA_RANK = 8


class Texts(NamedTuple):
    """Label scoring before tokenisation."""

    contexts: list[str]
    "Demonstrations and query, one per item."
    labels: tuple[str, ...]
    "Label words."


def paper_folder() -> Path | None:
    """Return the folder of the paper's release, or None."""
    folder = Path(os.environ.get("HANKA_PAPER_DATA", Path(__file__).parents[2] / "shared/data/paper"))
    return folder if (folder / "prompt_map.json").is_file() else None


def load(dtype: str = "float32") -> LoadedModel:
    """Load the model of every benchmark."""
    from hanka.models.catalogue import find_model
    from hanka.models.loading import load_model

    return load_model(find_model(BASE, Path.cwd()), dtype)


def load_to_train(peft: str, dtype: str = "float32") -> LoadedModel:
    """Load it as a variant of that dtype does: weights that train are float32, and so is a base whose weights all do."""
    return load("float32" if peft == "none" else dtype)


@functools.cache
def rows_of(task: str, split: Split) -> tuple[Example, ...]:
    """Return the rows of the data set a task trains on by default; read once per process."""
    from hanka.datasets.mini import MINI
    from hanka.datasets.paper import PAPER

    folder = paper_folder()
    source = PAPER if folder else MINI
    name = source.roles[task].train
    assert name is not None
    return tuple(source.catalogue(folder)[name].load(split))


def _prompter(loaded: LoadedModel) -> Any:
    from hanka.prompting import Prompter, TextPolicy

    return Prompter(loaded.tokenizer, TextPolicy())


def _task(name: str) -> Any:
    from hanka.tasks import TASKS

    return TASKS.get(name)


def sentiment_texts(loaded: LoadedModel, shots: int, n_items: int) -> Texts:
    """Return the sentiment test set's prompts as text."""
    task = _task("sentiment")
    before, items = rows_of("sentiment", "demonstrations")[:shots], rows_of("sentiment", "test")[:n_items]
    prefix, queries = _prompter(loaded).render(task, "p1", before, items)
    return Texts([prefix + query for query in queries], task.labels)


def sentiment_queries(loaded: LoadedModel, shots: int, n_items: int) -> list[Query]:
    """Build and tokenise the same prompts as hanka does; a label ends in EOS alone, which is all that the peer can score."""
    task = _task("sentiment")
    before, items = rows_of("sentiment", "demonstrations")[:shots], rows_of("sentiment", "test")[:n_items]
    encoded: list[Query] = _prompter(loaded).ask(task, "p1", before, items).encoded
    return [query._replace(ends=(loaded.tokenizer.eos_token_id,)) for query in encoded]


def score(loaded: LoadedModel, queries: list[Query]) -> list[list[float]]:
    """Return each label's log-likelihood for every query, by hanka's engine at its default budget."""
    from hanka.engines.contract import LabelAnswer
    from hanka.engines.local import LocalEngine
    from hanka.study.schema import EvalSpec

    answers = LocalEngine(loaded, EvalSpec().batch_tokens).score_labels(queries)
    assert all(isinstance(one, LabelAnswer) for one in answers)
    return [[sum(label) for label in one.log_likelihoods] for one in answers]  # type: ignore[union-attr]


def training_rows(loaded: LoadedModel, task: str, shots: int, n_rows: int) -> list[Encoded]:
    """Build and tokenise training rows behind the first `shots` demonstrations."""
    before, items = rows_of(task, "demonstrations")[:shots], rows_of(task, "train")[:n_rows]
    prompter = _prompter(loaded)
    prefix, queries = prompter.render(_task(task), "p1", before, items)
    rows: list[Encoded] = prompter.training_rows([prefix] * len(items), queries, [one.target for one in items])
    return rows


def batches(rows: list[Encoded], batch_size: int = BATCH_SIZE, epoch: int = 0) -> list[list[Encoded]]:
    """Return hanka's optimizer batches of one epoch."""
    from hanka.training.batching import optimizer_batches

    return [[rows[index] for index in cut] for cut in optimizer_batches(len(rows), batch_size, epoch, SEED)]


def freed(model: Any, peft: str, seed: int = SEED) -> Any:
    """Return the model with all weights free (none), or with seeded float32 LoRA adapters on all linear layers (lora)."""
    if peft == "none":
        return model.requires_grad_(True)
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=LORA_RANK, lora_alpha=2 * LORA_RANK, lora_dropout=0.0, target_modules="all-linear"
    )
    return get_peft_model(model, config)


def weights_hash(model: Any) -> str:
    """Hash the weights, to show that both sides begin with the same; mapped files lie in memory then."""
    digest = hashlib.sha256()
    for name, value in sorted(model.named_parameters()):
        digest.update(f"{name} {value.requires_grad} ".encode())
        digest.update(value.detach().float().numpy())
    return digest.hexdigest()


def train_with_hanka(
    model: Any, rows: list[Encoded], learning_rate: float, dtype: str = "float32", seed: int = SEED
) -> tuple[list[float], float]:
    """Train one epoch with hanka's loop; return the loss of each step and the seconds of the whole call."""
    from hanka.training.loop import Course, train
    from hanka.training.params import CourseParams

    settings = CourseParams(epochs=1, batch_size=BATCH_SIZE, learning_rate=learning_rate)
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        course = Course(model, settings, rows, seed, Path(folder), lambda _what, _share: None)
        course = replace(course, mixed_precision="bf16" if dtype == "bfloat16" else "no")
        started = time.perf_counter()
        state = train(course)
        seconds = time.perf_counter() - started
    return list(state.losses), seconds


def grid_plan(study: str, limit: int | None) -> dict[str, Any]:
    """Write out what a study trains and asks, in hanka's order, for a procedure that knows nothing of hanka."""
    from hanka.models.catalogue import find_model
    from hanka.models.wheel import convert_wheel
    from hanka.plan import build_plan
    from hanka.study.resolve import load_study
    from hanka.training.batching import optimizer_batches

    plan = build_plan(load_study(Path(study), None, limit))
    entry = find_model(BASE, Path.cwd()).entry
    assert entry is not None
    spec = plan.study.spec
    variants: list[dict[str, Any]] = []
    for planned in plan.variants.values():
        one, training = planned.variant, planned.training
        if training is None:
            variants.append({"id": one.id, "rows": []})
            continue
        (part,) = training.parts
        pool = planned.demonstrations.get(part.dataset.name, ())
        order = optimizer_batches(len(part.examples), spec.train.batch_size, 0, one.seed)
        variants.append(
            {
                "id": one.id,
                "template": part.task.template("p1"),
                "rows": [_plain(part.examples[index]) for cut in order for index in cut],
                "demonstrations": [_plain(row) for row in pool[: planned.adaptation.shown.shots]],
            }
        )
    cells = []
    for planned_cell in plan.cells.values():
        cell, task = planned_cell.cell, plan.study.tasks[planned_cell.cell.test_task].task
        cells.append(
            {
                "id": cell.id,
                "variant_id": cell.variant_id,
                "task": task.name,
                "labels": list(task.labels),
                "template": task.template(cell.prompt),
                "template_p1": task.template("p1"),
                "demonstrations": [_plain(row) for row in planned_cell.demonstrations],
                "items": [_plain(row) for row in planned_cell.test.examples],
            }
        )
    return {
        "model": str(convert_wheel(entry)),
        "max_length": spec.train.max_length,
        "learning_rate": spec.train.learning_rate,
        "batch_size": spec.train.batch_size,
        "max_new_tokens": spec.eval.max_new_tokens,
        "variants": variants,
        "cells": cells,
    }


def _plain(row: Example) -> dict[str, str]:
    return {**row.fields, "output": row.target}


def grid_outcome(folder: Path) -> dict[str, Any]:
    """Read a finished run: answers of each cell, loss of each step of each variant, generated tokens."""
    from hanka.store.folder import RunFolder, read_json, read_predictions

    run = RunFolder(folder)
    plan = read_json(run.plan)
    answers, n_output = {}, {}
    for cell in plan["cells"]:
        predictions, _ = read_predictions(run.cell(cell["id"]))
        answers[cell["id"]] = [one.parsed for one in predictions]
        n_output[cell["id"]] = sum(one.n_output_tokens for one in predictions)
    losses = {}
    for variant in plan["variants"]:
        log = run.variant(variant["id"]) / "train_log.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
        losses[variant["id"]] = [json.loads(line)["loss"] for line in lines]
    return {"answers": answers, "losses": losses, "n_output": n_output}
