"""Continuation: continuous batches behind a shared prefix, and the plain way where that is not exact.

Rows enter a batch by a packed pass and leave it when they end; others take their place, so steps stay
wide. The answer of a row does not depend on who is beside it, up to float rounding. With several voices every row has a
place with each of them, and all of them receive the chosen token.
Source: iteration-level scheduling, Yu et al. (2022), Orca, OSDI '22.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import torch

from hanka.engines.contract import MAX_SLOTS, Decoding, Refusal, TextAnswer, no_number
from hanka.engines.sampling import draw, row_seeds
from hanka.engines.voices import Voices
from hanka.models.decoding import Slots
from hanka.models.packing import Prefix, Row, to_device


@dataclass(slots=True)
class Writer:
    """Chooses tokens, ends outputs and spells them."""

    voices: Voices
    "Whose outputs they are."
    decoding: Decoding
    "Cap, stops and how tokens are chosen."
    rows: Sequence[Sequence[int]]
    "Token ids before each output."
    ends: set[int] = field(default_factory=set)
    "Tokens that end an output: those given, and what any voice ends with."
    broken: dict[int, tuple[int, float]] = field(init=False, default_factory=dict)
    "Rows for which no token could be chosen: at which step, and the logit that is no number."
    _seeds: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ends = set(self.ends)
        for voice in self.voices.members:
            configured = getattr(voice.model.generation_config, "eos_token_id", None)
            ends = configured if isinstance(configured, list) else [configured]
            self.ends |= {token for token in [*ends, voice.loaded.tokenizer.eos_token_id] if token is not None}
        self._seeds = row_seeds(self.rows, self.decoding.seed) if self.decoding.temperature else []

    def choose(self, logits: torch.Tensor, members: Sequence[int], steps: Sequence[int]) -> list[int]:
        """Return the next token of each of some rows; steps: tokens each has so far.

        A row whose logits hold NaN or infinity gets a token all the same, and stands in `broken` from then on.
        """
        best, greedy = logits.max(-1)  # NaN counts as the largest
        for index, step, value in zip(members, steps, best.tolist(), strict=True):
            if not math.isfinite(value):
                self.broken.setdefault(index, (step, value))
        if self.decoding.temperature:
            return draw(logits, [self._seeds[index] for index in members], steps, self.decoding)
        chosen: list[int] = greedy.tolist()
        return chosen

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
        return str(
            self.voices.loaded.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def answers(self, outputs: Sequence[list[int]]) -> list[TextAnswer | Refusal]:
        """Return finished outputs as answers; those that rest on no number are none."""
        found: list[TextAnswer | Refusal] = [TextAnswer(self.spell(output), len(output)) for output in outputs]
        for index, (step, value) in self.broken.items():
            found[index] = no_number(value, f"the logit of output token {step + 1}")
        return found


def continue_packed(
    rows: Sequence[Row], batches: Sequence[list[int]], prefixes: Sequence[Prefix], writer: Writer, cached_tokens: int
) -> list[TextAnswer | Refusal]:
    """Continue rows behind a prefix (one per voice); `batches` of row indices, longest first, enter as places become free.

    cached_tokens: own tokens that all places together may hold.
    """
    outputs: list[list[int]] = [[] for _ in rows]
    for wave in waves(rows, batches, writer.decoding.max_new_tokens, cached_tokens):
        slots = [
            Slots(wave.n_slots, wave.n_tokens, prefix, voice.loaded.device)
            for voice, prefix in zip(writer.voices.members, prefixes, strict=True)
        ]
        _continue_wave(rows, wave.batches, slots, writer, outputs)
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
    rows: Sequence[Row],
    batches: Sequence[list[int]],
    slots: Sequence[Slots],
    writer: Writer,
    outputs: list[list[int]],
) -> None:
    """Continue the rows of one wave, adding to their outputs."""
    queue = [list(batch) for batch in batches]
    n_waiting = sum(map(len, queue))
    active: list[int] = []

    def settle(logits: torch.Tensor, first: int) -> None:
        """Give the active rows from `first` on their next token; rows that end leave."""
        members = active[first:]
        chosen = writer.choose(logits, members, [len(outputs[index]) for index in members])
        ended = [
            slot
            for slot, token in enumerate(chosen, first)
            if active[slot] in writer.broken or writer.ended_by(outputs[active[slot]], token)
        ]
        moves = [one.leave(ended) for one in slots]
        for last, slot in moves[0]:
            active[slot] = active[last]
            active.pop()

    while n_waiting or active:
        free = slots[0].n_slots - len(active)
        if n_waiting and (not active or free >= min(n_waiting, -(-slots[0].n_slots // 4))):
            entering, queue[0] = queue[0][:free], queue[0][free:]
            queue = queue if queue[0] else queue[1:]
            n_waiting -= len(entering)
            first = len(active)
            logits = _enter([rows[index] for index in entering], slots, writer.voices)
            active += entering
            settle(logits, first)
            continue
        settle(_step([outputs[index][-1] for index in active], slots, writer.voices), 0)


def _enter(rows: Sequence[Row], slots: Sequence[Slots], voices: Voices) -> torch.Tensor:
    """Take rows in by one packed pass per voice; returns the logits after each row.

    Equal rows, as when one prompt is sampled several times, are read once and take a place each.
    """
    known: dict[tuple[int, ...], int] = {}
    which = [known.setdefault(tuple(row.ids), len(known)) for row in rows]
    different = [Row(ids) for ids in known]
    passed = [voice.pack(different, one.prefix, capture=True) for voice, one in zip(voices.members, slots, strict=True)]
    keep = [start + len(row.ids) - 1 for start, row in zip(passed[0].starts, different, strict=True)]
    logits = voices.logits(passed, to_device(keep, slots[0].device))
    for one, layout in zip(slots, passed, strict=True):
        one.admit(layout, [len(row.ids) for row in rows], which)
    return logits[to_device(which, logits.device)] if len(different) < len(rows) else logits


def _step(tokens: Sequence[int], slots: Sequence[Slots], voices: Voices) -> torch.Tensor:
    """Feed every active row its last token; returns the logits after it."""
    steps = [one.step(tokens) for one in slots]
    logits = voices.logits(steps, torch.arange(len(tokens), device=slots[0].device))
    for one, voice in zip(slots, voices.members, strict=True):
        one.advance()
        voice.n_forwarded += len(tokens)
    return logits


def continue_whole(writer: Writer, batch_tokens: int) -> list[TextAnswer | Refusal]:
    """Continue rows of equal length together, by transformers' own generation: for any model.

    Where more than the most probable token of one model is asked for, a processor of logits puts the chosen token in its place;
    further voices then read every row whole at every step.
    """
    loaded, contexts = writer.voices.loaded, writer.rows
    outputs: list[list[int]] = [[] for _ in contexts]
    n_new = writer.decoding.max_new_tokens
    order = sorted(range(len(contexts)), key=lambda index: (len(contexts[index]), contexts[index]))
    with _plainly_greedy(loaded.model, writer.ends):
        for length, members in groupby(order, key=lambda index: len(contexts[index])):
            same = list(members)
            size = max(1, batch_tokens // (length + n_new))
            for part in (same[start : start + size] for start in range(0, len(same), size)):
                ids = torch.tensor([contexts[index] for index in part], device=loaded.device)
                made = loaded.model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=n_new,
                    logits_processor=_processors(writer, part, length),
                )
                writer.voices.members[0].n_forwarded += made.numel()
                for index, row in zip(part, made[:, length:].tolist(), strict=True):
                    n_taken = next(
                        (at for at, token in enumerate(row, 1) if writer.ended_by(outputs[index], token)), n_new
                    )
                    if writer.broken.get(index, (0, 0.0))[0] >= n_taken:  # after its end: not part of the answer
                        del writer.broken[index]
    return writer.answers(outputs)


def _processors(writer: Writer, members: Sequence[int], length: int) -> list[Any]:
    """Return what makes transformers' greedy choice the writer's own; where it is that already, the logits stay."""
    others = writer.voices.members[1:]
    is_plain = not others and not writer.decoding.temperature

    def choose(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Answer as transformers' logits processors do."""
        logits = writer.voices.join([scores, *(voice.whole(ids, 1)[:, -1] for voice in others)])
        chosen = writer.choose(logits, members, [ids.shape[1] - length] * len(members))
        if is_plain:
            return scores
        at = torch.tensor(chosen, device=scores.device)[:, None]
        return torch.full_like(scores, float("-inf")).scatter_(1, at, 0.0)

    return [choose]


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
