"""Attention among packed rows, whatever kernel computes it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hanka.models import segments
from hanka.models.packing import Prefix, Row, pack


def test_an_output_that_lies_token_by_token_is_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fused kernels on GPUs return heads inside tokens: the same numbers with other strides."""
    generator = torch.Generator().manual_seed(0)
    rows = [Row([1, 2, 3], ([4], [5, 6])), Row([1, 2])]
    before = tuple(torch.randn((1, 2, 5, 8), generator=generator).bfloat16() for _ in range(2))
    passed = pack(rows, Prefix({0: before}, 5))
    n_tokens = passed.input_ids.shape[1]
    qkv = [torch.randn((1, heads, n_tokens, 8), generator=generator).bfloat16() for heads in (4, 2, 2)]
    expected = passed.attend(0, qkv, 0.5, None, 0.0)
    right = segments.scaled_dot_product_attention

    def by_token(*given: Any, **more: Any) -> torch.Tensor:
        return right(*given, **more).transpose(1, 2).contiguous().transpose(1, 2)

    monkeypatch.setattr(segments, "scaled_dot_product_attention", by_token)
    assert torch.equal(passed.attend(0, qkv, 0.5, None, 0.0), expected)
