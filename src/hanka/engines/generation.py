"""Greedy continuation: continuous batches behind a shared prefix, and the plain way where that is not exact.

Rows enter a batch by a packed pass and leave it when they end; others take their place, so steps stay
wide. The answer of a row does not depend on who is beside it, up to float rounding.
Source: iteration-level scheduling, Yu et al. (2022), Orca, OSDI '22.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import torch

from hanka.engines.contract import MAX_SLOTS, Decoding, TextAnswer
from hanka.models.attention import forward, new_pack
from hanka.models.decoding import Slots
from hanka.models.loading import LoadedModel
from hanka.models.packing import Prefix, Row, to_device


@dataclass(slots=True)
class Writer:
    """Ends outputs and spells them."""

    loaded: LoadedModel
    "Model and tokenizer."
    decoding: Decoding
    "Cap and stops."
    n_forwarded: int = 0
    "Tokens that passed the model."
    ends: set[int] = field(init=False)
    "Tokens that end an output."

    def __post_init__(self) -> None:
        configured = getattr(self.loaded.model.generation_config, "eos_token_id", None)
        ends = configured if isinstance(configured, list) else [configured]
        self.ends = {token for token in [*ends, self.loaded.tokenizer.eos_token_id] if token is not None}

    def ended_by(self, output: list[int], token: int) -> bool:
        """Append a token to an output and tell whether the output is finished by it."""
        if token in self.ends:
            return True
        output.append(token)
        if len(output) >= self.decoding.max_new_tokens:
            return True
        text = self.spell(output).lstrip() if self.decoding.stop else ""
        return any(stop in text for stop in self.decoding.stop)

    def spell(self, ids: Sequence[int]) -> str:
        """Decode ids, special tokens removed."""
        return str(self.loaded.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def answers(self, outputs: Sequence[list[int]]) -> list[TextAnswer]:
        """Return finished outputs as answers."""
        return [TextAnswer(self.spell(output), len(output)) for output in outputs]


def continue_packed(
    model: Any, rows: Sequence[Row], batches: Sequence[list[int]], prefix: Prefix, writer: Writer, cached_tokens: int
) -> list[TextAnswer]:
    """Continue rows behind a prefix; `batches` of row indices, longest rows first, enter as places become free.

    cached_tokens: own tokens that all places together may hold.
    """
    outputs: list[list[int]] = [[] for _ in rows]
    for wave in waves(rows, batches, writer.decoding.max_new_tokens, cached_tokens):
        slots = Slots(wave.n_slots, wave.n_tokens, prefix, next(model.parameters()).device)
        _continue_wave(model, rows, wave.batches, slots, writer, outputs)
    return writer.answers(outputs)


@dataclass(frozen=True, slots=True)
class Wave:
    """Batches that are continued in the same places."""

    n_tokens: int
    "Own tokens of a place."
    n_slots: int
    "Places."
    batches: list[list[int]]
    "Row indices."


def waves(rows: Sequence[Row], batches: Sequence[list[int]], n_new: int, cached_tokens: int) -> list[Wave]:
    """Cut batches, longest rows first, where shorter rows would get twice the places: few long rows hold up nobody."""
    found: list[Wave] = []
    n_left = sum(map(len, batches))
    for batch in batches:
        n_tokens = max(len(rows[index].ids) for index in batch) + n_new
        n_slots = max(1, min(n_left, MAX_SLOTS, cached_tokens // n_tokens))
        if not found or n_slots >= 2 * found[-1].n_slots:
            found.append(Wave(n_tokens, n_slots, []))
        found[-1].batches.append(batch)
        n_left -= len(batch)
    return [replace(wave, n_slots=min(wave.n_slots, sum(map(len, wave.batches)))) for wave in found]


def _continue_wave(
    model: Any,
    rows: Sequence[Row],
    batches: Sequence[list[int]],
    slots: Slots,
    writer: Writer,
    outputs: list[list[int]],
) -> None:
    """Continue the rows of one wave, adding to their outputs."""
    queue = [list(batch) for batch in batches]
    n_waiting = sum(map(len, queue))
    active: list[int] = []

    def settle(chosen: Sequence[int]) -> None:
        """Give the last `len(chosen)` active rows their next token; rows that end leave."""
        first = len(active) - len(chosen)
        ended = [slot for slot, token in enumerate(chosen, first) if writer.ended_by(outputs[active[slot]], token)]
        for last, slot in slots.leave(ended):
            active[slot] = active[last]
            active.pop()

    while n_waiting or active:
        free = slots.n_slots - len(active)
        if n_waiting and (not active or free >= min(n_waiting, -(-slots.n_slots // 4))):
            entering, queue[0] = queue[0][:free], queue[0][free:]
            queue = queue if queue[0] else queue[1:]
            n_waiting -= len(entering)
            passed = new_pack(model, [rows[index] for index in entering], slots.prefix, capture=True)
            writer.n_forwarded += passed.input_ids.shape[1]
            lengths = [len(rows[index].ids) for index in entering]
            keep = [start + length - 1 for start, length in zip(passed.starts, lengths, strict=True)]
            chosen = forward(model, passed, to_device(keep, slots.device)).argmax(-1).tolist()
            slots.admit(passed, lengths)
            active += entering
            settle(chosen)
            continue
        step = slots.step([outputs[index][-1] for index in active])
        writer.n_forwarded += len(active)
        chosen = forward(model, step, torch.arange(len(active), device=slots.device)).argmax(-1).tolist()
        slots.advance()
        settle(chosen)


def continue_whole(
    loaded: LoadedModel, contexts: Sequence[list[int]], writer: Writer, batch_tokens: int
) -> list[TextAnswer]:
    """Continue contexts of equal length together, by transformers' own generation: for any model."""
    outputs: list[list[int]] = [[] for _ in contexts]
    n_new = writer.decoding.max_new_tokens
    order = sorted(range(len(contexts)), key=lambda index: (len(contexts[index]), contexts[index]))
    with _plainly_greedy(loaded.model, writer.ends):
        for length, members in groupby(order, key=lambda index: len(contexts[index])):
            same = list(members)
            size = max(1, batch_tokens // (length + n_new))
            for part in (same[start : start + size] for start in range(0, len(same), size)):
                ids = torch.tensor([contexts[index] for index in part], device=loaded.device)
                made = loaded.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=n_new)
                writer.n_forwarded += made.numel()
                for index, row in zip(part, made[:, length:].tolist(), strict=True):
                    any(writer.ended_by(outputs[index], token) for token in row)
    return writer.answers(outputs)


@contextlib.contextmanager
def _plainly_greedy(model: Any, ends: set[int]) -> Iterator[None]:
    """Set aside what a model's publisher says of generation (penalties, sampling), for the time being."""
    from transformers import GenerationConfig

    published = model.generation_config
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=sorted(ends), pad_token_id=min(ends, default=0)
    )
    try:
        yield
    finally:
        model.generation_config = published
