"""How a variant is trained: the study's `train:` as one method sees it. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hanka.errors import HankaError
from hanka.registry import Params
from hanka.training.objectives import OBJECTIVES
from hanka.training.optimizers import resolve_options, stated_options
from hanka.training.pace import USUAL, Pace

RUNTIME_KEYS = ("micro_batch_tokens", "gradient_checkpointing", "checkpoint_seconds")
"Training parameters that change memory and speed, not the result."


class CourseParams(Params):
    """What the training loop reads."""

    epochs: int | None = Field(default=None, ge=1)
    "Passes over the training rows; null: by tuner and number of rows."
    steps: int | None = Field(default=None, ge=1)
    "Optimizer steps instead of `epochs`, however many rows there are: pass after pass, the last one as far as it goes."
    total_tokens: int | None = Field(default=None, ge=1)
    "Tokens of rows, prompts among them, instead of `epochs`: trained until there are so many, the last step whole."
    learning_rate: float | None = Field(default=None, gt=0)
    "Peak learning rate; null: by tuner."
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    "Learning-rate decay after warm-up."
    warmup_ratio: float | None = Field(default=None, ge=0, lt=1)
    "Share of steps that warm up; null: by tuner where the learning rate is null, too, else none."
    weight_decay: float = Field(default=0.0, ge=0)
    "Weight decay of the optimizer."
    max_grad_norm: float = Field(default=1.0, gt=0)
    "Gradient norm is clipped to this."
    batch_size: int = Field(default=8, ge=1)
    "Examples per optimizer step."
    max_length: int = Field(default=1024, ge=8)
    "Tokens per training example, prompt and target."
    prompt: str = "p1"
    "Prompt set trained with."
    dtype: Literal["float32", "bfloat16"] = "float32"
    "Weights and arithmetic in training and evaluation."
    optimizer: str = "adamw"
    "Name of the optimizer: one of torch's."
    optimizer_options: Mapping[str, Any] = Field(default={}, validate_default=True)
    "Its options, such as {momentum: 0.9}; what is left out is torch's default."
    rate_factors: Mapping[str, Annotated[float, Field(gt=0)]] = Field(default={}, validate_default=True)
    "Factors on the learning rate of weights with a word in their name, the first that fits: {lora_B: 16} is LoRA+."
    objective: str = "cross_entropy"
    "What is minimised."
    validate_every: int | None = Field(default=None, ge=1)
    "Optimizer steps between two looks at the validation rows; null: at the end only."
    checkpoints: int = Field(default=0, ge=0)
    "Evenly spread points at which validation rows are looked at; the one with the lowest loss there becomes the variant. 0: the end does."
    early_stopping: int | None = Field(default=None, ge=1)
    "Stop after so many of the `checkpoints` in a row whose loss is not below the lowest so far; null: train to the end."
    keep_steps: tuple[int, ...] = ()
    "Optimizer steps after which the weights are kept, too, ascending."
    micro_batch_tokens: int = Field(default=4096, ge=8)
    "Tokens per forward pass at most (a processor takes 512); changes memory and speed, not the gradient."
    gradient_checkpointing: bool = False
    "Recompute activations: less memory, slower."
    checkpoint_seconds: float = Field(default=60.0, ge=0)
    "Write a checkpoint after this many seconds of training."

    @property
    def pace(self) -> Pace:
        """Return how long and how fast it trains; what a plan settled (`methods/defaults.py`), where there was one."""
        said = (self.epochs, self.learning_rate, self.warmup_ratio)
        return Pace(*(usual if one is None else one for one, usual in zip(said, USUAL, strict=True)))  # type: ignore[arg-type]

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("steps") is not None and given.get("total_tokens") is not None:
            raise ValueError(
                "`steps` and `total_tokens` both say how long it trains: write one of them, and null for the other"
            )
        return given

    @field_validator("early_stopping")
    @classmethod
    def _looks_somewhere(cls, value: int | None, info: ValidationInfo) -> int | None:
        points = info.data.get("checkpoints")
        if value is not None and points is not None and value >= points:
            raise ValueError(
                f"it cannot stop before the end: {value} points without a gain, and `checkpoints` has {points}; give "
                f"`checkpoints` at least {value + 1}"
            )
        return value

    @field_validator("keep_steps", mode="before")
    @classmethod
    def _distinct_steps(cls, value: Any) -> tuple[int, ...]:
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int) or item < 1:
                raise ValueError(f"{item!r} is not a number of steps, 1 or more")
        if len(set(items)) != len(items):
            raise ValueError(f"{list(items)!r} names a step twice")
        return tuple(sorted(items))

    @field_validator("objective")
    @classmethod
    def _known_objective(cls, value: str) -> str:
        try:
            return OBJECTIVES.get(value).name
        except HankaError as error:
            raise ValueError(str(error)) from None

    @field_validator("optimizer")
    @classmethod
    def _known_optimizer(cls, value: str) -> str:
        try:
            resolve_options(value, {})
        except HankaError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("optimizer_options")
    @classmethod
    def _known_options(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        """Keep what differs from the defaults, so that equal courses have equal ids."""
        if "optimizer" not in info.data:
            return {}
        try:
            return stated_options(info.data["optimizer"], value, info.data.get("weight_decay", 0.0))
        except HankaError as error:
            raise ValueError(str(error)) from None
