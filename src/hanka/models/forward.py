"""The forward passes that scoring shares: a prefix computed once, queries behind it, labels as a tree.

A batch is laid out as [prefix (cached, batch 1)] [left padding] [query] [label tree]. Every query token sees
the prefix and the query before it; every label token sees prefix, query and its own label. Positions
count real tokens only. Logits are computed for the last query position and the tree alone.

Exact for models whose layers all keep a plain full-attention cache; `prefix_is_exact` checks that by
structure and by comparing numbers, and the engine falls back to plain rows where it does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch


class Prefix(NamedTuple):
    """Keys and values of shared leading tokens, batch size 1."""

    layers: list[tuple[Any, Any]]
    "(keys, values) per layer, each (1, heads, n_tokens, width)."
    n_tokens: int
    "Tokens it stands for."


EMPTY = Prefix([], 0)


def compute_prefix(model: Any, ids: Sequence[int]) -> Prefix:
    """Run the model over shared leading tokens and keep their keys and values."""
    import torch
    from transformers import DynamicCache

    if not ids:
        return EMPTY
    device = next(model.parameters()).device
    cache = DynamicCache(config=model.config)
    with torch.inference_mode():
        model(
            input_ids=torch.tensor([list(ids)], device=device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return Prefix([(layer.keys, layer.values) for layer in cache.layers], len(ids))


def expand_prefix(model: Any, prefix: Prefix, batch_size: int) -> Any:
    """Return a fresh cache holding the prefix for every row; rows share memory until they grow."""
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    if prefix.n_tokens:
        data = [
            (keys.expand(batch_size, -1, -1, -1), values.expand(batch_size, -1, -1, -1))
            for keys, values in prefix.layers
        ]
        for index, (keys, values) in enumerate(data):
            cache.update(keys[:, :, :0], values[:, :, :0], index)
            cache.layers[index].keys, cache.layers[index].values = keys, values
    return cache


class Layout(NamedTuple):
    """Tensors of one padded batch behind a prefix."""

    input_ids: torch.Tensor
    "(rows, width)"
    position_ids: torch.Tensor
    "(rows, width)"
    mask: torch.Tensor
    "(rows, 1, width, prefix + width) additive: 0 where attended, the dtype's minimum elsewhere."


def lay_out(
    rows: Sequence[Sequence[int]], tree: Sequence[Sequence[int]], n_prefix: int, pad: int, like: torch.Tensor
) -> Layout:
    """Pad queries on the left, put the label tree behind them, and say who sees whom.

    rows: query ids without the prefix. tree: label tokens that are forwarded (each label without its last).
    like: gives dtype and device of the mask.
    """
    import torch

    longest = max(len(row) for row in rows)
    n_tree = sum(len(branch) for branch in tree)
    width = longest + n_tree
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    seen = torch.zeros((len(rows), width, n_prefix + width), dtype=torch.bool)
    seen[:, :, :n_prefix] = True
    causal = torch.ones((longest, longest), dtype=torch.bool).tril()
    for index, row in enumerate(rows):
        start = longest - len(row)
        ids[index, start:longest] = torch.tensor(row)
        positions[index, start:longest] = torch.arange(n_prefix, n_prefix + len(row))
        seen[index, start:longest, n_prefix + start : n_prefix + longest] = causal[: len(row), : len(row)]
        at = longest
        for branch in tree:
            stop = at + len(branch)
            ids[index, at:stop] = torch.tensor(branch)
            first = n_prefix + len(row)
            positions[index, at:stop] = torch.arange(first, first + len(branch))
            seen[index, at:stop, n_prefix + start : n_prefix + longest] = True
            seen[index, at:stop, n_prefix + at : n_prefix + stop] = causal_square(len(branch))
            at = stop
    mask = torch.zeros(seen.shape, dtype=like.dtype).masked_fill_(~seen, torch.finfo(like.dtype).min)
    return Layout(ids.to(like.device), positions.to(like.device), mask[:, None].to(like.device))


def causal_square(size: int) -> torch.Tensor:
    """Return a (size, size) lower-triangular boolean mask."""
    import torch

    return torch.ones((size, size), dtype=torch.bool).tril()


def prefix_is_exact(model: Any) -> tuple[bool, str]:
    """Tell whether a shared prefix gives the model's own numbers; if not, why.

    Structure: every cache layer is a plain growing one (no sliding window, no recurrent state).
    Numbers: log-probabilities of a short probe's query and label agree with a plain forward pass.
    """
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    if any(type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers):
        return False, "the model has layers whose cache is not plain full attention (for example sliding windows)"
    vocabulary = model.get_input_embeddings().weight.shape[0]
    probe = [(37 * step + 11) % vocabulary for step in range(24)]
    like = model.get_input_embeddings().weight
    tolerance = 1e-3 if like.dtype == torch.float32 else 0.15
    try:
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([probe], device=like.device), logits_to_keep=3).logits[0, [0, 2]]
            prefix = compute_prefix(model, probe[:10])
            layout = lay_out([probe[10:22], probe[18:20]], [probe[5:6], probe[22:24]], 10, 0, like)
            shared = model(
                input_ids=layout.input_ids,
                position_ids=layout.position_ids,
                attention_mask=layout.mask,
                past_key_values=expand_prefix(model, prefix, 2),
                use_cache=True,
                logits_to_keep=4,
            ).logits[0, [0, 3]]
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        return False, f"the model does not take a shared prefix ({' '.join(str(error).split())[:120]})"
    gap = (plain.float().log_softmax(-1) - shared.float().log_softmax(-1)).abs().max().item()
    if gap > tolerance:
        return False, f"a shared prefix moves log-probabilities by {gap:.2g}"
    return True, ""
