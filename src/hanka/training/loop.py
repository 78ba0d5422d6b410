"""The one training loop; every method that trains goes through it. It knows rows of token ids, no task.

AdamW on the trainable weights; loss on supervised tokens only, summed per micro-batch and divided by the
number of supervised tokens in the optimizer batch (`gradient.py`); gradient norm clipped; learning rate by step.
Randomness (dropout) is reseeded per step from (seed, step), so a training resumed from a checkpoint repeats an
undisturbed one exactly. A step that runs out of memory is repeated with half the token budget.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hanka.errors import UnitError
from hanka.identity import stream_seed
from hanka.models.loading import quiet
from hanka.models.memory import LEAST_TOKENS, is_out_of_memory, pass_tokens, release_memory
from hanka.prompting import Encoded
from hanka.store.folder import write_text
from hanka.training.batching import optimizer_batches, supervised
from hanka.training.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from hanka.training.gradient import Gradient


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How the loop trains; the study's `train:` as one method sees it."""

    epochs: int
    "Passes over the rows."
    batch_size: int
    "Rows per optimizer step."
    learning_rate: float
    "Peak."
    schedule: Literal["linear", "cosine", "constant"]
    "Decay after warm-up."
    warmup_ratio: float
    "Share of steps that warm up."
    weight_decay: float
    "AdamW."
    max_grad_norm: float
    "Clip."
    micro_batch_tokens: int
    "Tokens per forward pass."
    gradient_checkpointing: bool
    "Recompute activations."
    checkpoint_seconds: float
    "Write a checkpoint after so many seconds."
    mixed_precision: Literal["no", "bf16"] = "no"
    "bf16: float32 weights, arithmetic in bfloat16 where it is safe."
    allow_unsupervised: bool = False
    "Keep rows without a supervised token (`protocol: paper`); they count as rows and teach nothing."


@dataclass(slots=True)
class LoopState:
    """What a checkpoint remembers."""

    step: int = 0
    "Optimizer steps done."
    n_steps: int = 0
    "Optimizer steps in all."
    losses: list[float] = field(default_factory=list)
    "Mean loss per supervised token (nats) of each step."
    n_tokens: int = 0
    "Tokens of the rows."
    n_forwarded_tokens: int = 0
    "Tokens that passed the model; fewer where rows share their beginning."
    n_supervised_tokens: int = 0
    "Supervised tokens seen."
    seconds: float = 0.0
    "Time spent in steps."
    micro_batch_tokens: int = 0
    "Tokens per forward pass at the end; smaller than asked after running out of memory."
    notes: list[str] = field(default_factory=list)
    "Shortcuts that the model does not allow."


def learning_rate_at(step: int, n_steps: int, settings: LoopSettings) -> float:
    """Return the learning rate of a step, 0-based; linear and cosine reach 0 after the last step."""
    warm = math.ceil(settings.warmup_ratio * n_steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, n_steps - warm)
    if settings.schedule == "linear":
        return settings.learning_rate * (1 - done)
    if settings.schedule == "cosine":
        return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return settings.learning_rate


def train(
    model: Any,
    rows: Sequence[Encoded],
    settings: LoopSettings,
    seed: int,
    folder: Path,
    report: Callable[[str, float], None],
) -> LoopState:
    """Train the weights of `model` that require gradients, in place.

    rows: every one with at least one supervised token, or UnitError is raised. folder: for checkpoints and
    train_log.jsonl. Returns the final state. Raises UnitError for a loss that is not a number.
    """
    import torch

    from hanka.training.gradient import Gradient

    _refuse_unsupervised(rows, settings.allow_unsupervised)
    device = next(model.parameters()).device
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(
        parameters.values(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
    schedule = [batch for epoch in range(settings.epochs) for batch in _epoch(rows, settings, epoch, seed)]
    checkpoints = folder / "checkpoints"
    restored = load_checkpoint(checkpoints, parameters, optimizer)
    state = LoopState(**restored) if restored else LoopState()
    state.n_steps = len(schedule)
    _restart_log(folder, state.step)
    if settings.gradient_checkpointing:
        with quiet():
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    gradient = Gradient(
        model,
        lambda: torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision == "bf16"),
    )
    state.micro_batch_tokens = pass_tokens(settings.micro_batch_tokens, device.type, "training")
    state.notes = list(gradient.notes)
    model.train()
    last_saved = time.monotonic()
    for step in range(state.step, len(schedule)):
        started = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, len(schedule), settings)
        batch = [rows[index] for index in schedule[step]]
        forwarded = gradient.n_forwarded
        loss = _accumulate(gradient, batch, state, stream_seed(seed, "dropout", step), report)
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), settings.max_grad_norm)
        if not math.isfinite(loss):
            raise UnitError(f"the loss became {loss} at step {step + 1}; lower the learning rate")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state.step = step + 1
        state.losses.append(loss)
        state.n_tokens += sum(len(row.ids) for row in batch)
        state.n_forwarded_tokens += gradient.n_forwarded - forwarded
        state.n_supervised_tokens += sum(supervised(row) for row in batch)
        state.seconds += time.monotonic() - started
        _log(folder, state, loss, float(norm), optimizer.param_groups[0]["lr"])
        report(f"training, step {state.step} of {len(schedule)}, loss {loss:.3f}", state.step / len(schedule))
        if state.step < len(schedule) and time.monotonic() - last_saved >= settings.checkpoint_seconds:
            save_checkpoint(checkpoints, parameters, optimizer, _as_dict(state))
            last_saved = time.monotonic()
    model.eval()
    return state


def _as_dict(state: LoopState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in LoopState.__slots__}


def _refuse_unsupervised(rows: Sequence[Encoded], allowed: bool) -> None:
    empty = sum(1 for row in rows if not supervised(row))
    if empty == len(rows) or (empty and not allowed):
        raise UnitError(
            f"{empty} of {len(rows)} training rows have no supervised token left; raise train.max_length or shorten them"
        )


def _epoch(rows: Sequence[Encoded], settings: LoopSettings, epoch: int, seed: int) -> list[list[int]]:
    return optimizer_batches(len(rows), settings.batch_size, epoch, seed)


def _accumulate(
    gradient: Gradient, batch: Sequence[Encoded], state: LoopState, seed: int, report: Callable[[str, float], None]
) -> float:
    """Accumulate one optimizer batch; after running out of memory, again with half the token budget."""
    import torch

    while True:
        torch.manual_seed(seed % 2**63)
        try:
            return gradient.accumulate(batch, state.micro_batch_tokens)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or state.micro_batch_tokens // 2 < LEAST_TOKENS:
                raise
        gradient.model.zero_grad(set_to_none=True)
        release_memory()
        state.micro_batch_tokens //= 2
        report(f"out of memory: token budget now {state.micro_batch_tokens}", state.step / state.n_steps)


def _log(folder: Path, state: LoopState, loss: float, norm: float, learning_rate: float) -> None:
    """Append one line to train_log.jsonl."""
    row = {
        "step": state.step,
        "loss": loss,
        "grad_norm": norm,
        "learning_rate": learning_rate,
        "n_tokens": state.n_tokens,
        "n_forwarded_tokens": state.n_forwarded_tokens,
        "n_supervised_tokens": state.n_supervised_tokens,
        "seconds": round(state.seconds, 3),
    }
    with (folder / "train_log.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")


def _restart_log(folder: Path, n_steps: int) -> None:
    """Drop the log lines after the step that training goes on from."""
    path = folder / "train_log.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_text(path, "".join(line + "\n" for line in lines[:n_steps]))
