"""The Method contract: how a base model is adapted.

A method has a light half (`<method>/__init__.py` and `params.py`: name, reference, parameters; no torch)
that plans and lists can load at once, and a heavy half (`<method>/adapt.py`) imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hanka.records import Example
from hanka.registry import no_boolean_for_a_number
from hanka.tasks.base import Task
from hanka.tuners.contract import no_boolean_for_a_number

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel


class Params(BaseModel):
    """Parameters every method takes; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    _numbers = field_validator("*", mode="before")(no_boolean_for_a_number)

    name: str | None = Field(default=None, min_length=1)
    "What tables call this entry (default: the method's name)."


class TrainingParams(Params):
    """Parameters of every method that trains: `train:` of the study is the default of each."""

    sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(default=None, min_length=1)
    "Training rows, one variant each."
    epochs: int | None = Field(default=None, ge=1)
    "Passes over the training rows."
    learning_rate: float | None = Field(default=None, gt=0)
    "Peak learning rate."
    batch_size: int | None = Field(default=None, ge=1)
    "Examples per optimizer step."
    max_length: int | None = Field(default=None, ge=8)
    "Tokens per training example."
    peft: Literal["none", "lora"] = "lora"
    "none trains all weights; lora trains low-rank adapters (Hu et al. 2021)."
    r: int = Field(default=8, ge=1)
    "LoRA rank."
    alpha: float | None = Field(default=None, gt=0)
    "LoRA scaling numerator (default 2 r)."
    dropout: float = Field(default=0.0, ge=0, lt=1)
    "LoRA dropout."
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    "Layers that get adapters."


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a variant learns from."""

    task: Task
    "The task."
    prompt: str
    "Prompt set."
    examples: Sequence[Example]
    "Training rows in order."
    demonstrations: Sequence[Example]
    "Pool of demonstrations, in order; disjoint from the training rows."
    protocol: Literal["corrected", "paper"]
    "paper keeps the published quirks."
    companions: tuple[Mapping[str, Any], ...] = ()
    "Parameters of the methods whose rows must also fit (train.match); empty when nothing is matched."


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """One variant to be made."""

    base: LoadedModel
    "The base model; a method may change it in place, the caller loads it anew afterwards."
    data: TrainingData
    "What it learns from."
    params: Mapping[str, Any]
    "Resolved parameters (method and training), as in variant.json."
    seed: int
    "Training seed."
    folder: Path
    "Where the variant is saved: weights or adapter in the PEFT layout, checkpoints, train_log.jsonl."
    report: Callable[[str, float], None]
    "Called with what is being done and the share done, 0 to 1."


@dataclass(frozen=True, slots=True)
class Adapted:
    """What making a variant left behind; the weights are in its folder."""

    weights: Literal["base", "adapter", "full"]
    "What the folder holds."
    n_trained_parameters: int
    "Parameters that were free to change."
    record: Mapping[str, Any]
    "Counts, losses, seconds and hashes for variant.json."


@dataclass(frozen=True, slots=True)
class Method:
    """How a base model is adapted."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper."
    description: str
    "One line for `hanka list methods`."
    params: type[Params]
    "Its parameters."
    trains: bool
    "Whether it makes a variant per training set, size and seed."
    adapt: Callable[[AdaptRequest], Adapted]
    "Make one variant and save it; imports torch when called."
    version: int = 1
    "Raised by hand when the same parameters give other numbers than before."
