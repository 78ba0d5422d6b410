"""What a simulation promises, and whether it is kept within its own Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from benchmarks.simulated import share_of

COVERAGE, ERROR = 0.93, 0.05


class Promise(NamedTuple):
    """One promise in one scenario."""

    part: str
    scenario: str
    share: float
    "What was found, a share of the repetitions; of forgetting, a mean."
    error: float
    "Its Monte-Carlo standard error."
    low: float
    "Least that keeps the promise."
    high: float
    "Most that does."
    n: int
    "Repetitions."

    @property
    def kept(self) -> bool:
        """Whether the promise is kept within two Monte-Carlo errors."""
        return self.low - 2 * self.error <= self.share <= self.high + 2 * self.error


def promise(part: str, scenario: str, found: list[bool], low: float = 0.0, high: float = 1.0) -> Promise:
    """Return a promise about a share."""
    share, error = share_of(found)
    return Promise(part, scenario, share, error, low, high, len(found))


def told(found: Iterable[Promise]) -> list[dict[str, Any]]:
    """Print a line per promise as it comes, and return them as results hold them."""
    lines = []
    for one in found:
        lines.append(one._asdict() | {"kept": one.kept})
        print(f"{'kept  ' if one.kept else 'MISSED'} {one.part:17} {one.scenario:76} {one.share:.4f} ± {one.error:.4f}"
              f"  (promised {one.low:g} to {one.high:g}, n = {one.n})", flush=True)  # fmt: skip
    return lines


def n_missed(lines: Iterable[dict[str, Any]]) -> int:
    """Count the promises that were not kept."""
    return sum(not line["kept"] for line in lines)
