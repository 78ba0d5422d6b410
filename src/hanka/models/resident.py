"""The base model of a worker: loaded once, lent to methods and adapters, and given back as it was.

What a method or an adapter changed in place is undone: PEFT's layers are taken out, and weights that were trained are
restored from a copy in host memory. Whether that succeeded is checked by name, identity and sum of
every weight; if it did not, the base is dropped and loaded anew for the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel, add_adapter, load_full, load_model, quiet
from hanka.models.memory import is_out_of_memory, release_memory

if TYPE_CHECKING:
    import torch

    State = dict[str, tuple[int, int]]
    "Identity and sum by name."


@dataclass(slots=True)
class Resident:
    """Holds at most one base model."""

    n_loads: int = 0
    "Base models loaded so far."
    _loaded: LoadedModel | None = None
    _copies: dict[str, torch.Tensor] = field(default_factory=dict)

    def base(self, ref: ModelRef, dtype: str) -> LoadedModel:
        """Return the base model, frozen and in evaluation mode; it stays loaded until another one is asked for."""
        if self._loaded is None or (self._loaded.ref, self._loaded.dtype) != (ref, dtype):
            self.drop()
            self._loaded = load_model(ref, dtype)
            self.n_loads += 1
        _settle(self._loaded.model)
        return self._loaded

    @contextlib.contextmanager
    def to_train(self, ref: ModelRef, dtype: str, changes_weights: bool) -> Iterator[LoadedModel]:
        """Lend the base to a method; changes_weights: keep a copy, because the method trains the weights themselves."""
        loaded = self.base(ref, dtype)
        if changes_weights and not self._copies:
            self._copies = {
                name: value.detach().to("cpu", copy=True) for name, value in loaded.model.named_parameters()
            }
        with self._as_it_was(loaded):
            yield loaded

    @contextlib.contextmanager
    def to_answer(self, ref: ModelRef, dtype: str, folder: Path, weights: str) -> Iterator[LoadedModel]:
        """Lend what a method saved, as `load_variant` would load it; adapters go onto the base that is there."""
        if weights == "full":
            yield self._full(ref, dtype, folder)
            release_memory()
            return
        loaded = self.base(ref, dtype)
        if weights == "base":
            yield loaded
            return
        with self._as_it_was(loaded):
            yield add_adapter(loaded, folder)

    def _full(self, ref: ModelRef, dtype: str, folder: Path) -> LoadedModel:
        """Load full weights beside the base; where both do not fit, in its place."""
        try:
            return load_full(ref, dtype, folder)
        except (RuntimeError, MemoryError, ModelError) as error:
            if self._loaded is None or not is_out_of_memory(error.__cause__ or error):
                raise
        self.drop()
        return load_full(ref, dtype, folder)

    def drop(self) -> None:
        """Let go of the base model."""
        self._loaded = None
        self._copies = {}
        release_memory()

    @contextlib.contextmanager
    def _as_it_was(self, loaded: LoadedModel) -> Iterator[None]:
        before = _state(loaded.model)
        try:
            yield
        finally:
            if not self._restore(loaded.model, before):
                self.drop()
            release_memory()

    def _restore(self, model: Any, before: State) -> bool:
        """Undo what was done to a model in place; tells whether it is what it was."""
        import torch

        _take_adapters_out(model)
        now = _state(model)
        if {name: one[0] for name, one in now.items()} != {name: one[0] for name, one in before.items()}:
            return False
        changed = [name for name, one in now.items() if one != before[name]]
        if any(name not in self._copies for name in changed):
            return False
        with torch.no_grad():
            for name in changed:
                model.get_parameter(name).copy_(self._copies[name])
        _settle(model)
        return True


def _state(model: Any) -> State:
    """Return identity and sum of the bits of every weight (a fused optimizer does not raise torch's version counters)."""
    import torch

    words = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return {
        name: (id(value), int(value.detach().view(words[value.element_size()]).sum(dtype=torch.int64)))
        for name, value in model.named_parameters()
    }


def _settle(model: Any) -> None:
    """Freeze a model and switch off what training switched on."""
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    if any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        with quiet():
            model.gradient_checkpointing_disable()
        model.disable_input_require_grads()
    model.eval()


def _take_adapters_out(model: Any) -> None:
    """Put the layers back that PEFT has wrapped."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    wrapped = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)]
    for name, layer in reversed(wrapped):
        model.set_submodule(name, layer.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
