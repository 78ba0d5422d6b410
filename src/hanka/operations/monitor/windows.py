"""A window: the rows between two looks, as counts; what is kept of a million rows is a few numbers for each thousand.

Third stage. The open window takes rows in; once closed it is a record that detectors look at, pages show and states store. Texts for the domain
classifier and values for a percentile are samples of a fixed size, drawn by the rows' own identity, so that they are the same however the
reading was interrupted.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from scipy import special, stats

from hanka.operations.monitor.signals import COUNTED, SHARES
from hanka.stats.intervals import Interval

LATENCIES = 1_000
"Values of a window that a percentile is read from; more are sampled."
PERCENTILE = 0.95
MOST_CATEGORIES = 200
"Different answers or labels of a window that are told apart; the rest are `…`."
REST = "…"


class Measured(NamedTuple):
    """A value of a window with its interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(slots=True)
class OpenWindow:
    """What is known so far of the rows since the last look."""

    number: int
    "Counted from 1."
    rows: int = 0
    first: float | None = None
    "Time of its earliest row."
    last: float | None = None
    "Time of its latest row."
    shares: dict[str, list[int]] = field(default_factory=lambda: {name: [0, 0] for name in SHARES})
    "Signal → bad rows, rows."
    counts: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in COUNTED})
    "Signal → category → rows."
    sure: list[float] = field(default_factory=lambda: [0, 0.0, 0.0])
    "Of confidences: how many, their sum and that of their squares."
    latencies: list[tuple[int, float]] = field(default_factory=list)
    "(priority, seconds) of a sample, as a heap."

    def count(self, signal: str, category: str) -> None:
        """Count a row's category."""
        counts = self.counts[signal]
        if category not in counts and len(counts) >= MOST_CATEGORIES:
            category = REST
        counts[category] = counts.get(category, 0) + 1

    def share(self, signal: str, is_bad: bool) -> None:
        """Count a row of a share."""
        both = self.shares[signal]
        both[0] += is_bad
        both[1] += 1

    def seen_at(self, time: float) -> None:
        """Note the time of a row."""
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)

    def confidence(self, value: float) -> None:
        """Note a confidence."""
        self.sure = [self.sure[0] + 1, self.sure[1] + value, self.sure[2] + value * value]

    def latency(self, key: int, seconds: float) -> None:
        """Note a latency; of more than LATENCIES, those of the smallest keys stay."""
        keep(self.latencies, (-key, seconds), LATENCIES)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def keep(sample: list[Any], item: tuple[Any, ...], most: int) -> None:
    """Keep an item in a heap of the `most` largest."""
    if len(sample) < most:
        heapq.heappush(sample, item)
    elif item > sample[0]:
        heapq.heapreplace(sample, item)


def opened(stored: dict[str, Any]) -> OpenWindow:
    """Return an open window as it was stored."""
    window = OpenWindow(**stored)
    window.latencies = [(int(key), float(value)) for key, value in window.latencies]
    return window


@dataclass(slots=True)
class Window:
    """A closed window."""

    number: int
    rows: int
    first: float | None
    last: float | None
    shares: dict[str, tuple[int, int]]
    "Signal → bad rows, rows."
    counts: dict[str, dict[str, int]]
    "Signal → category → rows."
    confidence: Measured | None
    "Mean."
    latency: Measured | None
    "95th percentile, seconds."
    drifts: dict[str, Measured] = field(default_factory=dict)
    "Signal → index or AUC with the interval of this look."
    rules: dict[str, tuple[float, float]] = field(default_factory=dict)
    "Signal → how far betting and cusum were; 1 is an alarm."

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def closed(window: OpenWindow) -> Window:
    """Close a window."""
    return Window(
        window.number, window.rows, window.first, window.last, {name: (one[0], one[1]) for name, one in window.shares.items()},
        {name: dict(sorted(one.items())) for name, one in window.counts.items() if one}, _mean(window.sure),
        percentile(sorted(value for _, value in window.latencies)),
    )  # fmt: skip


def stored_window(stored: dict[str, Any]) -> Window:
    """Return a closed window as it was stored."""
    window = Window(**stored)
    window.shares = {name: (one[0], one[1]) for name, one in window.shares.items()}
    window.rules = {name: (one[0], one[1]) for name, one in window.rules.items()}
    window.drifts = {name: Measured(*one) for name, one in window.drifts.items()}
    window.confidence = None if window.confidence is None else Measured(*window.confidence)
    window.latency = None if window.latency is None else Measured(*window.latency)
    return window


def _mean(sums: list[float]) -> Measured | None:
    """Return the mean of values of which only sums were kept, with Student's interval."""
    n = int(sums[0])
    if n < 2:
        return None
    mean = sums[1] / n
    deviation = math.sqrt(max(0.0, sums[2] - n * mean * mean) / (n - 1))
    half = float(special.stdtrit(n - 1, 0.975)) * deviation / math.sqrt(n)
    return Measured(mean, max(0.0, mean - half), min(1.0, mean + half), n)


def percentile(values: list[float], share: float = PERCENTILE, level: float = 0.95) -> Measured | None:
    """Return a percentile of sorted values with the interval of order statistics; None where they are too few for one.

    Source: Conover (1999), "Practical Nonparametric Statistics", 3.2.
    """
    n = len(values)
    if not n:
        return None
    tail = (1 - level) / 2
    below, above = (int(stats.binom.ppf(one, n, share)) for one in (tail, 1 - tail))
    # The interval runs from the `below`-th to the one behind the `above`-th value; without such a value there is no upper end.
    if below < 1 or above + 1 > n:
        return None
    at = min(n - 1, math.ceil(share * n) - 1)
    ends = Interval(values[below - 1], values[above])
    return Measured(values[at], ends.low, ends.high, n)


def counted(window: Window, signal: str) -> Counter[str]:
    """Return the categories of a window."""
    return Counter(window.counts.get(signal, {}))


def texts_of(sample: list[tuple[int, str]]) -> list[str]:
    """Return the texts of a sample, in an order that does not depend on how they came in."""
    return [text for _, text in sorted(sample, reverse=True)]
