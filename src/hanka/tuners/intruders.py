"""Arithmetic of intruder dimensions: leading directions of a tuned matrix that resemble no direction of the matrix it was made from.

With W_0 = U_0 S_0 V_0' and W = W_0 + change = U S V' (thin, float32), u_j is an intruder where j < k and

    max_i |<u_i of U_0, u_j of U>| < epsilon.

It is scaled by W - (1 - scale) s_j u_j v_j': scale 1 leaves it, 0 removes it. The null is a dense random change of equal Frobenius
norm: where singular values are close, directions turn freely, and a tall matrix has directions that its base does not span; both
count as intruders without any training, and the null shows how many.

Source: Shuttleworth et al. (2024), arXiv 2410.21228, algorithm 1 and section 5. Of W only the first k triples are computed: by
Lanczos, to the precision of float32, where that is less work than all of them (`leading`). Matrices are as they are stored, as PEFT
takes them: of layers that store them transposed (GPT-2's), left is the side of the input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.models.names import layer_of

if TYPE_CHECKING:
    import torch

SMALL = 128
"Matrices whose smaller side is no longer are decomposed whole."
SHARE = 8
"So are those of which more than one triple in so many is asked for."


KEPT_BYTES = 1 << 29
"Singular vectors of bases that are kept from one variant to the next: 512 MiB."


class Leading(NamedTuple):
    """The first triples of a matrix (m, n), the largest singular value first."""

    left: torch.Tensor
    "(m, k)."
    values: torch.Tensor
    "(k,)."
    right: torch.Tensor
    "(k, n)."


def matrices(name: str, weight: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the matrices that a parameter holds: itself inside a layer, every slice of a stack of them (experts); views, not copies.

    Embeddings, heads, vectors and kernels of one channel hold none.
    """
    if layer_of(name) is None or weight.dim() not in (2, 3) or min(weight.shape[-2:]) < 2:
        return
    if weight.dim() == 2:
        yield name, weight
    else:
        yield from ((f"{name}[{at}]", weight[at]) for at in range(len(weight)))


def basis(weight: torch.Tensor, name: str) -> torch.Tensor:
    """Return all left singular vectors of a matrix (m, n): (m, min(m, n)) float32. Raises UnitError for one that is not finite."""
    import torch

    left: torch.Tensor = torch.linalg.svd(_whole(weight, name), full_matrices=False)[0]
    return left


@dataclass(slots=True)
class Kept:
    """Left singular vectors of matrices that come again with the next variant; the oldest leave first."""

    most_bytes: int
    "Together."
    n_made: int = 0
    "Decompositions so far."
    _held: dict[str, torch.Tensor] = field(default_factory=dict)

    def basis(self, weight: torch.Tensor, name: str) -> torch.Tensor:
        """Return all left singular vectors of a matrix, made anew where its very weights were not seen or are gone."""
        whole = weight.detach().to("cpu").contiguous()
        key = hashlib.sha256(whole.numpy().data).hexdigest() + str(tuple(whole.shape))
        if key not in self._held:
            self.n_made += 1
            found = basis(whole, name)
            if found.nbytes > self.most_bytes:
                return found
            while sum(one.nbytes for one in self._held.values()) + found.nbytes > self.most_bytes:
                self._held.pop(next(iter(self._held)))
            self._held[key] = found
        return self._held[key]


KEPT = Kept(KEPT_BYTES)
"Of this process: what a probe decomposed, an edit need not, and the other way round."


def leading(weight: torch.Tensor, k: int, name: str) -> Leading:
    """Return the first k triples of a matrix (m, n), or all where it has fewer. Raises UnitError for one that is not finite."""
    import torch

    whole = _whole(weight, name)
    short = min(whole.shape)
    if short > SMALL and k * SHARE <= short:
        found = _by_lanczos(whole, k)
        if found is not None:
            return found
    left, values, right = torch.linalg.svd(whole, full_matrices=False)
    return Leading(left[:, :k], values[:k], right[:k])


def _by_lanczos(whole: torch.Tensor, k: int) -> Leading | None:
    """Return the first k triples; None where they do not converge."""
    import numpy as np
    import torch
    from scipy.sparse.linalg import ArpackNoConvergence, svds

    start = stream("intruders", "first vector", min(whole.shape)).standard_normal(min(whole.shape)).astype(np.float32)
    try:
        left, values, right = svds(whole.numpy(), k=k, v0=start)
    except ArpackNoConvergence:
        return None
    order = np.argsort(-values, kind="stable")
    parts = (left[:, order], values[order], right[order])
    return Leading(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def _whole(weight: torch.Tensor, name: str) -> torch.Tensor:
    found = weight.detach().to("cpu").float()
    if not found.isfinite().all():
        raise UnitError(f"{name} holds weights that are not finite: it has no singular vectors")
    return found


def places(base: torch.Tensor, left: torch.Tensor, epsilon: float) -> list[int]:
    """Return which of the leading directions are intruders, ascending.

    base: (m, r) left singular vectors before; left: (m, k) after.
    """
    nearest = (left.T @ base).abs().amax(dim=1)
    return [int(at) for at in (nearest < epsilon).nonzero().flatten()]


def scaled(weight: torch.Tensor, found: Leading, at: Sequence[int], scale: float) -> torch.Tensor:
    """Return a matrix, float32, with some of its directions multiplied by `scale`."""
    wanted = list(at)
    if not wanted:
        return weight
    part = (found.left[:, wanted] * found.values[wanted]) @ found.right[wanted]
    return weight + (scale - 1.0) * part


def neighbours(n: int, at: Sequence[int], intruders: Sequence[int]) -> list[int]:
    """Return, for some of n directions, as many others that are no intruders: of each the next one that is free, else the one before.

    Fewer where there are not enough.
    """
    taken, found = {*at, *intruders}, []
    for one in at:
        near = next((other for other in [*range(one + 1, n), *range(one - 1, -1, -1)] if other not in taken), None)
        if near is not None:
            taken.add(near)
            found.append(near)
    return found


def random_change(weight: torch.Tensor, norm: float, *purpose: str | int) -> torch.Tensor:
    """Return a dense random change in the shape of a matrix, of a given Frobenius norm; the same purpose gives the same numbers."""
    import numpy as np
    import torch

    drawn = torch.from_numpy(
        stream("intruders", "null", *purpose).standard_normal(tuple(weight.shape), dtype=np.float32)
    )
    return drawn * (norm / float(drawn.double().norm()))
