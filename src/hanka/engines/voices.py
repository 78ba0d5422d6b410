"""Voices: the models an engine listens to, each with its own shared prefixes, and how their logits become one.

One voice alone is heard as it is. Several are joined by `Contrast`, token by token, before anything is chosen or
normalised; everything an engine does with logits is therefore the same for one model and for three.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import linear

from hanka.engines.prefixes import PrefixCache
from hanka.models.attention import forward, new_pack, packed_attention, takes_packs
from hanka.models.loading import LoadedModel
from hanka.models.packing import Pack, Prefix, Row, to_device
from hanka.training.head import Head, find_head

HEAD_PLACES = 128
"Places of a pass whose logits are there at once when a text is scored."
PASS_PLACES = 512
"The same where the head cannot be taken apart: every further part costs another pass."


class Voice:
    """One model: logits of packed passes, and the keys and values of what was asked before."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.packs, self.reason = takes_packs(loaded.model)
        self.prefixes = PrefixCache(loaded.model)
        self.n_forwarded = 0
        self._head: tuple[Head | None] | None = None

    @property
    def model(self) -> Any:
        """The model itself."""
        return self.loaded.model

    @property
    def head(self) -> Head | None:
        """The model's head, if it is one plain matrix; looked at once."""
        if self._head is None:
            self._head = (find_head(self.model),)
        return self._head[0]

    def read(self, shared: Sequence[int]) -> Prefix:
        """Return keys and values of leading tokens, computing what is not kept."""
        before = self.prefixes.n_computed
        found = self.prefixes.get(shared)
        self.n_forwarded += self.prefixes.n_computed - before
        return found

    def pack(self, rows: Sequence[Row], outer: Prefix, inner: Sequence[int] = (), capture: bool = False) -> Pack:
        """Lay rows out for one pass and count its tokens."""
        passed = new_pack(self.model, rows, outer, inner, capture)
        self.n_forwarded += passed.input_ids.shape[1]
        return passed

    def parts(self, passed: Pack, places: Sequence[int], size: int) -> Iterator[torch.Tensor]:
        """Return logits at places of a pass, `size` places at a time; never all at once."""
        cuts = [places[start : start + size] for start in range(0, len(places), size)]
        if self.head is None:
            for cut in cuts:
                yield forward(self.model, passed, to_device(list(cut), passed.input_ids.device))
            return
        hidden = self.head.decoder(
            input_ids=passed.input_ids, position_ids=passed.position_ids, use_cache=False, layout=passed
        ).last_hidden_state[0]
        for cut in cuts:
            yield linear(hidden[to_device(list(cut), hidden.device)], self.head.weight)

    def whole(self, ids: torch.Tensor, n_last: int) -> torch.Tensor:
        """Return the logits at the last places of whole rows of equal length, (rows, n_last, vocabulary)."""
        self.n_forwarded += ids.numel()
        logits: torch.Tensor = self.model(input_ids=ids, use_cache=False, logits_to_keep=n_last).logits
        return logits


Join = Callable[[Sequence[torch.Tensor]], torch.Tensor]


def alone(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the logits of the only voice as they are."""
    (only,) = parts
    return only


@dataclass(frozen=True, slots=True)
class Contrast:
    """Joins voices: base + alpha (expert - anti), over the columns that all of them have.

    In float64: the difference of two float32 numbers is then exact unless one is 2^29 times the other, so that adding
    it to the number that was subtracted gives the other one back.
    """

    base: int
    "Which voice is the base."
    expert: int
    "Which voice is added."
    anti: int
    "Which voice is subtracted."
    alpha: float
    "Weight of the difference."

    def __call__(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return joined logits."""
        width = min(part.shape[-1] for part in parts)
        # Apple's GPUs have no float64.
        wide = [(part.cpu() if part.device.type == "mps" else part)[..., :width].double() for part in parts]
        return wide[self.base] + self.alpha * (wide[self.expert] - wide[self.anti])


@dataclass(frozen=True, slots=True)
class Voices:
    """All voices of an engine."""

    members: tuple[Voice, ...]
    "The voices; the first one's tokenizer spells."
    join: Join
    "Makes one tensor of logits out of one per voice."

    @property
    def loaded(self) -> LoadedModel:
        """The first voice's model."""
        return self.members[0].loaded

    @property
    def packs(self) -> bool:
        """Whether all take packed passes."""
        return all(voice.packs for voice in self.members)

    @property
    def context_length(self) -> int:
        """Longest input that all were made for, tokens."""
        return min(voice.loaded.context_length for voice in self.members)

    @property
    def n_known(self) -> int:
        """Tokens that all can read and write: ids below this."""
        return min(int(voice.model.get_input_embeddings().weight.shape[0]) for voice in self.members)

    @contextlib.contextmanager
    def packed(self) -> Iterator[None]:
        """Let all attentions take packed passes, for the time being."""
        with contextlib.ExitStack() as stack:
            for voice in self.members:
                stack.enter_context(packed_attention(voice.model))
            yield

    def read(self, shared: Sequence[int]) -> list[Prefix]:
        """Return each voice's keys and values of leading tokens."""
        return [voice.read(shared) for voice in self.members]

    def logits(self, passed: Sequence[Any], keep: torch.Tensor) -> torch.Tensor:
        """Return joined logits at places of a pass that is laid out for each voice: (n, vocabulary)."""
        return self.join(
            [forward(voice.model, layout, keep) for voice, layout in zip(self.members, passed, strict=True)]
        )

    def parts(self, passed: Sequence[Pack], places: Sequence[int]) -> Iterator[torch.Tensor]:
        """Return joined logits at places of a pass, a part at a time."""
        size = HEAD_PLACES if all(voice.head is not None for voice in self.members) else PASS_PLACES
        each = [voice.parts(layout, places, size) for voice, layout in zip(self.members, passed, strict=True)]
        for parts in zip(*each, strict=True):
            yield self.join(parts)

    def whole(self, ids: torch.Tensor, n_last: int) -> torch.Tensor:
        """Return joined logits at the last places of whole rows, (rows, n_last, vocabulary)."""
        return self.join([voice.whole(ids, n_last) for voice in self.members])
