"""torch's own flash attention for rows side by side, as an attention function of transformers: for the padding-free peer.

transformers hands rows without padding to the package flash-attn; where that is missing, it builds a dense mask over all
rows, which no user of such a batch would accept. torch carries the same kernel: it takes where rows end.

Source: FlashAttention-2, Dao (2023), arXiv 2307.08691; `aten::_flash_attention_forward`, differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from transformers import AttentionInterface

NAME = "torch_varlen"


def row_ends(lengths: Sequence[int], device: torch.device) -> dict[str, Any]:
    """Return what tells rows apart, in transformers' names: where each begins and ends, and the longest."""
    ends = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32).to(device)
    longest = max(lengths)
    return {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest}


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, ends: torch.Tensor, longest: int, scale: float
) -> torch.Tensor:
    """Attend causally within every row; (tokens, heads, width) each, in half precision."""
    found: torch.Tensor = torch.ops.aten._flash_attention_forward(
        query, key, value, ends, ends, longest, longest, 0.0, True, False, scale=scale
    )[0]
    return found


def _attention(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    scaling: float | None = None,
    **given: Any,
) -> tuple[torch.Tensor, None]:
    kind = query.device.type
    # Rotated queries and keys stay wider than values under autocast, which does not know this kernel.
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else value.dtype
    tokens = [one[0].transpose(0, 1).to(dtype) for one in (query, key, value)]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    query, key, value = tokens
    return attend(query, key, value, given["cu_seq_lens_q"], given["max_length_q"], scale)[None], None


AttentionInterface.register(NAME, _attention)


@cache
def works(kind: str) -> bool:
    """Tell whether the kernel gives causal attention and its gradient here, with keys that several heads share."""
    if kind != "cuda":
        return False
    lengths, device = (5, 9), torch.device(kind)
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn((sum(lengths), heads, 64), generator=generator) for heads in (4, 2, 2)]
    leaves = [one.to(device, torch.bfloat16).requires_grad_() for one in made]
    ends = row_ends(lengths, device)
    try:
        found = attend(*leaves, ends["cu_seq_lens_q"], ends["max_length_q"], 0.125)
        gradients = torch.autograd.grad(found.float().square().sum(), leaves)
    except (RuntimeError, TypeError):
        return False
    exact = [one.double().requires_grad_() for one in made]
    rows = []
    for query, key, value in zip(*(one.split(lengths) for one in exact), strict=True):
        heads = [
            one.transpose(0, 1)[None] for one in (query, key.repeat_interleave(2, 1), value.repeat_interleave(2, 1))
        ]
        row = torch.nn.functional.scaled_dot_product_attention(*heads, is_causal=True, scale=0.125)
        rows.append(row[0].transpose(0, 1))
    expected = torch.cat(rows)
    slopes = torch.autograd.grad(expected.square().sum(), exact)
    pairs = zip((found, *gradients), (expected, *slopes), strict=True)
    return all((one.detach().double().cpu() - other).norm() <= 0.02 * other.norm() for one, other in pairs)
