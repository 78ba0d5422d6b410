"""One epoch of training: hanka's loop beside TRL's SFTTrainer and the transformers Trainer under it.

Both sides get the same encoded rows in the same optimizer batches, AdamW (fused), learning rate, linear decay,
clipping, no dropout, and the same first weights (their hash is compared). hanka's seconds hold its whole `train`
call; the peer's hold `trainer.train()` without building the trainer. Peer settings are tried on one optimizer
batch and the fastest one is measured: rows padded or padding-free, cut into micro-batches of several sizes. Within
an optimizer batch its rows come sorted by length, the form of grouping by length that leaves the batches as they
are. Packing to a fixed length would mix optimizer batches; padding-free with the whole batch is what it comes to.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks import workloads
from benchmarks.child import PeakMemory, measure
from benchmarks.comparison import Agreement, Comparison
from benchmarks.floors import Parameters, Work, count_parameters, floor_ratio, least_training, whole_training

LOSS_LIMIT = 1e-3
"Largest relative difference of a step's loss."


class Workload(NamedTuple):
    """What is trained."""

    name: str
    "What tables call it."
    task: str
    "Task whose training set is used."
    shots: int
    "Demonstrations before every row; 0 for plain fine-tuning."
    peft: str
    "none: all weights, as published; lora: adapters."
    learning_rate: float
    "Peak."
    n_rows: int
    "Training rows, in optimizer batches of 16."


WORKLOADS = (
    Workload("FTICL sentiment, k=4, all weights", "sentiment", 4, "none", 2e-5, 48),
    Workload("FTICL question, k=2, all weights", "question", 2, "none", 2e-5, 48),
    Workload("FT sentiment, all weights", "sentiment", 0, "none", 2e-5, 48),
    Workload("FTICL sentiment, k=4, LoRA", "sentiment", 4, "lora", 5e-4, 48),
    Workload("FTICL question, k=2, LoRA", "question", 2, "lora", 5e-4, 48),
    Workload("FT sentiment, LoRA", "sentiment", 0, "lora", 5e-4, 48),
)
"All weights first: that is what the paper trains."

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "trl": (
        *({"trainer": "trl", "rows": size, "padding_free": False} for size in (4, 2)),
        {"trainer": "trl", "rows": 4, "padding_free": True},
    ),
    "transformers": tuple({"trainer": "transformers", "rows": size, "padding_free": False} for size in (4, 2)),
}
"""Tried for each peer; rows: per micro-batch. Larger and smaller micro-batches were slower in every trial here: 16 rows at
once by far, 1 row by a little; padding-free costs time on a processor, which has no kernel for it."""


def hanka_side(workload: list[Any], n_rows: int, dtype: str = "float32") -> dict[str, Any]:
    """Train with hanka (child process)."""
    asked = Workload(*workload)
    loaded = workloads.load_to_train(asked.peft, dtype)
    rows = workloads.training_rows(loaded, asked.task, asked.shots, n_rows)
    model = workloads.freed(loaded.model, asked.peft)
    begun = workloads.weights_hash(model)
    batches = workloads.batches(rows)
    parameters = count_parameters(model)
    memory = PeakMemory()
    losses, seconds = workloads.train_with_hanka(model, rows, asked.learning_rate, dtype)
    return {
        "seconds": seconds,
        "losses": losses,
        "mib": memory.mib(),
        "begun": begun,
        "parameters": parameters,
        "least": least_training([[(row.ids, row.start) for row in batch] for batch in batches]),
        "whole": whole_training([[(row.ids, row.start) for row in batch] for batch in batches]),
    }


def peer_side(
    workload: list[Any], n_rows: int, settings: dict[str, Any], n_steps: int | None = None, dtype: str = "float32"
) -> dict[str, Any]:
    """Train with the peer's trainer (child process); n_steps: only the first optimizer batches; dtype: of its autocast."""
    from transformers import TrainerCallback

    asked = Workload(*workload)
    loaded = workloads.load_to_train(asked.peft, dtype)
    rows = workloads.training_rows(loaded, asked.task, asked.shots, n_rows)
    batches = workloads.batches(rows)[:n_steps]
    model = workloads.freed(loaded.model, asked.peft)
    begun = workloads.weights_hash(model)
    model.train()
    losses: list[float] = []

    class KeepLosses(TrainerCallback):  # type: ignore[misc]
        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                losses.append(float(logs["loss"]))

    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        trainer = _trainer(model, loaded.tokenizer, batches, settings | {"dtype": dtype}, (folder, asked.learning_rate))
        trainer.add_callback(KeepLosses())
        memory = PeakMemory()
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "losses": losses, "mib": memory.mib(), "begun": begun}


def _trainer(model: Any, tokenizer: Any, batches: list[Any], settings: dict[str, Any], where: tuple[str, float]) -> Any:
    """Build the peer's trainer over rows in hanka's optimizer batches, longest first within each."""
    from datasets import Dataset

    ordered = [row for batch in batches for row in sorted(batch, key=lambda row: -len(row.ids))]
    rows = Dataset.from_list(
        [{"input_ids": row.ids, "labels": [-100] * row.start + row.ids[row.start :]} for row in ordered]
    )
    folder, learning_rate = where
    options: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": settings["rows"],
        "gradient_accumulation_steps": workloads.BATCH_SIZE // settings["rows"],
        "num_train_epochs": 1,
        "learning_rate": learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch_fused",
        "train_sampling_strategy": "sequential",
        "use_cpu": True,
        "bf16": settings["dtype"] == "bfloat16",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "seed": workloads.SEED,
    }
    if settings["trainer"] == "trl":
        from trl import SFTConfig, SFTTrainer

        config = SFTConfig(**options, max_length=None, padding_free=settings["padding_free"], packing=False)
        return SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    return Trainer(model=model, args=TrainingArguments(**options), train_dataset=rows, data_collator=collator)


def largest_difference(ours: list[float], theirs: list[float]) -> float:
    """Return the largest relative difference of a step's loss; infinite where the step counts differ."""
    if len(ours) != len(theirs) or not ours:
        return float("inf")
    return max(abs(one - other) / max(abs(other), 1e-12) for one, other in zip(ours, theirs, strict=True))


def choose(workload: Workload, peer: str, losses: list[float]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the fastest valid peer settings on one optimizer batch, and the seconds of all tried.

    losses: hanka's; settings whose first loss differs are not valid and are never chosen.
    """
    seconds: dict[str, float] = {}
    valid: dict[str, dict[str, Any]] = {}
    for settings in SETTINGS[peer]:
        name = describe(settings)
        try:
            tried = measure(
                "benchmarks.training:peer_side",
                workload=workload,
                n_rows=workload.n_rows,
                settings=settings,
                n_steps=1,
            )
        except RuntimeError as error:
            seconds[f"{name}, failed: {str(error).strip().splitlines()[-1][:80]}"] = float("inf")
            continue
        if largest_difference(losses[:1], tried["losses"]) <= LOSS_LIMIT:
            seconds[name], valid[name] = tried["seconds"], settings
        else:
            seconds[f"{name}, another loss: {tried['losses']}"] = tried["seconds"]
    if not valid:
        raise RuntimeError(f"{workload.name}: no setting of the peer gives hanka's loss {losses[:1]}: {seconds}")
    return valid[min(valid, key=seconds.__getitem__)], seconds


def describe(settings: dict[str, Any]) -> str:
    """Say in words what a peer's settings are."""
    how = "padding-free" if settings["padding_free"] else "padded"
    return f"{settings['trainer']} {settings['rows']}×{workloads.BATCH_SIZE // settings['rows']} {how}"


def compare(workload: Workload, repetitions: int, peer: str) -> Comparison:
    """Measure both sides, alternating."""
    asked = {"workload": workload, "n_rows": workload.n_rows}
    ours = [measure("benchmarks.training:hanka_side", **asked)]
    best, tried = choose(workload, peer, ours[0]["losses"])
    theirs = [measure("benchmarks.training:peer_side", **asked, settings=best)]
    for _ in range(repetitions - 1):
        ours.append(measure("benchmarks.training:hanka_side", **asked))
        theirs.append(measure("benchmarks.training:peer_side", **asked, settings=best))
    difference = max(
        largest_difference(one["losses"], other["losses"]) for one, other in zip(ours, theirs, strict=True)
    )
    same_start = float(len({one["begun"] for one in (*ours, *theirs)}))
    least, whole = Work(*ours[0]["least"]), Work(*ours[0]["whole"])
    return Comparison(
        workload=f"{workload.name}, {workload.n_rows} rows" + (", plain Trainer" if peer != "trl" else ""),
        peer=describe(best),
        hanka_seconds=[one["seconds"] for one in ours],
        peer_seconds=[one["seconds"] for one in theirs],
        agreements=[
            Agreement("largest relative difference of a step's loss", difference, LOSS_LIMIT, False),
            Agreement("different first weights", same_start, 1.0, False),
        ],
        floor_ratio=floor_ratio(least, whole, Parameters(*ours[0]["parameters"])),
        hanka_mib=max(one["mib"] for one in ours),
        peer_mib=max(one["mib"] for one in theirs),
        details={
            "losses": {"hanka": ours[0]["losses"], "peer": theirs[0]["losses"]},
            "trial_seconds": {name: value if value != float("inf") else None for name, value in tried.items()},
            "least": least._asdict(),
            "peer_forwards": whole._asdict(),
        },
    )


def measure_all(repetitions: int, n_rows: int | None = None) -> Iterator[Comparison]:
    """Measure every workload beside TRL; plain fine-tuning also beside the transformers Trainer, which is the faster peer.

    n_rows: other than the workloads' own.
    """
    for one in WORKLOADS:
        for peer in SETTINGS if not one.shots else ("trl",):
            yield compare(one._replace(n_rows=n_rows or one.n_rows), repetitions, peer)
