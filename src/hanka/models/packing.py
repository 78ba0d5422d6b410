"""Packed forward passes: the tokens of many rows side by side in one row, without padding, shared text once.

Training and scoring lay their rows out here. Linear layers see one sequence of all tokens; attention is the one
place where rows are told apart, and it comes here through an attention function registered with transformers
(`attention.py`). A row sees, in this order: an outer prefix (keys and values kept from earlier passes), the
inner prefix (the first tokens of the same pass), and itself. A row may end in branches, a tree one level deep: each
branch sees the row and itself. Positions count as if every row stood alone.

Source: packing without cross-contamination, Krell et al. (2021), arXiv 2107.02027; tree attention, Cai et al. (2024),
arXiv 2401.10774; both here with gradients through what is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

BUCKET = 0.75
"A row joins a group for attention if it has at least this share of the group's longest row."


class Prefix(NamedTuple):
    """Keys and values of shared leading tokens."""

    layers: dict[int, tuple[torch.Tensor, torch.Tensor]]
    "By layer: (keys, values), each (1, key heads, n_tokens, width)."
    n_tokens: int
    "Tokens it stands for."


NOTHING = Prefix({}, 0)


class Row(NamedTuple):
    """One row of a packed pass."""

    ids: Sequence[int]
    "Its own tokens, without what it shares."
    branches: tuple[Sequence[int], ...] = ()
    "Continuations; each sees the row and itself. Empty ones take no place."


def n_tokens(row: Row) -> int:
    """Count a row's own tokens, branches included."""
    return len(row.ids) + sum(map(len, row.branches))


@dataclass(slots=True)
class Pack:
    """One packed pass; `attend` is what the attention of every layer does."""

    input_ids: torch.Tensor
    "(1, tokens)"
    position_ids: torch.Tensor
    "(1, tokens)"
    starts: list[int]
    "Where each row begins, in the order the rows were given."
    n_inner: int
    "Leading tokens of the pass that every row sees."
    outer: Prefix
    "What was computed before and every row sees."
    groups: list[_Group]
    "Rows of like length, which attend together."
    order: torch.Tensor | None
    "(tokens,): where each token lies in the groups' outputs, one after the other; None: in its own place."
    captured: dict[int, tuple[torch.Tensor, torch.Tensor]] | None = None
    "Filled with keys and values of the pass by layer, each (1, key heads, tokens, width); None: not kept."

    def attend(
        self, layer: int, qkv: Sequence[torch.Tensor], scaling: float, window: int | None, dropout: float
    ) -> torch.Tensor:
        """Return the attention output of a layer, (1, tokens, heads, width).

        qkv: queries (1, heads, tokens, width), keys and values (1, key heads, tokens, width), rotated. window: tokens a
        query sees back, itself included; None: all.
        """
        if self.captured is not None and layer not in self.captured:
            # A recomputed pass (gradient checkpointing) must not replace what the first one gave away.
            self.captured[layer] = (qkv[1], qkv[2])
        query, key, value = (tensor[0].transpose(0, 1) for tensor in qkv)
        before = [self.outer.layers[layer]] if self.outer.n_tokens else []
        outputs = []
        for group in self.groups:
            outputs.append(group.attend((query, key, value), before, scaling, window, dropout))
            if self.n_inner and len(outputs) == 1:
                before = [*before, (qkv[1][:, :, : self.n_inner], qkv[2][:, :, : self.n_inner])]
        found = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        return (found if self.order is None else found.index_select(0, self.order))[None]


def pack(
    rows: Sequence[Row],
    outer: Prefix = NOTHING,
    inner: Sequence[int] = (),
    device: torch.device | str = "cpu",
    capture: bool = False,
) -> Pack:
    """Lay rows out side by side behind what they share.

    outer: computed before. inner: further tokens all rows share, computed in this pass. capture: keep the keys and values.
    """
    members = [Row(inner), *rows] if inner else list(rows)
    ids: list[int] = []
    positions: list[int] = []
    starts = []
    for index, row in enumerate(members):
        starts.append(len(ids))
        first = outer.n_tokens + (len(inner) if index or not inner else 0)
        ids += row.ids
        positions += range(first, first + len(row.ids))
        for branch in row.branches:
            ids += branch
            positions += range(first + len(row.ids), first + len(row.ids) + len(branch))
    groups, order, base = [], [0] * len(ids), 0
    for cut in _buckets(members, bool(inner)):
        n_before = outer.n_tokens + (len(inner) if inner and cut[0] else 0)
        group = _Group([members[at] for at in cut], [starts[at] for at in cut], n_before, device)
        for slot, at in enumerate(cut):
            for offset in range(n_tokens(members[at])):
                order[starts[at] + offset] = base + slot * group.width + offset
        base += len(cut) * group.width
        groups.append(group)
    return Pack(
        input_ids=to_device([ids], device),
        position_ids=to_device([positions], device),
        starts=starts[1:] if inner else starts,
        n_inner=len(inner),
        outer=outer,
        groups=groups,
        order=None if order == list(range(base)) else to_device(order, device),
        captured={} if capture else None,
    )


def to_device(values: list[int] | list[list[int]], device: torch.device | str) -> torch.Tensor:
    """Return whole numbers as a tensor on a device; pinned on the way to an accelerator."""
    tensor = torch.tensor(values, dtype=torch.long)
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _buckets(rows: Sequence[Row], has_inner: bool) -> list[list[int]]:
    """Group row indices by length, longest first; the inner prefix, row 0, stays alone and first."""
    first = [[0]] if has_inner else []
    cuts: list[list[int]] = []
    for at in sorted(range(len(first), len(rows)), key=lambda index: (-n_tokens(rows[index]), index)):
        if cuts and n_tokens(rows[at]) >= BUCKET * n_tokens(rows[cuts[-1][0]]):
            cuts[-1].append(at)
        else:
            cuts.append([at])
    return first + cuts


@dataclass(slots=True)
class _Group:
    """Rows of like length, padded on the right for attention alone."""

    rows: list[Row]
    starts: list[int]
    n_before: int
    "Tokens of outer and inner prefix before the rows."
    device: torch.device | str
    width: int = field(init=False)
    "Own tokens of the longest row."
    _index: torch.Tensor | None = field(init=False)
    "(rows × width,): places in the pass; None where the rows follow each other without a gap."
    _masks: dict[object, torch.Tensor | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.width = max(map(n_tokens, self.rows))
        dense = all(start == self.starts[0] + slot * self.width for slot, start in enumerate(self.starts))
        if dense and all(n_tokens(row) == self.width for row in self.rows):
            self._index = None
        else:
            places = []
            for row, start in zip(self.rows, self.starts, strict=True):
                places += [start + min(offset, n_tokens(row) - 1) for offset in range(self.width)]
            self._index = to_device(places, self.device)

    def attend(
        self,
        qkv: Sequence[torch.Tensor],
        before: Sequence[tuple[torch.Tensor, torch.Tensor]],
        scaling: float,
        window: int | None,
        dropout: float,
    ) -> torch.Tensor:
        """Return (rows × width, heads, width of a head); outputs at padding mean nothing."""
        query, key, value = (self._rows(tensor) for tensor in qkv)
        n_rows, n_heads, width, size = query.shape
        n_key_heads = key.shape[1]
        if before:
            key = torch.cat([*(keys.expand(n_rows, -1, -1, -1) for keys, _ in before), key], dim=2)
            value = torch.cat([*(values.expand(n_rows, -1, -1, -1) for _, values in before), value], dim=2)
        copies = n_heads // n_key_heads
        mask = self._mask(window, copies, query)
        if mask is None:
            found = scaled_dot_product_attention(
                query, key, value, dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=copies > 1
            )
        else:  # heads that share keys become further queries, so that keys are never repeated
            folded = query.reshape(n_rows, n_key_heads, copies * width, size)
            found = scaled_dot_product_attention(
                folded, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
            ).view(n_rows, n_heads, width, -1)
        return found.transpose(1, 2).flatten(0, 1)

    def _rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """Cut (tokens, heads, size) into (rows, heads, width, size)."""
        if self._index is None:
            start = self.starts[0]
            tensor = tensor[start : start + len(self.rows) * self.width]
        else:
            tensor = tensor.index_select(0, self._index)
        return tensor.view(len(self.rows), self.width, *tensor.shape[1:]).transpose(1, 2)

    def _mask(self, window: int | None, copies: int, like: torch.Tensor) -> torch.Tensor | None:
        """Return what is added to scores, (rows or 1, 1, copies × width, before + width); None: plain causal."""
        seen_back = self.n_before + self.width
        window = window if window is not None and window < seen_back else None
        branching = any(any(row.branches) for row in self.rows)
        if not (self.n_before or window or branching):
            return None
        key = (window, copies, like.dtype)
        if key not in self._masks:
            seen = (self._visible(window) if branching or window else self._causal()).repeat(1, copies, 1)
            # Fused attention wants the rows of a mask to begin at round addresses.
            mask = torch.zeros((*seen.shape[:2], -(-seen_back // 16) * 16), dtype=like.dtype, device=like.device)
            mask = mask[..., :seen_back].masked_fill_(seen.logical_not_().to(like.device), float("-inf"))
            self._masks[key] = mask[:, None]
        return self._masks[key]

    def _causal(self) -> torch.Tensor:
        own = torch.ones((1, self.width, self.width), dtype=torch.bool).tril()
        return torch.cat([own.new_ones((1, self.width, self.n_before)), own], dim=2)

    def _visible(self, window: int | None) -> torch.Tensor:
        """Return who sees whom, (rows, width, before + width)."""
        branch = torch.zeros((len(self.rows), self.width), dtype=torch.long)
        position = self.n_before + torch.arange(self.width).repeat(len(self.rows), 1)
        for slot, row in enumerate(self.rows):
            at = len(row.ids)
            for number, ids in enumerate(row.branches, start=1):
                branch[slot, at : at + len(ids)] = number
                first = self.n_before + len(row.ids)
                position[slot, at : at + len(ids)] = torch.arange(first, first + len(ids))
                at += len(ids)
        own = torch.ones((self.width, self.width), dtype=torch.bool).tril()
        own = own & ((branch[:, None] == 0) | (branch[:, None] == branch[:, :, None]))
        seen = torch.cat([own.new_ones((len(self.rows), self.width, self.n_before)), own], dim=2)
        if window is None:
            return seen
        keys = torch.cat([torch.arange(self.n_before).repeat(len(self.rows), 1), position], dim=1)
        return seen & (position[:, :, None] - keys[:, None] < window)
