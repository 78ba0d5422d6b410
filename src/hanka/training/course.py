"""A course: one model, what it reads, how it is changed, what is watched on the way; and what a training remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hanka.prompting import Encoded
from hanka.training.objectives.contract import Objective, ObjectiveParams
from hanka.training.objectives.cross_entropy import CROSS_ENTROPY
from hanka.training.params import CourseParams

if TYPE_CHECKING:
    import torch

Rows = Sequence[Encoded] | Callable[[int], Sequence[Encoded]]
"""Training rows, or a function of the round (0-based) that gives those of one. The function is called when its round begins, the
model in evaluation mode, and gives equally many rows each time; what it draws must follow from seed and round."""


class StepHook(Protocol):
    """What a method does to the weights beside the optimizer."""

    name: str
    "For notes and errors."

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        """Look at the trainable weights before the first step; also before a checkpoint is restored."""
        ...

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        """Act after the optimizer's step number `step` (1-based); gradients, clipped, are still there."""
        ...

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return what a checkpoint has to keep."""
        ...

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what a checkpoint kept."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """One training, whole."""

    model: Any
    "Its weights that require gradients are trained, in place."
    settings: CourseParams
    "How."
    rows: Rows
    "What it reads."
    seed: int
    "Of the order of rows and of dropout."
    folder: Path
    "For checkpoints and train_log.jsonl."
    report: Callable[[str, float], None]
    "Called with what is being done and the share done, 0 to 1."
    objective: Objective = CROSS_ENTROPY
    "What is minimised: the one that `settings` names."
    objective_params: ObjectiveParams = field(default_factory=ObjectiveParams)
    "The objective's own parameters."
    hook: StepHook | None = None
    "Acts after every optimizer step."
    penalty: Callable[[], Iterator[torch.Tensor]] | None = None
    "Terms of the weights alone that the tuner adds to every step's loss (nats); None: none."
    validation: Sequence[Encoded] = ()
    "Rows to be watched: never trained on, never test rows."
    measure: Callable[[], Mapping[str, float]] | None = None
    "Metrics of the validation rows beside their loss, by name, looked at where `checkpoints` are; the model is in evaluation mode."
    keep: Callable[[int], None] | None = None
    "Keep the weights as they are after a step of `keep_steps`; repeated with equal weights where a run is killed."
    allow_unsupervised: bool = False
    "Keep rows without a supervised token (`protocol: paper`); they count as rows and teach nothing."
    mixed_precision: Literal["no", "bf16"] = "no"
    "bf16: float32 weights, arithmetic in bfloat16 where it is safe."


@dataclass(slots=True)
class CourseState:
    """What a checkpoint remembers."""

    step: int = 0
    "Optimizer steps done."
    n_steps: int = 0
    "Optimizer steps in all."
    per_round: int = 0
    "Optimizer steps of one pass over the rows."
    losses: list[float] = field(default_factory=list)
    "The objective, mean per supervised token (nats), of each step."
    validation: list[list[float]] = field(default_factory=list)
    "[step, mean cross-entropy per supervised token (nats) of the validation rows], in order."
    checkpoints: list[dict[str, float]] = field(default_factory=list)
    "What was found at each point of `checkpoints`: step, loss and metrics of the validation rows."
    kept: int = 0
    "Step of `checkpoints` whose weights are the best so far, and at the end those of the model; 0: nothing is chosen."
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

    def as_dict(self) -> dict[str, Any]:
        """Return it as a checkpoint stores it."""
        return {name: getattr(self, name) for name in CourseState.__slots__}
