"""The one training loop; every method that trains goes through it. It knows rows of token ids, no task.

An optimizer of torch on the trainable weights; the objective on supervised tokens only, summed per micro-batch and divided
by the number of supervised tokens in the optimizer batch (`gradient.py`); gradient norm clipped; learning rate by step; then
the hook. Randomness (dropout) is reseeded per step from (seed, step), so a training resumed from a checkpoint repeats
an undisturbed one exactly. A step that runs out of memory is repeated with half the token budget.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import UnitError
from hanka.identity import stream_seed
from hanka.models.loading import quiet
from hanka.models.memory import LEAST_TOKENS, is_out_of_memory, pass_tokens, release_memory
from hanka.models.randomness import seed_torch
from hanka.prompting import Encoded
from hanka.store.folder import write_text
from hanka.training.batching import n_steps_of, optimizer_batches, supervised
from hanka.training.checkpoint import Trained, load_best, load_checkpoint, save_best, save_checkpoint
from hanka.training.course import Course, CourseState
from hanka.training.optimizers import FACTOR, build
from hanka.training.params import CourseParams
from hanka.training.targets import refuse_uneven

if TYPE_CHECKING:
    import torch

    from hanka.training.gradient import Gradient

__all__ = ["Course", "CourseState", "learning_rate_at", "points_of", "train"]


def learning_rate_at(step: int, n_steps: int, settings: CourseParams) -> float:
    """Return the learning rate of a step, 0-based; linear and cosine reach 0 after the last step."""
    _, peak, warmup_ratio = settings.pace
    warm = math.ceil(warmup_ratio * n_steps)
    if step < warm:
        return peak * (step + 1) / warm
    done = (step - warm) / max(1, n_steps - warm)
    if settings.schedule == "linear":
        return peak * (1 - done)
    if settings.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    return peak


def points_of(n_steps: int, checkpoints: int) -> tuple[int, ...]:
    """Return the steps after which validation rows are looked at: evenly spread, the last one the end."""
    return tuple(sorted({-(-n_steps * place // checkpoints) for place in range(1, checkpoints + 1)}))


def train(course: Course) -> CourseState:
    """Train the weights of the course's model that require gradients, in place.

    With `checkpoints` the model ends with the weights of the one whose loss on the validation rows is lowest, the earliest of
    equals; no other rows have a say. With `early_stopping` it goes no further once so many points in a row were no better. Returns the final state. Raises UnitError where a row has no supervised token, where
    there is nothing to validate or no such step to keep, and for a loss, gradient norm or weight that is not a number.
    """
    run = _Run(course)
    run.start()
    state, model = run.state, course.model
    last_saved = time.monotonic()
    for step in range(state.step, state.n_steps):
        if run.is_over():
            break
        batch = run.batch(step)
        if not model.training:  # after a look at validation rows, or a round's own beginning
            model.train()
        started = time.monotonic()
        loss, norm, rate = run.take_step(step, batch)
        state.step = step + 1
        state.losses.append(loss)
        state.n_tokens += sum(len(row.ids) for row in batch)
        state.n_supervised_tokens += sum(supervised(row) for row in batch)
        state.seconds += time.monotonic() - started
        run.look(loss, norm, rate)
        course.report(f"training, step {state.step} of {state.n_steps}, loss {loss:.3f}", state.step / state.n_steps)
        waited = time.monotonic() - last_saved >= course.settings.checkpoint_seconds
        if state.step < state.n_steps and waited and run.may_stop_here():
            run.save()
            last_saved = time.monotonic()
    model.eval()
    run.choose()
    return state


class _Run:
    """A course under way."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.state = CourseState()
        self.rows: Sequence[Encoded] = ()
        "Those of the round under way."
        self.order: list[list[int]] = []
        "Its optimizer batches."
        self.round = -1
        self.parameters = {name: value for name, value in course.model.named_parameters() if value.requires_grad}
        self.trained = Trained(self.parameters, build(self.parameters, course.settings))
        self.points: tuple[int, ...] = ()
        "Steps of `checkpoints`."
        self.needed = 0
        "Step whose kept weights the newest checkpoint goes on from."
        self.gradient: Gradient
        self.penalties: list[Callable[[], Iterator[torch.Tensor]]] = [course.penalty] if course.penalty else []
        "What looks at the weights alone: terms of the tuner and of the objective."

    # ---- before the first step

    def start(self) -> None:
        """Make everything ready for the first step, or for the one after the newest checkpoint."""
        course, settings = self.course, self.course.settings
        if course.objective.name != settings.objective:
            raise ValueError(f"the settings say {settings.objective}, the course brings {course.objective.name}")
        if callable(course.rows) and settings.total_tokens is not None:
            raise UnitError("tokens counts rows that are known beforehand, and these come round by round: give steps")
        if not callable(course.rows):
            self.rows = _checked(list(course.rows), course.allow_unsupervised)
        self.gradient = self._gradient()
        budget = pass_tokens(settings.micro_batch_tokens, self.gradient.device.type, "training")
        if course.objective.needs_reference:  # of the model as it came, so before a checkpoint is restored
            if callable(course.rows):
                raise ValueError(
                    f"{course.objective.name} looks at all rows before training; rows of rounds come later"
                )
            self.gradient.remember(self.rows, budget)
        if course.objective.penalty:
            self.penalties.append(course.objective.penalty(course.model, course.objective_params))
        if course.hook:
            course.hook.begin(self.parameters)
        restored = load_checkpoint(course.folder / "checkpoints", self.trained)
        if restored:
            self.state = CourseState(**restored[0])
            if course.hook:
                course.hook.restore(restored[1])
        else:
            self._enter(0)
            self.state.n_steps = n_steps_of([len(row.ids) for row in self.rows], settings, course.seed)
            self.state.per_round = len(self.order)
        self.points, self.needed = points_of(self.state.n_steps, settings.checkpoints), self.state.kept
        self.state.micro_batch_tokens, self.state.notes = budget, list(self.gradient.notes)
        self._refuse_impossible()
        _restart_log(course.folder, self.state.step)

    def _gradient(self) -> Gradient:
        import torch

        from hanka.training.gradient import Gradient

        course = self.course
        device = next(course.model.parameters()).device
        if course.settings.gradient_checkpointing:
            kind = getattr(getattr(course.model, "active_peft_config", None), "peft_type", None)
            if kind in ("PREFIX_TUNING", "CARTRIDGE"):  # computing again finds the keys and values already there
                raise UnitError(f"{kind.lower()} does not train with gradient_checkpointing; leave it out")
            with quiet():
                course.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            embedded = course.model.get_input_embeddings()(torch.zeros((1, 1), dtype=torch.long, device=device))
            if not embedded.requires_grad:  # transformers may have seen to it: a second hook would outlive the course
                course.model.enable_input_require_grads()
        return Gradient(
            course.model,
            lambda: torch.autocast(device.type, torch.bfloat16, enabled=course.mixed_precision == "bf16"),
            lambda targets: course.objective.loss(targets, course.objective_params),
        )

    def _refuse_impossible(self) -> None:
        settings, course = self.course.settings, self.course
        late = [step for step in settings.keep_steps if step > self.state.n_steps]
        if late:
            raise UnitError(f"keep_steps names step {late[0]}, but this training has {self.state.n_steps} steps")
        if settings.keep_steps and course.keep is None:
            raise ValueError("keep_steps is set, but the course keeps nothing")
        for key in ("validate_every", "checkpoints"):
            if getattr(settings, key) and not course.validation:
                raise UnitError(f"{key} is set, but there are no validation rows; leave it out or give some")
        if course.validation and not any(map(supervised, course.validation)):
            raise UnitError(f"none of {len(course.validation)} validation rows has a supervised token left")

    # ---- rounds

    def _enter(self, number: int) -> None:
        """Begin a round: its rows, and their order."""
        course, settings = self.course, self.course.settings
        if callable(course.rows):
            course.model.eval()
            self.rows = _checked(list(course.rows(number)), course.allow_unsupervised)
        self.order = optimizer_batches(len(self.rows), settings.batch_size, number, course.seed)
        self.round = number
        per_round = self.state.per_round
        if per_round and len(self.order) != per_round:
            raise UnitError(
                f"round {number + 1} gave rows for {len(self.order)} steps, round 1 for {per_round}; give equally many"
            )

    def batch(self, step: int) -> list[Encoded]:
        """Return the rows of a step, 0-based."""
        number, at = divmod(step, self.state.per_round)
        if number != self.round:
            self._enter(number)
        return [self.rows[index] for index in self.order[at]]

    def may_stop_here(self) -> bool:
        """Tell whether a checkpoint after the step just taken can be gone on from: rows of a round are not stored."""
        return not callable(self.course.rows) or self.state.step % self.state.per_round == 0

    # ---- steps

    def take_step(self, step: int, batch: Sequence[Encoded]) -> tuple[float, float, float]:
        """Take one optimizer step, 0-based; return its loss, gradient norm and learning rate."""
        import torch

        course, state, optimizer = self.course, self.state, self.trained.optimizer
        rate = learning_rate_at(step, state.n_steps, course.settings)
        for group in optimizer.param_groups:
            group["lr"] = rate * group[FACTOR]
        n_forwarded = self.gradient.n_forwarded
        loss = _accumulate(self.gradient, batch, state, stream_seed(course.seed, "dropout", step), course.report)
        loss += math.fsum(_add(one()) for one in self.penalties)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), course.settings.max_grad_norm)
        _require_number("the loss", loss, step)
        _require_number("the gradient norm", float(norm), step)
        optimizer.step()
        if course.hook:
            course.hook.after_step(self.parameters, step + 1)
        optimizer.zero_grad(set_to_none=True)
        state.n_forwarded_tokens += self.gradient.n_forwarded - n_forwarded
        return loss, float(norm), rate

    def look(self, loss: float, norm: float, rate: float) -> None:
        """Validate and keep the weights where that is due, and log the step."""
        course, state = self.course, self.state
        found: dict[str, float] = {}
        every = course.settings.validate_every
        kept = course.keep is not None and state.step in course.settings.keep_steps
        due = state.step in (state.n_steps, *self.points) or (every is not None and state.step % every == 0)
        if due or kept:
            self.require_finite_weights()
        if course.validation and due:
            found["validation_loss"] = self.gradient.mean_cross_entropy(course.validation, state.micro_batch_tokens)
            _require_number("the validation loss", found["validation_loss"], state.step)
            state.validation.append([state.step, found["validation_loss"]])
            if state.step in self.points:
                found |= self._weigh(found["validation_loss"])
        _log(course.folder, state, {"loss": loss, "grad_norm": norm, "learning_rate": rate}, found)
        if course.keep and kept:
            course.model.eval()
            course.keep(state.step)

    def require_finite_weights(self) -> None:
        """Raise UnitError for a trained weight that is no number: no later loss would show what the last step did."""
        for name, value in self.parameters.items():
            if not value.detach().isfinite().all():
                raise UnitError(f"{name} holds NaN or infinity after step {self.state.step}; lower the learning rate")

    def _weigh(self, loss: float) -> dict[str, float]:
        """Keep the weights if validation likes them better than all before; return further metrics for the log."""
        course, state = self.course, self.state
        course.model.eval()
        measured = course.measure() if course.measure else {}
        best = min((one["loss"] for one in state.checkpoints), default=math.inf)
        state.checkpoints.append({"step": state.step, "loss": loss, **measured})
        if loss < best:
            state.kept = state.step
            if state.step < state.n_steps:
                save_best(course.folder / "checkpoints", self.parameters, state.step, self.needed)
        return {f"validation_{name}": value for name, value in measured.items()}

    def is_over(self) -> bool:
        """Tell whether enough points in a row were no better than the best; it follows from what a checkpoint remembers."""
        patience, state = self.course.settings.early_stopping, self.state
        if patience is None:
            return False
        return sum(1 for one in state.checkpoints if one["step"] > state.kept) >= patience

    def choose(self) -> None:
        """Put the weights that validation likes best into the model, unless they are in it."""
        if self.state.kept not in (0, self.state.n_steps):
            load_best(self.course.folder / "checkpoints", self.parameters, self.state.kept)

    def save(self) -> None:
        """Write a checkpoint. Raises UnitError where training could not go on from it."""
        self.require_finite_weights()
        hook = self.course.hook
        save_checkpoint(
            self.course.folder / "checkpoints", self.trained, self.state.as_dict(), hook.tensors() if hook else {}
        )
        self.needed = self.state.kept


def _require_number(what: str, value: float, step: int) -> None:
    """Raise UnitError for a NaN or infinity after `step` finished steps; before the first one only base and rows can be to blame."""
    if math.isfinite(value):
        return
    advice = "lower the learning rate" if step else "the base model gives no numbers on these rows"
    raise UnitError(f"{what} became {value} at step {step + 1}; {advice}")


def _checked(rows: Sequence[Encoded], allow_unsupervised: bool) -> Sequence[Encoded]:
    """Return rows that can be trained on."""
    empty = sum(1 for row in rows if not supervised(row))
    if empty == len(rows) or (empty and not allow_unsupervised):
        raise UnitError(
            f"{empty} of {len(rows)} training rows have no supervised token left; raise train.max_length or shorten them"
        )
    refuse_uneven(rows)
    return rows


def _accumulate(
    gradient: Gradient, batch: Sequence[Encoded], state: CourseState, seed: int, report: Callable[[str, float], None]
) -> float:
    """Accumulate one optimizer batch; after running out of memory, again with half the token budget."""
    while True:
        seed_torch(seed)
        try:
            return gradient.accumulate(batch, state.micro_batch_tokens)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or state.micro_batch_tokens // 2 < LEAST_TOKENS:
                raise
        gradient.model.zero_grad(set_to_none=True)
        release_memory()
        state.micro_batch_tokens //= 2
        report(f"out of memory: token budget now {state.micro_batch_tokens}", state.step / state.n_steps)


def _add(terms: Iterator[torch.Tensor]) -> float:
    """Add the gradient of terms, one after the other; return their sum."""
    total = 0.0
    for term in terms:
        term.backward()  # type: ignore[no-untyped-call]
        total += term.item()
    return total


def _log(folder: Path, state: CourseState, step: dict[str, float], validation: dict[str, float]) -> None:
    """Append one line to train_log.jsonl."""
    row: dict[str, Any] = {
        "step": state.step,
        **step,
        "n_tokens": state.n_tokens,
        "n_forwarded_tokens": state.n_forwarded_tokens,
        "n_supervised_tokens": state.n_supervised_tokens,
        "seconds": round(state.seconds, 3),
        **validation,
    }
    with (folder / "train_log.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")


def _restart_log(folder: Path, n_steps: int) -> None:
    """Drop the log lines after the step that training goes on from."""
    path = folder / "train_log.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_text(path, "".join(line + "\n" for line in lines[:n_steps]))
