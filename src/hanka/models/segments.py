"""Attention among the rows of a packed pass: rows of like length together, behind what they share.

Two ways to the same numbers. Masked: keys and values of the prefix are put before each row's own, one fused attention
per group of rows. Merged, where the device's kernel gives its log-sum-exp: all tokens attend to the prefix at once,
each row to itself, and the two are joined by their log-sum-exps, so that the prefix is never repeated; the
gradient needs only the joined output and log-sum-exp. Sliding windows and dropout go the masked way.

Source: online softmax, Milakov and Gimelshein (2018), arXiv 1805.02867; for shared prefixes, Juravsky et al. (2024),
Hydragen, arXiv 2402.05099; the gradient as in Dao et al. (2022), FlashAttention, arXiv 2205.14135.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

BUCKET = 0.75
"A row joins a group for attention if it has at least this share of the group's longest row."

KeysValues = tuple[torch.Tensor, torch.Tensor]
"Each (1, key heads, tokens, width)."


class Row(NamedTuple):
    """One row of a packed pass."""

    ids: Sequence[int]
    "Its own tokens, without what it shares."
    branches: tuple[Sequence[int], ...] = ()
    "Continuations; each sees the row and itself. Empty ones take no place."


def n_tokens(row: Row) -> int:
    """Count a row's own tokens, branches included."""
    return len(row.ids) + sum(map(len, row.branches))


class How(NamedTuple):
    """How a layer attends."""

    scaling: float
    "Factor of scores."
    window: int | None
    "Tokens a query sees back, itself included; None: all."
    dropout: float
    "Of attention weights."


def to_device(values: list[int] | list[list[int]], device: torch.device | str) -> torch.Tensor:
    """Return whole numbers as a tensor on a device; pinned on the way to an accelerator."""
    tensor = torch.tensor(values, dtype=torch.long)
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@dataclass(slots=True)
class Segment:
    """Rows of a pass that follow each other and see the same prefix."""

    start: int
    "First token in the pass."
    stop: int
    "Behind the last one."
    n_before: int
    "Tokens of the prefix."
    groups: list[_Group]
    "Rows of like length, which attend together."
    order: torch.Tensor | None
    "(tokens,): where each token lies in the groups' outputs, one after the other; None: in its own place."

    @classmethod
    def of(cls, rows: Sequence[Row], starts: Sequence[int], n_before: int, device: torch.device | str) -> Segment:
        """Group rows; starts: where each begins in the pass."""
        first, stop = starts[0], starts[-1] + n_tokens(rows[-1])
        groups, order, base = [], [0] * (stop - first), 0
        for cut in _buckets(rows):
            group = _Group([rows[at] for at in cut], [starts[at] - first for at in cut], n_before, device)
            for slot, at in enumerate(cut):
                for offset in range(n_tokens(rows[at])):
                    order[starts[at] - first + offset] = base + slot * group.width + offset
            base += len(cut) * group.width
            groups.append(group)
        dense = order == list(range(base))
        return cls(first, stop, n_before, groups, None if dense else to_device(order, device))

    def attend(self, qkv: Sequence[torch.Tensor], before: KeysValues | None, how: How) -> torch.Tensor:
        """Return the attention output, (tokens, heads, width); qkv: (tokens, heads, width) each."""
        given = qkv[2].dtype
        qkv, before = _one_dtype(qkv, before)
        if qkv[0].dtype != given:
            return self._attend(qkv, before, how).to(given)
        return self._attend(qkv, before, how)

    def _attend(self, qkv: Sequence[torch.Tensor], before: KeysValues | None, how: How) -> torch.Tensor:
        if before is not None and self._merges(qkv, how):
            found: torch.Tensor = _Merged.apply(*qkv, *before, self, how.scaling)  # type: ignore[no-untyped-call]
            return found
        return self.in_place([group.attend(qkv, before, how) for group in self.groups])

    def in_place(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Put what the groups gave, (rows × width, ...) each, in the order of the tokens."""
        found = outputs[0] if len(outputs) == 1 else torch.cat(list(outputs))
        return found if self.order is None else found.index_select(0, self.order)

    def _merges(self, qkv: Sequence[torch.Tensor], how: How) -> bool:
        seen_back = self.n_before + max(group.width for group in self.groups)
        dtypes = {one.dtype for one in qkv}  # under autocast, rotated queries and keys stay wider than values
        return (
            qkv[0].device.type == "cpu"
            and dtypes in ({torch.float32}, {torch.float64})
            and how.dropout == 0.0
            and (how.window is None or how.window >= seen_back)
        )


def _one_dtype(
    qkv: Sequence[torch.Tensor], before: KeysValues | None
) -> tuple[Sequence[torch.Tensor], KeysValues | None]:
    """Bring all that meets in attention to the dtype of the values; on a processor, half precision to float32.

    Under autocast values come from a linear layer in half precision, while rotary embeddings leave queries and keys in
    float32; fused attention would cast them by itself, its parts by name do not. A processor's fused attention is no
    faster in half precision, and rounds what softmax weighs.
    """
    dtype = qkv[2].dtype
    if qkv[2].device.type == "cpu" and dtype in (torch.bfloat16, torch.float16):
        dtype = torch.float32
    if any(one.dtype != dtype for one in qkv):
        qkv = [one.to(dtype) for one in qkv]
    if before is not None and any(one.dtype != dtype for one in before):
        before = (before[0].to(dtype), before[1].to(dtype))
    return qkv, before


def _buckets(rows: Sequence[Row]) -> list[list[int]]:
    """Group row indices by length, longest first."""
    cuts: list[list[int]] = []
    for at in sorted(range(len(rows)), key=lambda index: (-n_tokens(rows[index]), index)):
        if cuts and n_tokens(rows[at]) >= BUCKET * n_tokens(rows[cuts[-1][0]]):
            cuts[-1].append(at)
        else:
            cuts.append([at])
    return cuts


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
    _masks: dict[object, torch.Tensor] = field(init=False, default_factory=dict)
    _own_masks: dict[torch.dtype, torch.Tensor] = field(init=False, default_factory=dict)

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

    def attend(self, qkv: Sequence[torch.Tensor], before: KeysValues | None, how: How) -> torch.Tensor:
        """Return (rows × width, heads, width of a head); outputs at padding mean nothing."""
        query, key, value = (self.cut(tensor) for tensor in qkv)
        n_rows, n_heads, width, size = query.shape
        n_key_heads = key.shape[1]
        if before is not None:
            key = torch.cat([before[0].expand(n_rows, -1, -1, -1), key], dim=2)
            value = torch.cat([before[1].expand(n_rows, -1, -1, -1), value], dim=2)
        copies = n_heads // n_key_heads
        mask = self._mask(how.window, copies, query)
        if mask is None:
            found = scaled_dot_product_attention(
                query, key, value, dropout_p=how.dropout, is_causal=True, scale=how.scaling, enable_gqa=copies > 1
            )
        else:  # heads that share keys become further queries, so that keys are never repeated
            folded = query.reshape(n_rows, n_key_heads, copies * width, size)
            found = scaled_dot_product_attention(
                folded, key, value, attn_mask=mask, dropout_p=how.dropout, scale=how.scaling
            ).reshape(n_rows, n_heads, width, -1)  # kernels on GPUs give their heads other strides
        return found.transpose(1, 2).flatten(0, 1)

    def cut(self, tensor: torch.Tensor) -> torch.Tensor:
        """Cut (tokens, heads, size) into (rows, heads, width, size); padding repeats a row's last token."""
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
        if not (self.n_before or window or self._branching):
            return None
        key = (window, copies, like.dtype)
        if key not in self._masks:
            seen = (self._visible(window) if self._branching or window else self._causal()).repeat(1, copies, 1)
            # Fused attention wants the rows of a mask to begin at round addresses.
            mask = torch.zeros((*seen.shape[:2], -(-seen_back // 16) * 16), dtype=like.dtype, device=like.device)
            mask = mask[..., :seen_back].masked_fill_(seen.logical_not_().to(like.device), float("-inf"))
            self._masks[key] = mask[:, None]
        return self._masks[key]

    def own_mask(self, like: torch.Tensor) -> torch.Tensor | None:
        """Return what is added to scores among a row's own tokens, (rows, 1, width, width); None: plain causal."""
        if not self._branching:
            return None
        if like.dtype not in self._own_masks:
            seen = self._visible(None)[:, :, self.n_before :]
            mask = torch.zeros(seen.shape, dtype=like.dtype).masked_fill_(~seen, float("-inf"))
            self._own_masks[like.dtype] = mask[:, None].to(like.device)
        return self._own_masks[like.dtype]

    def padding(self, like: torch.Tensor) -> torch.Tensor | None:
        """Return 1 for real tokens and 0 for padding, (rows, 1, width, 1); None where there is no padding."""
        if self._index is None:
            return None
        lengths = torch.tensor([n_tokens(row) for row in self.rows], device=like.device)
        real = torch.arange(self.width, device=like.device) < lengths[:, None]
        return real[:, None, :, None].to(like.dtype)

    @property
    def _branching(self) -> bool:
        return any(any(row.branches) for row in self.rows)

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


_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class _Merged(torch.autograd.Function):
    """Attention to a prefix and to the rows themselves, joined by log-sum-exp."""

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        before_key: torch.Tensor,
        before_value: torch.Tensor,
        segment: Segment,
        scaling: float,
    ) -> torch.Tensor:
        """Return the attention output, (tokens, heads, width)."""
        heads = key.shape[1]
        far, far_norm = _flash(_fold(query, heads), before_key, before_value, 0.0, False, scale=scaling)
        far, far_norm = _unfold(far, len(query)), _unfold(far_norm[..., None], len(query))
        outputs, norms = [], []
        for group in segment.groups:
            parts = _spread(group, query, key, value)
            mask = group.own_mask(query)
            near, norm = _flash(*parts, 0.0, mask is None, attn_mask=mask, scale=scaling)
            outputs.append(near.transpose(1, 2).flatten(0, 1))
            norms.append(norm[..., None].transpose(1, 2).flatten(0, 1))
        near, near_norm = segment.in_place(outputs), segment.in_place(norms)
        norm = torch.logaddexp(far_norm, near_norm)
        found = far * (far_norm - norm).exp_() + near * (near_norm - norm).exp_()
        ctx.save_for_backward(query, key, value, before_key, before_value, found, norm)
        ctx.segment, ctx.scaling = segment, scaling
        return found

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of what `forward` took."""
        query, key, value, before_key, before_value, found, norm = ctx.saved_tensors
        (slope,), heads = upstream, key.shape[1]
        folded = [_fold(one, heads) for one in (slope, query)]
        ends = (_fold(found, heads), _fold(norm, heads)[..., 0])
        d_query, d_before_key, d_before_value = _flash_backward(
            *folded, before_key, before_value, *ends, 0.0, False, scale=ctx.scaling
        )
        d_query = _unfold(d_query, len(query))
        parts: list[list[torch.Tensor]] = [[], [], []]
        for group in ctx.segment.groups:
            real = group.padding(slope)
            above = group.cut(slope) if real is None else group.cut(slope) * real
            mask = group.own_mask(query)
            spread = _spread(group, query, key, value)
            ends = (group.cut(found), group.cut(norm)[..., 0])
            made = _flash_backward(above, *spread, *ends, 0.0, mask is None, attn_mask=mask, scale=ctx.scaling)
            for part, one, n_heads in zip(parts, made, (query.shape[1], heads, heads), strict=True):
                gathered = one.unflatten(1, (n_heads, -1)).sum(2)
                part.append(gathered.transpose(1, 2).flatten(0, 1))
        own_query, d_key, d_value = (ctx.segment.in_place(part) for part in parts)
        return d_query + own_query, d_key, d_value, d_before_key, d_before_value, None, None


def _spread(group: _Group, query: torch.Tensor, *others: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Cut queries, keys and values into rows; keys and values once per query head."""
    copies = query.shape[1] // others[0].shape[1]
    return (group.cut(query), *(group.cut(one).repeat_interleave(copies, dim=1) for one in others))


def _fold(tensor: torch.Tensor, n_key_heads: int) -> torch.Tensor:
    """Make (tokens, heads, size) into (1, key heads, copies × tokens, size)."""
    n_tokens, _, size = tensor.shape
    return tensor.reshape(n_tokens, n_key_heads, -1, size).permute(1, 2, 0, 3).reshape(1, n_key_heads, -1, size)


def _unfold(tensor: torch.Tensor, n_tokens: int) -> torch.Tensor:
    """Undo `_fold`."""
    _, n_key_heads, _, size = tensor.shape
    return tensor.reshape(n_key_heads, -1, n_tokens, size).permute(2, 0, 1, 3).reshape(n_tokens, -1, size)
