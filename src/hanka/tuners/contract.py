"""The Tuner contract: which weights of a model train, and how what was trained is kept and put back.

Light to import: torch and PEFT are met inside the functions of an entry. A variant made on another one is a
stack of `Made`: the lower ones are merged before the next goes on (`resident.Resident.lend`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hanka.registry import Params

if TYPE_CHECKING:
    import torch

    from hanka.models.loading import LoadedModel
    from hanka.prompting import Encoded
    from hanka.training.course import StepHook

    OnRows = Callable[[LoadedModel, Any, int, Sequence[Encoded]], Any]
    Hook = Callable[[Any, Any, int], StepHook]
    Penalty = Callable[[Any, Any], Iterator[torch.Tensor]]
    Scale = Callable[[Mapping[str, torch.Tensor], LoadedModel, float], Mapping[str, torch.Tensor]]


class TunerParams(Params):
    """Parameters of a tuner; unknown keys are errors."""

    later: ClassVar[tuple[str, ...]] = ()
    "Those that came after ids were made: at their default they are not in an id, so that it stays what it was."

    @property
    def is_random(self) -> bool:
        """Tell whether a pass in training draws at random, so that rows cannot share what they begin with."""
        return False

    @property
    def at_start(self) -> str:
        """Say why an untrained variant is not its base, number for number; empty: it is."""
        return ""


@dataclass(frozen=True, slots=True)
class Made:
    """A variant that was made, as what is put onto a base."""

    variant_id: str
    "Its id."
    tuner: str
    "Name of the tuner that saved it."
    folder: Path
    "Where its files are."


@dataclass(frozen=True, slots=True, eq=False)
class Tuner:
    """Which weights train."""

    name: str
    "What `peft:` of a study says."
    reference: str
    "Paper."
    description: str
    "One line for lists."
    params: type[TunerParams]
    "Its parameters, which stand flat beside `peft:`."
    wrap: Callable[[Any, Any, int], Any]
    "(model, params, seed) → the model with exactly the declared weights free, its numbers as they were. UnitError where it does not fit."
    save: Callable[[LoadedModel, Path], None]
    "(loaded with the wrapped model, folder): write what `load` needs, whole or not at all."
    load: Callable[[LoadedModel, Path], LoadedModel]
    "Put what was saved onto a base, in place, frozen, in evaluation mode. ModelError for damaged files."
    merge: Callable[[LoadedModel], LoadedModel]
    "Fold what `load` put on into the weights, in place, so that another tuner can go on top."
    take_out: Callable[[Any], None]
    "Take out of a base model's modules what `wrap` or `load` put there; weights changed in place stay changed."
    n_trained: Callable[[Mapping[str, Any], Any], int | None]
    "(config.json, params) → weights that are free, before a model is loaded; None: not known for this kind of model."
    files: tuple[str, ...]
    "What a whole folder holds."
    scale: Scale | None
    "(saved tensors, the base, weight) → those of base + weight · (tuned − base), exact at 0 and 1; None: there are none."
    changes_weights: bool = False
    "Whether the base's own weights train, so that a copy has to be kept."
    is_whole: bool = False
    "Whether it saves the whole model."
    needs_float32: bool = False
    "Whether what it trains has the base's dtype: small steps vanish in bfloat16, so the base has to be float32 then."
    keeps_keys_values: bool = True
    "False: it puts keys or values before a row, and packed passes fall back to padded rows."
    size: str = ""
    "Its parameter that sets how many weights train; empty: none does."
    size_divides: bool = False
    "Whether that has to divide the widths of the layers."
    on_rows: OnRows | None = None
    "As `wrap`, of the loaded model and the training rows, where first weights may follow from what the model makes of them."
    hook: Hook | None = None
    "(wrapped model, params, optimizer steps in all) → what it does after every step; None: nothing."
    penalty: Penalty | None = None
    "(wrapped model, params) → terms of the weights alone, added to the loss of every step; None: nothing."
    not_merged: str = ""
    "Why it cannot be folded into weights, so that nothing is made on top of it; empty: it can."
    not_elsewhere: str = ""
    "Why what it saves loads neither in PEFT nor in transformers as they are; empty: it does."
    version: int = 1
    "Raised by hand when the same parameters give other numbers than before."

    def own(self, given: Mapping[str, Any]) -> TunerParams:
        """Pick this tuner's parameters out of a method's flat ones and validate them."""
        return self.params.model_validate({key: given[key] for key in self.params.model_fields if key in given})
