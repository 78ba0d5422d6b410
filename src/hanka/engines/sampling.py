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

import torch

from hanka.engines.contract import Decoding
from hanka.identity import stream_seed

GOLDEN = -0x61C8864680B583EB  # 0x9E3779B97F4A7C15 as a signed number
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
    weighed = where.double() / decoding.temperature
    if decoding.top_p < 1:
        weighed = _nucleus(weighed, decoding.top_p)
    chosen: list[int] = (weighed + _noise(seeds, steps, weighed)).argmax(-1).tolist()
    return chosen


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Set logits outside the nucleus to minus infinity; the most probable token is always in it."""
    probabilities, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    before = probabilities.cumsum(-1) - probabilities
    return logits.masked_fill((before >= top_p).gather(-1, order.argsort(-1)), float("-inf"))


def _noise(seeds: Sequence[int], steps: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    """Return standard Gumbel noise, (rows, vocabulary)."""
    own = torch.tensor([[seed, step] for seed, step in zip(seeds, steps, strict=True)], device=like.device)
    tokens = torch.arange(like.shape[-1], device=like.device)
    key = _mixed(_mixed(own[:, 0]) + own[:, 1] * GOLDEN)
    bits = _shifted(_mixed(key[:, None] + (tokens + 1)[None] * GOLDEN), 11)
    uniform = (bits.double() + 0.5) * 2.0**-53
    return -(-uniform.log()).log()


def _mixed(bits: torch.Tensor) -> torch.Tensor:
    """Mix 64 bits well: the finaliser of SplitMix64; products wrap."""
    bits = (bits ^ _shifted(bits, 30)) * FIRST
    bits = (bits ^ _shifted(bits, 27)) * SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: torch.Tensor, by: int) -> torch.Tensor:
    """Shift right as if unsigned."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
