"""Decoding step by step: many rows at once, each with its own keys and values behind one shared prefix.

A `Slots` holds the rows being continued, the first `n` of its places; rows that end leave and others take their place.
The shared prefix stays at batch size one: scores against it are one matrix product over all rows, and one
softmax joins them with each row's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from hanka.models.packing import Pack, Prefix, to_device


@dataclass(slots=True)
class Slots:
    """Keys and values of the rows being continued."""

    n_slots: int
    "Rows at most."
    n_tokens: int
    "Own tokens of a row at most, prompt and answer."
    prefix: Prefix
    "What all rows share."
    device: torch.device
    "Where the model is."
    lengths: list[int] = field(default_factory=list)
    "Own tokens of each active row so far."
    layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    "By layer: keys and values, (slots, key heads, tokens, width)."

    def admit(self, passed: Pack, lengths: Sequence[int], which: Sequence[int] | None = None) -> None:
        """Take in rows of a pass that captured its keys and values, behind the active ones.

        lengths: of the rows that are taken in. which: the row of the pass that each of them is, in their order; None: all, each once.
        """
        assert passed.captured is not None
        first = len(self.lengths)
        starts = passed.starts if which is None else [passed.starts[row] for row in which]
        slots = [slot for slot, length in enumerate(lengths, first) for _ in range(length)]
        places = [start + offset for start, length in zip(starts, lengths, strict=True) for offset in range(length)]
        slot, at, place = (
            to_device(one, self.device) for one in (slots, [offset for n in lengths for offset in range(n)], places)
        )
        for layer, pair in passed.captured.items():
            if layer not in self.layers:
                self.layers[layer] = (self._empty(pair[0]), self._empty(pair[1]))
            for store, made in zip(self.layers[layer], pair, strict=True):
                store[slot, :, at] = made[0, :, place].transpose(0, 1)
        self.lengths += lengths

    def step(self, tokens: Sequence[int]) -> Step:
        """Lay out one further token of every active row."""
        return Step(self, to_device([list(tokens)], self.device), to_device([self.lengths], self.device))

    def advance(self) -> None:
        """Count the step that was taken."""
        self.lengths = [length + 1 for length in self.lengths]

    def leave(self, ended: Sequence[int]) -> list[tuple[int, int]]:
        """Drop rows; the last rows move into their places. Returns the moves (from, to), in order."""
        moves = []
        for slot in sorted(ended, reverse=True):
            last = len(self.lengths) - 1
            if slot != last:
                for pair in self.layers.values():
                    for store in pair:
                        store[slot] = store[last]
                self.lengths[slot] = self.lengths[last]
            moves.append((last, slot))
            self.lengths.pop()
        return moves

    def _empty(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_zeros((self.n_slots, like.shape[1], self.n_tokens, like.shape[3]))


@dataclass(slots=True)
class Step:
    """One token of every active row; a layout for `models/attention.py`."""

    slots: Slots
    "The rows."
    input_ids: torch.Tensor
    "(1, rows)"
    at: torch.Tensor
    "(1, rows): own tokens before this one."
    _masks: dict[int | None, torch.Tensor] = field(default_factory=dict)

    @property
    def position_ids(self) -> torch.Tensor:
        """(1, rows)"""
        return self.at + self.slots.prefix.n_tokens

    def attend(
        self, layer: int, qkv: Sequence[torch.Tensor], scaling: float, window: int | None, dropout: float
    ) -> torch.Tensor:
        """Keep the rows' new keys and values and return the attention output, (1, rows, heads, width)."""
        query, key, value = (tensor[0].transpose(0, 1) for tensor in qkv)
        n_rows, n_heads, size = query.shape
        n_key_heads, n_before = key.shape[1], self.slots.prefix.n_tokens
        every, at = torch.arange(n_rows, device=key.device), self.at[0]
        keys, values = self.slots.layers[layer]
        keys[every, :, at] = key
        values[every, :, at] = value
        width = max(self.slots.lengths) + 1
        query = query.reshape(n_rows, n_key_heads, n_heads // n_key_heads, size) * scaling
        scores = query @ keys[:n_rows, :, :width].transpose(-1, -2)
        if n_before:
            before_keys, before_values = self.slots.prefix.layers[layer]
            scores = torch.cat([_together(query, before_keys[0].transpose(-1, -2)), scores], dim=-1)
        scores = scores + self._mask(window, width, scores)
        weights = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(value.dtype)
        found = weights[..., n_before:] @ values[:n_rows, :, :width]
        if n_before:
            found = found + _together(weights[..., :n_before], before_values[0])
        return found.reshape(1, n_rows, n_heads, -1)

    def _mask(self, window: int | None, width: int, like: torch.Tensor) -> torch.Tensor:
        """Return what is added to scores, (rows, 1, 1, prefix + width)."""
        if window not in self._masks:
            n_before = self.slots.prefix.n_tokens
            key = torch.arange(n_before + width, device=like.device)
            now = self.position_ids[0][:, None]
            hidden = key > now
            if window is not None:
                hidden |= now - key >= window
            self._masks[window] = torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))
        return self._masks[window][:, None, None]


def _together(rows: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
    """Multiply (rows, key heads, copies, a) by (key heads, a, b) that all rows share, in one product per head."""
    n_rows, n_heads, copies, size = rows.shape
    flat = rows.transpose(0, 1).reshape(n_heads, n_rows * copies, size)
    return torch.bmm(flat, shared).view(n_heads, n_rows, copies, -1).transpose(0, 1)
