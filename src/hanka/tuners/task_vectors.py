"""Arithmetic of task vectors: what several variants changed on one base, made into one change. Tensors in, tensors out.

With t_i = w_i - w_0, the change of variant i, a_i its weight and s the scale, the merged weights are w_0 + m, where m is

    mean             sum a_i t_i / sum a_i
    task_arithmetic  s sum a_i t_i
    ties             s sum' a_i k_i / sum' a_i,  k_i: t_i without all but its largest entries (others 0);
                     sum' goes over the k_i that are not 0 and have the elected sign, that of sum a_i k_i
    dare             s sum a_i d_i,  d_i: each entry of t_i kept with probability p and divided by p, else 0
    dare_ties        as ties, with d_i in the place of k_i

Sources: Ilharco et al. (2023), arXiv 2212.04089, section 2; Yadav et al. (2023), arXiv 2306.01708, section 4 and algorithm 1;
Yu et al. (2024), arXiv 2311.03099, section 3.2. Weights within TIES are an extension, 1 as published. That random dropping takes the
place of trimming in dare_ties is Yu et al.'s combination as merging tools compute it; with both there would be two densities.
DARE divides by p, as published; tools that restore a tensor's L1 norm instead agree with it on large tensors only.
Limits: entries that tie with the smallest one kept are kept, too; a sum of exactly 0 elects no sign, and the entry stays the base's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

HALF = 16
"Bits of a float32 that one pass of counting tells apart."


@dataclass(frozen=True, slots=True)
class Rule:
    """How changes become one, once entries were kept or dropped."""

    how: str
    "As `merge` names it."
    weights: tuple[float, ...]
    "One for each change."
    scale: float = 1.0
    "Factor of the merged change."
    by_count: bool = False
    "Whether signs are elected by number, not by sum."

    @property
    def elects(self) -> bool:
        """Whether only changes of one sign enter."""
        return self.how in ("ties", "dare_ties")


@dataclass(slots=True)
class Tally:
    """What became of the changes, for the record."""

    n_vectors: int
    "Changes that are merged."
    n_weights: int
    "Weights of the model."
    _kept: list[int] = field(default_factory=list)
    _at_odds: int = 0
    _several: int = 0

    def count(self, vectors: Sequence[torch.Tensor]) -> None:
        """Count one tensor's entries."""
        self._kept = self._kept or [0] * self.n_vectors
        for at, vector in enumerate(vectors):
            self._kept[at] += int(vector.count_nonzero())
        n_up, n_down = (sum((vector * sign > 0).int() for vector in vectors) for sign in (1, -1))
        self._several += int(((n_up + n_down) > 1).sum())  # type: ignore[union-attr]
        self._at_odds += int(((n_up > 0) & (n_down > 0)).sum())  # type: ignore[union-attr]

    @property
    def kept(self) -> list[float]:
        """Share of the model's weights in which each change is not 0 after trimming or dropping."""
        return [count / self.n_weights for count in self._kept or [0] * self.n_vectors]

    @property
    def conflicts(self) -> float:
        """Share of opposite signs among weights that several kept changes reach."""
        return self._at_odds / self._several if self._several else 0.0


def smallest_kept(sizes: Callable[[], Iterator[torch.Tensor]], n_kept: int) -> float:
    """Return the size of the n-th largest entry of tensors that are read twice, one after the other; 0 where there are fewer.

    sizes: absolute values, float32. Exact, without holding them together: sizes of floats are ordered as their bits are, which
    are counted half by half (radix selection).
    """
    high = sum((_counts(one.view(-1), HALF) for one in sizes()), np.zeros(1 << HALF, dtype=np.int64))
    place, above = _bin_of(high, n_kept)
    if place is None:
        return 0.0
    low = np.zeros(1 << HALF, dtype=np.int64)
    for one in sizes():
        flat = one.view(-1)
        low += _counts(flat[(_bits(flat) >> HALF) == place], 0)
    last, _ = _bin_of(low, n_kept - above)
    assert last is not None
    return float(np.array([place << HALF | last], dtype=np.uint32).view(np.float32)[0])


def _bits(flat: torch.Tensor) -> torch.Tensor:
    import torch

    return flat.view(torch.int32)


def _counts(flat: torch.Tensor, shift: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    import torch

    halves = (_bits(flat) >> shift) & ((1 << HALF) - 1)
    return torch.bincount(halves, minlength=1 << HALF).numpy()


def _bin_of(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]], n_kept: int) -> tuple[int | None, int]:
    """Return the bin that holds the n-th largest, and how many lie above it; None where there are fewer."""
    above = np.concatenate([np.cumsum(counts[::-1])[::-1][1:], [0]])
    places = np.flatnonzero((above < n_kept) & (above + counts >= n_kept))
    return (int(places[-1]), int(above[places[-1]])) if len(places) else (None, 0)


def trimmed(change: torch.Tensor, least: float) -> torch.Tensor:
    """Return a change without the entries that are smaller than `least`."""
    return change.where(change.abs() >= least, 0.0)


def dropped(change: torch.Tensor, density: float, rng: np.random.Generator) -> torch.Tensor:
    """Keep each entry with probability `density` and divide it by that; the expectation stays."""
    import torch

    if density == 1:
        return change
    keeps = torch.from_numpy(rng.random(change.numel(), dtype=np.float32) < density).view(change.shape)
    return (change / density).where(keeps, 0.0)


def merged(changes: Sequence[torch.Tensor], rule: Rule) -> torch.Tensor:
    """Return the merged change of one weight; changes: what is kept of each, of one shape."""
    import torch

    weighed = [weight * change for weight, change in zip(rule.weights, changes, strict=True)]
    if not rule.elects:
        total = torch.stack(weighed).sum(0)
        return total / sum(rule.weights) if rule.how == "mean" else rule.scale * total
    votes = [one.sign() for one in weighed] if rule.by_count else weighed
    elected = torch.stack(votes).sum(0).sign()
    total, divisor = torch.zeros_like(elected), torch.zeros_like(elected)
    for weight, one in zip(rule.weights, weighed, strict=True):
        agrees = (one.sign() == elected) & (one != 0)
        total += one.where(agrees, 0.0)
        divisor += weight * agrees
    return rule.scale * total / divisor.where(divisor > 0, 1.0)
