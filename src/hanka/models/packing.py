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
from dataclasses import dataclass
from typing import NamedTuple

import torch

from hanka.models.segments import How, KeysValues, Row, Segment, n_tokens, to_device

__all__ = ["NOTHING", "Pack", "Prefix", "Row", "n_tokens", "pack", "to_device"]


class Prefix(NamedTuple):
    """Keys and values of shared leading tokens."""

    layers: dict[int, tuple[torch.Tensor, torch.Tensor]]
    "By layer: (keys, values), each (1, key heads, n_tokens, width)."
    n_tokens: int
    "Tokens it stands for."


NOTHING = Prefix({}, 0)


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
    segments: list[Segment]
    "The inner prefix, if there is one, and the rows."
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
        how = How(scaling, window, dropout)
        tokens = [tensor[0].transpose(0, 1) for tensor in qkv]
        before = self.outer.layers[layer] if self.outer.n_tokens else None
        outputs = []
        for segment in self.segments:
            outputs.append(segment.attend([one[segment.start : segment.stop] for one in tokens], before, how))
            if self.n_inner and len(outputs) == 1:
                key, value = (tensor[:, :, : self.n_inner] for tensor in qkv[1:])
                before = (key, value) if before is None else _joined(before, (key, value))
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs))[None]


def _joined(first: KeysValues, second: KeysValues) -> KeysValues:
    return torch.cat([first[0], second[0]], dim=2), torch.cat([first[1], second[1]], dim=2)


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
    segments = [Segment.of(members[:1], [0], outer.n_tokens, device)] if inner else []
    first_row = len(segments)
    if len(members) > first_row:
        segments.append(Segment.of(members[first_row:], starts[first_row:], outer.n_tokens + len(inner), device))
    return Pack(
        input_ids=to_device([ids], device),
        position_ids=to_device([positions], device),
        starts=starts[1:] if inner else starts,
        n_inner=len(inner),
        outer=outer,
        segments=segments,
        captured={} if capture else None,
    )
