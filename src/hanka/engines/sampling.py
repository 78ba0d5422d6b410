"""Drawing tokens so that a row's draws depend on nothing but itself.

A token is drawn as the largest of log-probability plus Gumbel noise; the noise of a (row, step, token) is a hash of
these three numbers and the seed, computed where the logits are. So no generator has a state that rows could share, and rounding
that moves logits by 1e-6 changes about one draw in a million, where inverting a running sum over the vocabulary would
change one wherever a boundary moves.
Source: the Gumbel-max trick, Gumbel (1954), Maddison et al. (2014), arXiv 1411.0030; nucleus: Holtzman et al. (2020),
arXiv 1904.09751; the hash: SplitMix64, Steele et al. (2014), OOPSLA '14.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import torch

from hanka.engines.contract import Decoding
from hanka.identity import stream_seed

GOLDEN = -0x61C8864680B583EB  # 0x9E3779B97F4A7C15 as a signed number
AT_ONCE = 1 << 18
"Numbers that noise is made of at a time on a processor: what its caches hold; the noise of a whole batch would be read from memory a dozen times."
FIRST, SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


def row_seeds(rows: Sequence[Sequence[int]], seed: int) -> list[int]:
    """Return each row's own seed: of its token ids and its number among equal rows."""
    seen: Counter[tuple[int, ...]] = Counter()
    seeds = []
    for row in map(tuple, rows):
        seeds.append(stream_seed(seed, "draw", seen[row], *row))
        seen[row] += 1
    return seeds


def draw(logits: torch.Tensor, seeds: Sequence[int], steps: Sequence[int], decoding: Decoding) -> list[int]:
    """Draw one token for every row of logits (rows, vocabulary); steps: tokens each row has drawn before."""
    where = logits.cpu() if logits.device.type == "mps" else logits  # no float64 there
    keys, tokens = _keys(seeds, steps, where.device), _tokens(where.shape[-1], where.device)
    n_rows = max(1, AT_ONCE // where.shape[-1]) if where.device.type == "cpu" else len(where)
    chosen: list[int] = []
    for start in range(0, len(where), n_rows):
        weighed = where[start : start + n_rows].double() / decoding.temperature
        if decoding.top_p < 1:
            weighed = _nucleus(weighed, decoding.top_p)
        weighed += _noise(keys[start : start + n_rows], tokens)
        chosen += weighed.argmax(-1).tolist()
    return chosen


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Set logits outside the nucleus to minus infinity; the most probable token is always in it."""
    probabilities, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    before = probabilities.cumsum(-1) - probabilities
    return logits.masked_fill((before >= top_p).gather(-1, order.argsort(-1)), float("-inf"))


def _keys(seeds: Sequence[int], steps: Sequence[int], device: torch.device) -> torch.Tensor:
    """Return what the noise of each row follows from beside the token, (rows,)."""
    own = torch.tensor([[seed, step] for seed, step in zip(seeds, steps, strict=True)], device=device)
    return _mixed(_mixed(own[:, 0].clone()) + own[:, 1] * GOLDEN)


@lru_cache(maxsize=4)
def _tokens(size: int, device: torch.device) -> torch.Tensor:
    """Return what tells tokens apart in a hash, (vocabulary,)."""
    return (torch.arange(size, device=device) + 1) * GOLDEN


def _noise(keys: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return standard Gumbel noise, (rows, vocabulary): one key a row."""
    bits = _shifted(_mixed(keys[:, None] + tokens[None]), 11)
    uniform = bits.double()
    uniform += 0.5
    uniform *= 2.0**-53
    return uniform.log_().neg_().log_().neg_()


def _mixed(bits: torch.Tensor) -> torch.Tensor:
    """Mix 64 bits well, in place: the finaliser of SplitMix64; products wrap."""
    bits ^= _shifted(bits, 30)
    bits *= FIRST
    bits ^= _shifted(bits, 27)
    bits *= SECOND
    bits ^= _shifted(bits, 31)
    return bits


def _shifted(bits: torch.Tensor, by: int) -> torch.Tensor:
    """Shift right as if unsigned."""
    found = bits >> by
    found &= (1 << (64 - by)) - 1
    return found
