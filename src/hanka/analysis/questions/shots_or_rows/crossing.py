"""Where the curve of trained rows crosses that of shown rows, by verdicts alone: what is not shown is left open.

A number of rows counts for a way where the simultaneous interval of the difference lies beyond 0 for it. *rows_from*: the smallest
number from which on, at every larger one asked too, trained rows are better. *shots_to*: the largest number up to which, at every
smaller one too, shown rows are. The curves are shown to cross where there are both. Light: verdicts in, numbers out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from hanka.stats import Verdict


@dataclass(frozen=True, slots=True)
class Crossing:
    """What is shown about the order of two curves."""

    sizes: tuple[int, ...]
    "Numbers of rows that were asked, ascending."
    rows_from: int | None
    "Trained rows are better from here on; None: nowhere up to the end."
    shots_to: int | None
    "Shown rows are better up to here; None: not at the beginning."

    @property
    def is_shown(self) -> bool:
        """Tell whether the curves are shown to cross."""
        return self.rows_from is not None and self.shots_to is not None

    @property
    def open(self) -> tuple[int, ...]:
        """Return the numbers of rows at which neither is settled."""
        low, high = self.shots_to or 0, self.rows_from
        return tuple(size for size in self.sizes if low < size and (high is None or size < high))


def crossing_of(verdicts: Mapping[int, Verdict]) -> Crossing:
    """Find the crossing. verdicts: by number of rows, of rows less shots; better: rows are."""
    sizes = sorted(verdicts)
    last = list(takewhile(lambda size: verdicts[size] == "better", reversed(sizes)))
    first = list(takewhile(lambda size: verdicts[size] == "worse", sizes))
    return Crossing(tuple(sizes), last[-1] if last else None, first[-1] if first else None)
