"""The prefix cache of an engine: one chain of blocks, of which the next cell keeps what it begins with, too.

A prefix is computed in blocks of a fixed number of tokens, each behind the ones before. A block's numbers
therefore depend on the tokens up to its end alone, not on what was asked earlier: reusing it changes nothing. More
demonstrations of the same draw begin with the fewer ones, so their cells share blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hanka.models.attention import joined, read
from hanka.models.packing import Prefix

BLOCK = 128
"Tokens per block; smaller ones reuse more and compute slower."


@dataclass(slots=True)
class PrefixCache:
    """Keys and values of the leading tokens that were asked last, for one model."""

    model: Any
    "The model, with its attention switched to packed passes."
    n_computed: int = 0
    "Tokens that passed the model so far."
    _ids: list[tuple[int, ...]] = field(default_factory=list)
    _blocks: list[Prefix] = field(default_factory=list)

    def get(self, ids: Sequence[int]) -> Prefix:
        """Return the keys and values of leading tokens, computing what is not there."""
        cuts = [tuple(ids[start : start + BLOCK]) for start in range(0, len(ids), BLOCK)]
        kept = 0
        while kept < min(len(cuts), len(self._ids)) and cuts[kept] == self._ids[kept]:
            kept += 1
        del self._ids[kept:], self._blocks[kept:]
        for cut in cuts[kept:]:
            self._blocks.append(read(self.model, cut, joined(self._blocks)))
            self._ids.append(cut)
            self.n_computed += len(cut)
        return joined(self._blocks)
