"""Detectors of a share that has risen: two rules that are looked at after every window, with false-alarm rates that hold.

A row is bad or not; nothing is wrong while at most `bound` of rows are bad. Both rules look for a rise that began at some window that
nobody knows.

    betting   from every window on, a bet that more than `bound` of rows are bad (`stats.sequential.log_fortune`). The fortunes, weighted
              by shares that sum to 1 over all windows to come, reach 1/α with probability α at most, however long it goes on
    cusum     the sum of log likelihood ratios of `risen` against `bound`, begun anew at whatever window leaves most. Over T windows it
              reaches log(T/α) with probability α at most; after T windows it begins anew

Why cusum's bound holds: exp of it is at most the sum of the likelihood ratios from all windows on (Shiryaev-Roberts), whose mean after T
windows is T, and Doob's inequality. Fewer bad rows make both smaller, so the bounds hold wherever the true share is at most `bound`.

Source: Page (1954), "Continuous inspection schemes"; Shin, Ramdas & Rinaldo (2024), "E-detectors: a nonparametric framework for sequential
change detection"; Ville (1939); Doob (1953). Limits: rows are independent; the delay that is stated is about a rise that begins with a window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from scipy import stats

from hanka.stats.sequential import log_fortune

TOTAL = 2.10975
"Just above Σ 1/(j·ln² j) over j ≥ 2, so that all weights sum to less than 1."
POWER = 0.9
"With which probability a rise is found within the stated delay."
MOST_ROWS = 10_000_000
"Rows beyond which a delay is none."
NEAR = 4
"Latest windows that all keep a bet of their own; of older ones ever fewer."


def weight(window: int) -> float:
    """Return the share of a false-alarm rate that a window may use up, counted from 1; all together less than 1."""
    return 1 / (TOTAL * (window + 1) * math.log(window + 1) ** 2)


@dataclass(frozen=True, slots=True)
class Rise:
    """What a detector looks for."""

    bound: float
    "Largest share of bad rows that is no alarm."
    risen: float
    "Share that is to be found quickly."
    alpha: float
    "Probability of a false alarm of both rules together, in a period."
    period: int
    "Windows in which cusum's share of it holds."

    def __post_init__(self) -> None:
        if not 0 < self.bound < self.risen < 1 or not 0 < self.alpha < 1 or self.period < 1:
            raise ValueError(f"{self}: 0 < bound < risen < 1, alpha between 0 and 1, and a period of at least 1")

    @property
    def wealth_needed(self) -> float:
        """Return the log of the fortune that is an alarm."""
        return math.log(2 / self.alpha)

    @property
    def sum_needed(self) -> float:
        """Return the cumulative sum that is an alarm."""
        return math.log(2 * self.period / self.alpha)

    def log_ratio(self, bad: int, n: int) -> float:
        """Return the log likelihood ratio of `risen` against `bound`, nats."""
        return bad * math.log(self.risen / self.bound) + (n - bad) * math.log((1 - self.risen) / (1 - self.bound))


class Evidence(NamedTuple):
    """How far the rules are after a window, each as a share of what is an alarm: 1 or more is one."""

    betting: float
    cusum: float
    since: int
    "Rows since the window that the larger fortune bets from."


@dataclass(slots=True)
class Detector:
    """Both rules over one signal, and what they have to remember."""

    rise: Rise
    windows: int = 0
    "Windows so far."
    rows: int = 0
    "Rows so far."
    bad: int = 0
    "Bad ones among them."
    total: float = 0.0
    "Cumulative sum."
    starts: list[tuple[int, int, int]] | None = None
    "Bets: window they began at, bad rows and rows since."

    def add(self, bad: int, n: int) -> Evidence:
        """Take a window in and say how far the rules are. Raises ValueError for counts that do not fit."""
        if not 0 <= bad <= n:
            raise ValueError(f"{bad} bad of {n} rows: counts do not fit")
        self.windows += 1
        self.rows, self.bad = self.rows + n, self.bad + bad
        begun = [*(self.starts or []), (self.windows, 0, 0)]
        self.starts = [(at, seen + bad, rows + n) for at, seen, rows in begun if self._stays(at)]
        self.total = max(0.0, self.total) + self.rise.log_ratio(bad, n)
        wealth, since = self._wealth()
        found = Evidence(wealth / self.rise.wealth_needed, self.total / self.rise.sum_needed, since)
        if self.windows % self.rise.period == 0:
            self.total = 0.0
        return found

    def _stays(self, at: int) -> bool:
        """Tell whether a bet is kept: the first, all near ones, then every second, every fourth, …; what is dropped counts as lost."""
        age = (self.windows - at) // NEAR
        return (at - 1) % (1 << max(0, age.bit_length() - 1)) == 0

    def _wealth(self) -> tuple[float, int]:
        """Return the log of all fortunes together, and rows since the start of the largest; bets not yet made are still worth 1."""
        logs = []
        for at, bad, n in self.starts or []:
            if bad > self.rise.bound * n:  # else the fortune is below 1, and counting it as lost is on the safe side
                logs.append((math.log(weight(at)) + log_fortune(bad, 0, n, self.rise.bound), n))
        if not logs:
            return 0.0, 0
        most, since = max(logs)
        return max(0.0, most + math.log(sum(math.exp(one - most) for one, _ in logs))), since

    def as_json(self) -> dict[str, Any]:
        """Return what has to be remembered."""
        return {
            "windows": self.windows, "rows": self.rows, "bad": self.bad, "total": self.total,
            "starts": [list(one) for one in self.starts or []],
        }  # fmt: skip


def detector_of(rise: Rise, stored: dict[str, Any] | None) -> Detector:
    """Return a detector as it was stored, or a new one."""
    if stored is None:
        return Detector(rise)
    starts = [(int(at), int(bad), int(n)) for at, bad, n in stored["starts"]]
    return Detector(rise, stored["windows"], stored["rows"], stored["bad"], float(stored["total"]), starts)


def rows_to_find(rise: Rise, share: float, window: int, per_window: float = 0.0) -> int | None:
    """Return the rows after which a rise to `share` at a window is found with probability POWER; None where it never is.

    window: counted from 1 since the detector began. per_window: rows of a window; where cusum's period ends before it would have
    found the rise, it begins anew then. 0: it ends later. The sooner of both rules, each with the bad rows that it has with probability POWER at least.
    """
    if not rise.bound < share <= 1:
        return None

    def bad_of(n: int) -> int:
        return int(stats.binom.ppf(1 - POWER, n, share))

    def is_bet(n: int) -> bool:
        bad, needed = bad_of(n), rise.wealth_needed - math.log(weight(window))
        return bad > rise.bound * n and log_fortune(bad, 0, n, rise.bound) >= needed

    by_cusum = _fewest(lambda n: rise.log_ratio(bad_of(n), n) >= rise.sum_needed)
    by_betting = _fewest(is_bet)
    left = rise.period - (window - 1) % rise.period
    if by_cusum is not None and per_window > 0 and math.ceil(by_cusum / per_window) > left:
        by_cusum += math.ceil(left * per_window)
    return min((n for n in (by_cusum, by_betting) if n is not None), default=None)


def _fewest(is_found: Callable[[int], bool]) -> int | None:
    """Return about the fewest rows that suffice, to half a percent; None above MOST_ROWS."""
    high = 1
    while not is_found(high):
        high *= 2
        if high > MOST_ROWS:
            return None
    low = high // 2
    while high - low > max(1, low // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high
