"""Distilling and tuning on the same pairs: hanka beside TRL's SDFT and SFT; and a toy model that learns 50 new entities either way.

    python -m benchmarks.distillation            # both comparisons and the toy (an hour on two busy cores); writes results/distillation.json
    python -m benchmarks.distillation --only toy # the toy alone, seconds to minutes
    python -m benchmarks.distillation --quick    # few rows, nothing written

*Same work*: pairs of the mini source (passage, question, answer), LoRA of the same first weights, the same optimizer batches of 16 rows for
three epochs, AdamW, learning rate, linear decay. Distillation: KL(teacher || student) at temperature 2 on the answer's tokens, teacher =
the same model with the passage before the question. TRL's SDFT samples answers by itself, which is not timed: its `_generate` is
given the pairs' answers (`generate_from_teacher`, `distillation_alpha=0`, `full_logits`, `num_generations=1`, no cut of prompts). It takes the
mean over tokens of a row and then over rows, hanka over tokens: all answers have the same number of tokens, so both are one number.
hanka hears the teacher once (within its seconds) and keeps the TOP_K largest probabilities; TRL runs the teacher at every step. No
ratio without agreement of every step's loss. The toy: a model of random weights learns to copy an attribute from its context; then 50 new
entities are taught without context, by distilling and by tuning on the identical pairs. What it gives is a result, not a promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import workloads
from benchmarks.child import PeakMemory, measure
from benchmarks.comparison import Agreement, Comparison

RESULTS = Path(__file__).parent / "results" / "distillation.json"
EPOCHS, N_ROWS = 3, 48
TEMPERATURE, TOP_K = 2.0, 2048
LEARNING_RATE = 5e-4
LOSS_LIMIT = {"distillation": 1e-2, "tuning": 1e-3}
"Largest relative difference of a step's loss; what hanka's bucket hides is within the first."
TARGET = 2.0
PEER_ROWS = (4, 8)
"Rows per micro-batch that are tried for the peer."


class Pairs(NamedTuple):
    """Encoded pairs in the order of the optimizer batches of all epochs."""

    student: list[Any]
    "Rows without the passage."
    teacher: list[Any]
    "The same answers behind the passage."
    texts: list[tuple[str, str]]
    "Question as it is asked, and the passage with the blank line behind it."


def pairs(loaded: Any, n_rows: int) -> Pairs:
    """Build pairs whose answers have equally many tokens."""
    from hanka.methods.distil.params import DistilParams
    from hanka.methods.distil.taught import teacher_rows
    from hanka.methods.supervised.rows import Source
    from hanka.prompting import Prompter, TextPolicy
    from hanka.records import Example
    from hanka.tasks import TASKS
    from hanka.training.batching import supervised

    task, prompter = TASKS.get("closed-book"), Prompter(loaded.tokenizer, TextPolicy())
    rows = [
        Example(one.id, {"document": one.fields["input"], "question": one.target + "?"}, one.fields["answer"])
        for one in workloads.rows_of("question", "train")
        if one.fields["answer"] in ("yes", "no")
    ][:n_rows]
    _, queries = prompter.render(task, "p1", (), rows)
    student = prompter.training_rows([""] * len(rows), queries, [one.target for one in rows])
    assert len({supervised(row) for row in student}) == 1
    sources = [Source(task, one, query) for one, query in zip(rows, queries, strict=True)]
    taught = teacher_rows(prompter, sources, student, DistilParams(), "p1")
    return Pairs(
        student, taught, [(query, one.fields["document"] + "\n\n") for one, query in zip(rows, queries, strict=True)]
    )


def in_order(items: list[Any], epochs: int) -> list[Any]:
    """Return items in the order in which hanka's optimizer batches of all epochs take them."""
    at = list(range(len(items)))
    return [items[place] for epoch in range(epochs) for batch in workloads.batches(at, epoch=epoch) for place in batch]


# ---- hanka


def hanka_side(what: str, n_rows: int, epochs: int) -> dict[str, Any]:
    """Train with hanka (child process); what: distillation or tuning."""
    from hanka.training.loop import Course, train
    from hanka.training.objectives.kl_teacher import KL_TEACHER, KlTeacherParams
    from hanka.training.params import CourseParams
    from hanka.training.teacher import told_by

    loaded = workloads.load_to_train("lora")
    made = pairs(loaded, n_rows)
    base = loaded.model
    memory, settings = (
        PeakMemory(),
        CourseParams(epochs=epochs, batch_size=workloads.BATCH_SIZE, learning_rate=LEARNING_RATE),
    )
    started = time.perf_counter()
    rows = made.student
    if what == "distillation":
        told = told_by(base, made.teacher, TOP_K, TEMPERATURE, 1024)
        rows = [row._replace(soft=one.soft) for row, one in zip(rows, told, strict=True)]
    heard = time.perf_counter() - started
    model = workloads.freed(base, "lora")
    begun = workloads.weights_hash(model)
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        started = time.perf_counter()
        course = Course(model, settings, rows, workloads.SEED, Path(folder), lambda _what, _share: None)
        if what == "distillation":
            course = replace(
                course,
                settings=settings.model_copy(update={"objective": "kl_teacher"}),
                objective=KL_TEACHER,
                objective_params=KlTeacherParams(temperature=TEMPERATURE, top_k=TOP_K),
            )
        state = train(course)
        seconds = heard + time.perf_counter() - started
    return {
        "seconds": seconds,
        "teacher_seconds": heard,
        "losses": list(state.losses),
        "mib": memory.mib(),
        "begun": begun,
    }


# ---- TRL


def peer_side(what: str, n_rows: int, epochs: int, rows: int, n_steps: int | None = None) -> dict[str, Any]:
    """Train with TRL (child process); rows: per micro-batch; n_steps: only the first optimizer batches."""
    from transformers import TrainerCallback

    loaded = workloads.load_to_train("lora")
    made = pairs(loaded, n_rows)
    model = workloads.freed(loaded.model, "lora")
    begun = workloads.weights_hash(model)
    n_kept = None if n_steps is None else n_steps * workloads.BATCH_SIZE
    losses: list[float] = []

    class KeepLosses(TrainerCallback):  # type: ignore[misc]
        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                losses.append(float(logs["loss"]))

    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        build = _sdft if what == "distillation" else _sft
        trainer = build(model, loaded.tokenizer, made, _options(folder, rows), (epochs, n_kept))
        trainer.add_callback(KeepLosses())
        memory = PeakMemory()
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "losses": losses, "mib": memory.mib(), "begun": begun}


def _options(folder: str, rows: int) -> dict[str, Any]:
    """Return what both trainers of TRL are told."""
    return {
        "output_dir": folder, "per_device_train_batch_size": rows, "gradient_accumulation_steps": workloads.BATCH_SIZE // rows,
        "num_train_epochs": 1, "learning_rate": LEARNING_RATE, "lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.0,
        "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "use_cpu": True, "bf16": False, "gradient_checkpointing": False,
        "dataloader_pin_memory": False, "save_strategy": "no", "report_to": "none", "logging_steps": 1, "disable_tqdm": True,
        "seed": workloads.SEED,
    }  # fmt: skip


def _sft(model: Any, tokenizer: Any, made: Pairs, options: dict[str, Any], asked: tuple[int, int | None]) -> Any:
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset

    epochs, n_kept = asked
    rows = in_order(made.student, epochs)[:n_kept]
    data = Dataset.from_list(
        [{"input_ids": row.ids, "labels": [-100] * row.start + row.ids[row.start :]} for row in rows]
    )
    config = SFTConfig(
        **options, max_length=None, padding_free=False, packing=False, train_sampling_strategy="sequential"
    )
    return SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)


def _sdft(model: Any, tokenizer: Any, made: Pairs, options: dict[str, Any], asked: tuple[int, int | None]) -> Any:
    """Build TRL's SDFT over pairs that are given: what it would sample, and the time for it, are left out."""
    from trl.experimental.sdft import SDFTConfig, SDFTTrainer

    from datasets import Dataset

    epochs, n_kept = asked
    answers = {
        tuple(tokenizer(text=[before + query])["input_ids"][0]): row.ids[row.start :]
        for row, (query, before) in zip(made.student, made.texts, strict=True)
    }

    class Given(SDFTTrainer):  # type: ignore[misc]
        def _generate(self, prompt_ids: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
            return prompt_ids, [answers[tuple(ids)] for ids in prompt_ids]

    data = Dataset.from_list(
        [{"prompt": query, "privileged_context": before} for query, before in in_order(made.texts, epochs)[:n_kept]]
    )
    config = SDFTConfig(
        **options, max_prompt_length=None, num_generations=1, shuffle_dataset=False, temperature=TEMPERATURE,
        teacher_model_kind="base", distillation_alpha=0.0, distillation_mode="full_logits", distillation_is_clip=None,
        generate_from_teacher=True, teacher_prompt_template="{privileged_context}{prompt}",
    )  # fmt: skip
    return Given(model=model, args=config, train_dataset=data, processing_class=tokenizer)


# ---- both


def compare(what: str, repetitions: int, n_rows: int, epochs: int) -> Comparison:
    """Measure both sides, alternating; the peer with the faster of its micro-batches."""
    asked = {"what": what, "n_rows": n_rows, "epochs": epochs}
    ours = [measure("benchmarks.distillation:hanka_side", **asked)]
    tried = {
        rows: measure("benchmarks.distillation:peer_side", **asked, rows=rows, n_steps=1)["seconds"]
        for rows in PEER_ROWS
    }
    best = min(tried, key=tried.__getitem__)
    theirs = [measure("benchmarks.distillation:peer_side", **asked, rows=best)]
    for _ in range(repetitions - 1):
        ours.append(measure("benchmarks.distillation:hanka_side", **asked))
        theirs.append(measure("benchmarks.distillation:peer_side", **asked, rows=best))
    difference = max(_difference(one["losses"], two["losses"]) for one, two in zip(ours, theirs, strict=True))
    peer = "TRL SDFT" if what == "distillation" else "TRL SFT"
    return Comparison(
        workload=f"{what} of {n_rows} pairs, {epochs} epochs, LoRA",
        peer=f"{peer}, {best} rows a micro-batch",
        hanka_seconds=[one["seconds"] for one in ours],
        peer_seconds=[one["seconds"] for one in theirs],
        agreements=[
            Agreement("largest relative difference of a step's loss", difference, LOSS_LIMIT[what], False),
            Agreement("different first weights", float(len({one["begun"] for one in (*ours, *theirs)})), 1.0, False),
        ],
        floor_ratio=1.0,
        hanka_mib=max(one["mib"] for one in ours),
        peer_mib=max(one["mib"] for one in theirs),
        details={
            "losses": {"hanka": ours[0]["losses"], "peer": theirs[0]["losses"]},
            "teacher_seconds": ours[0]["teacher_seconds"],
            "trial_seconds": {str(rows): seconds for rows, seconds in tried.items()},
        },
    )


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the largest difference of a step's loss over the first loss; infinite where the step counts differ.

    Relative to the first one: towards the end both are near 0, and a ratio of two small numbers says nothing.
    """
    if len(ours) != len(theirs) or not ours:
        return float("inf")
    return max(abs(one - other) for one, other in zip(ours, theirs, strict=True)) / max(abs(theirs[0]), 1e-12)


def measure_all(repetitions: int, n_rows: int, epochs: int) -> Iterator[Comparison]:
    """Measure distillation beside SDFT, and tuning beside SFT."""
    for what in ("distillation", "tuning"):
        yield compare(what, repetitions, n_rows, epochs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked; return 1 where sides disagree or the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("peers", "toy"), default=("peers", "toy"))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few rows, one repetition, nothing written")
    asked = parser.parse_args(arguments)
    repetitions, n_rows, epochs = (1, 16, 1) if asked.quick else (asked.repetitions, N_ROWS, EPOCHS)
    found: dict[str, Any] = (
        {} if asked.quick or not RESULTS.is_file() else json.loads(RESULTS.read_text(encoding="utf-8"))
    )
    failed = False
    if "peers" in asked.only:
        stored = []
        for one in measure_all(repetitions, n_rows, epochs):
            stored.append(one.as_json() | {"target": TARGET})
            print(json.dumps({name: stored[-1][name] for name in ("workload", "peer", "ratio", "refused")}), flush=True)
            failed |= stored[-1]["ratio"] is None or (stored[-1]["ratio"] < TARGET and not asked.quick)
        found |= {"machine": measure("benchmarks.machine:describe"), "comparisons": stored}
    if "toy" in asked.only:
        found["toy"] = measure("benchmarks.distillation_toy:taught", quick=asked.quick)
        print(json.dumps(found["toy"]["accuracy"]), flush=True)
    if not asked.quick:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
