"""The base models of a worker: loaded once, lent with variants put onto them, and given back as they were.

Several stay within a byte budget; the one not used for longest leaves first. A base that is lent is not lent again: who asks
meanwhile gets modules of its own around the same weights, or, where one of them changes weights, another copy. What a borrower changed in place is undone: what tuners put in is taken out, and weights
that were trained or merged into are restored from a copy in host memory. Whether that succeeded is checked by name,
identity and sum of every weight; if it did not, the base is dropped and loaded anew for the next one.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef
from hanka.models.identity import n_parameters
from hanka.models.loading import LoadedModel, load_full, load_model, pick_device
from hanka.models.memory import free_bytes, is_out_of_memory, release_memory
from hanka.models.weights import copies_of, restore, settle, state_of
from hanka.tuners import TUNERS
from hanka.tuners.contract import Made

if TYPE_CHECKING:
    import torch

TRAINED_BYTES = 4
"Bytes that training all weights takes per byte of them: weights, gradients, two moments."


@dataclass(slots=True, eq=False)
class _Held:
    """A base model in memory."""

    loaded: LoadedModel
    n_bytes: int
    n_lent: int = 0
    "Borrowers of its weights."
    is_changing: bool = False
    "Whether the one who has it changes its weights."
    copies: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def is_lent(self) -> bool:
        return self.n_lent > 0

    def holds(self, ref: ModelRef, dtype: str) -> bool:
        return (self.loaded.ref, self.loaded.dtype) == (ref, dtype)


@dataclass(slots=True)
class Resident:
    """Holds base models."""

    budget_bytes: int | None = None
    "Bytes that bases may take together (one that is larger stands alone); None: half of what is free or taken by them."
    n_loads: int = 0
    "Base models loaded so far."
    _held: list[_Held] = field(default_factory=list)
    "The one not used for longest first."
    _ways_out: tuple[Callable[[Any], None], ...] = field(
        default_factory=lambda: tuple(dict.fromkeys(tuner.take_out for tuner in TUNERS))
    )
    "How every tuner takes itself out, each way once; a tuner of another package that cannot be loaded is met here, before any work."

    def base(self, ref: ModelRef, dtype: str) -> LoadedModel:
        """Return a base model that is not lent, frozen and in evaluation mode; it may be changed by the next lending."""
        return self._take(ref, dtype).loaded

    @contextlib.contextmanager
    def lend(
        self,
        ref: ModelRef,
        dtype: str,
        stack: Sequence[Made] = (),
        *,
        train: bool = False,
        changes_weights: bool = False,
    ) -> Iterator[LoadedModel]:
        """Lend a base with variants put on, the first at the bottom, all but the last merged.

        train: the last is merged, too, and the model is ready for a tuner's `wrap`; changes_weights: that tuner trains the
        weights themselves. A whole variant in the stack takes the place of everything below it and is loaded beside.
        """
        whole = max((at for at, made in enumerate(stack) if TUNERS.get(made.tuner).is_whole), default=None)
        if whole is not None:
            yield _put_on(self._whole(ref, dtype, stack[whole].folder), stack[whole + 1 :], train)
            release_memory()
            return
        changing = train or not shares_weights(stack)
        if not changing and (known := self._shareable(ref, dtype)) is not None:
            with self._borrowed(known):
                yield _put_on(_beside(known.loaded, self._ways_out), stack, train)
            return
        with self._borrowed(self._take(ref, dtype), changing) as held:
            if not stack and not train:
                yield held.loaded
                return
            if changes_weights:
                self._make_room((TRAINED_BYTES - 1) * held.n_bytes)
            merges = len(stack) > (0 if train else 1)
            with self._as_it_was(held, needs_copies=changes_weights or merges):
                yield _put_on(held.loaded, stack, train)

    def room(self) -> int:
        """Return the bytes that models lent together may take, all others gone."""
        return self.budget_bytes if self.budget_bytes is not None else free_bytes(pick_device()) + self._taken()

    def drop(self) -> None:
        """Let go of all base models."""
        self._held = []
        release_memory()

    @contextlib.contextmanager
    def _borrowed(self, held: _Held, changing: bool = False) -> Iterator[_Held]:
        """Keep a base from leaving and, where its weights change, from being lent again meanwhile."""
        held.n_lent += 1
        held.is_changing = held.is_changing or changing
        try:
            yield held
        finally:
            held.n_lent -= 1
            held.is_changing = held.is_changing and not changing
            self._make_room(0)

    def _shareable(self, ref: ModelRef, dtype: str) -> _Held | None:
        """Return a base that is lent to who leaves its weights as they are."""
        there = (one for one in self._held if one.holds(ref, dtype) and one.is_lent)
        return next((one for one in there if not one.is_changing), None)

    @contextlib.contextmanager
    def _as_it_was(self, held: _Held, needs_copies: bool) -> Iterator[None]:
        """Undo what is done to a base; let it go where that fails."""
        model = held.loaded.model
        if needs_copies and not held.copies:
            held.copies = copies_of(model)
        before = state_of(model)
        try:
            yield
        finally:
            for take_out in self._ways_out:
                take_out(model)
            if restore(model, before, held.copies):
                settle(model)
            elif held in self._held:
                self._held.remove(held)
            release_memory()

    def _take(self, ref: ModelRef, dtype: str) -> _Held:
        """Return a base that is not lent; load one where none is there."""
        held = next((one for one in reversed(self._held) if one.holds(ref, dtype) and not one.is_lent), None)
        if held is None:
            count = n_parameters(ref)
            self._make_room(None if count is None else count * (4 if dtype == "float32" else 2))
            loaded = self._without_the_idle(lambda: load_model(ref, dtype))
            self.n_loads += 1
            held = _Held(loaded, sum(value.nbytes for value in loaded.model.parameters()))
        else:
            self._held.remove(held)
        self._held.append(held)
        settle(held.loaded.model)
        return held

    def _make_room(self, n_bytes: int | None) -> None:
        """Let bases that are not lent leave until so much fits beside the others; None: all of them, as nothing is known."""
        idle = [one for one in self._held if not one.is_lent]
        while idle and (n_bytes is None or self._taken() + n_bytes > self._budget()):
            if n_bytes == 0 and len(self._held) == 1:
                return  # a base larger than the budget stays until another one is asked for
            self._held.remove(idle.pop(0))
            release_memory()

    def _taken(self) -> int:
        return sum(one.n_bytes for one in self._held)

    def _budget(self) -> int:
        if self.budget_bytes is not None:
            return self.budget_bytes
        return (free_bytes(pick_device()) + self._taken()) // 2

    def _whole(self, ref: ModelRef, dtype: str, folder: Path) -> LoadedModel:
        """Load a whole variant beside the bases; where both do not fit, in their place."""
        return self._without_the_idle(lambda: load_full(ref, dtype, folder))

    def _without_the_idle(self, load: Callable[[], LoadedModel]) -> LoadedModel:
        """Load a model; where memory is too small and bases are there that are not lent, again without them."""
        try:
            return load()
        except (RuntimeError, MemoryError, ModelError) as error:
            idle = [one for one in self._held if not one.is_lent]
            if not idle or not is_out_of_memory(error.__cause__ or error):
                raise
        self._make_room(None)
        return load()


def shares_weights(stack: Sequence[Made]) -> bool:
    """Tell whether a base stays as it is under a stack, so that others may hear the same weights: nothing is merged into it."""
    return len(stack) <= 1 and not any(TUNERS.get(made.tuner).is_whole for made in stack)


def _beside(loaded: LoadedModel, ways_out: Sequence[Callable[[Any], None]]) -> LoadedModel:
    """Return modules of their own around a base's weights, without what is put onto the base just now."""
    model = loaded.model
    model = copy.deepcopy(model, {id(value): value for value in (*model.parameters(), *model.buffers())})
    for take_out in ways_out:
        take_out(model)
    settle(model)
    return replace(loaded, model=model)


def _put_on(loaded: LoadedModel, stack: Sequence[Made], train: bool) -> LoadedModel:
    """Put variants onto a model, each merged before the next goes on; train: the last one, too."""
    for at, made in enumerate(stack):
        tuner = TUNERS.get(made.tuner)
        loaded = tuner.load(loaded, made.folder)
        if train or at + 1 < len(stack):
            loaded = tuner.merge(loaded)
    return loaded
