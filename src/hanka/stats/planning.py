"""How many units an A/B test needs to show a wanted difference, looked at once or as often as one likes.

Reading side, before any data. A situation is a `Signal`: what one unit adds to the test's statistic.

    two groups, right or wrong   pooled variance in the test, each group's own in the truth (Fleiss, Levin & Paik 2003, ch. 4)
    two groups, means            σ²·(1/p + 1/(1 - p)); Student's t by the noncentral t distribution
    both answer the same item    discordant rows (Connor 1987, as in `power`), or the spread of the differences
    rows in groups               rows times 1 + (rows per unit - 1)·ICC (Kish 1965)

Looked at once:  n = ((z(α/2) + scale·z(power)) / drift)².  Looked at often: the smallest n at whose last look the difference has been
shown with the wanted power at one of the looks (`crossing`), by the boundary that the test itself uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from hanka.stats.crossing import crossing
from hanka.stats.mixture import stretched

LOOKS = 100
"Evenly spaced looks until the last unit that a plan reckons with."
STEPS = 20
"Tries at the number of units of a test that is looked at often."
SLACK = 0.004
"How far above the wanted power such a plan may end, on the scale of its normal quantile: a tenth of a point at 80 %."
MOST = 10**10
"Units beyond which a plan is none."


class Signal(NamedTuple):
    """What units add to a test's statistic where a difference is true."""

    drift: float
    "Mean of the statistic over √units; above 0."
    scale: float = 1.0
    "Standard deviation of the statistic; 1 where there is no difference."
    discordant: float | None = None
    "Share of pairs that one side alone has right: the test at every look is then a bet on these; None for all others."
    groups: int = 0
    "Degrees of freedom that estimating the variance takes (1 paired, 2 unpaired); 0: the variance is known under no difference."


def shares_signal(rate: float, difference: float, share_a: float = 0.5) -> Signal:
    """Return the signal of two groups, right or wrong. rate: of b; rate + difference: of a; share_a: of units in a."""
    other = rate + difference
    if not (0 < rate < 1 and 0 < other < 1 and difference and 0 < share_a < 1):
        raise ValueError(f"rates {rate} and {other}, share {share_a}: all between 0 and 1, and the rates not equal")
    both = share_a * other + (1 - share_a) * rate
    pooled = both * (1 - both) / (share_a * (1 - share_a))
    own = other * (1 - other) / share_a + rate * (1 - rate) / (1 - share_a)
    return Signal(abs(difference) / math.sqrt(pooled), math.sqrt(own / pooled))


def means_signal(difference: float, sd: float, share_a: float = 0.5) -> Signal:
    """Return the signal of two groups' means. sd: of single units, equal in both groups."""
    if not (sd > 0 and difference and 0 < share_a < 1):
        raise ValueError(f"difference {difference}, sd {sd}, share {share_a}: none may be 0")
    return Signal(abs(difference) / sd * math.sqrt(share_a * (1 - share_a)), groups=2)


def paired_shares_signal(difference: float, discordant: float) -> Signal:
    """Return the signal of pairs, right or wrong. discordant: share that one side alone has right, at least |difference|."""
    if not (difference and abs(difference) <= discordant <= 1):
        raise ValueError(f"difference {difference}, discordant {discordant}: need 0 < |difference| ≤ discordant ≤ 1")
    rest = math.sqrt(max(discordant - difference**2, 1e-12) / discordant)
    return Signal(abs(difference) / math.sqrt(discordant), rest, discordant)


def paired_means_signal(difference: float, sd: float) -> Signal:
    """Return the signal of paired values. sd: of the differences within pairs."""
    if not (sd > 0 and difference):
        raise ValueError(f"difference {difference}, sd {sd}: neither may be 0")
    return Signal(abs(difference) / sd, groups=1)


def clustered(signal: Signal, rows_per_unit: float, icc: float) -> Signal:
    """Return the signal of a unit that has several rows, from that of a row. icc: correlation of rows of one unit, 0 to 1.

    Right-or-wrong rows of one unit are no longer a single coin, so their test is that of means.
    """
    if not rows_per_unit >= 1 or not 0 <= icc <= 1:
        raise ValueError(f"{rows_per_unit} rows per unit, ICC {icc}: need at least 1, and 0 to 1")
    if rows_per_unit == 1:
        return signal
    worth = rows_per_unit / (1 + (rows_per_unit - 1) * icc)
    return Signal(signal.drift * math.sqrt(worth), signal.scale, None, signal.groups)


def units_to_show(signal: Signal, alpha: float, power: float = 0.8) -> int:
    """Return how many units one look needs, both groups together (or pairs), at a two-sided level."""
    _require_rates(alpha, power)
    z = float(special.ndtri(1 - alpha / 2))
    n = max(2, math.ceil(((z + signal.scale * float(special.ndtri(power))) / signal.drift) ** 2 - 1e-9))
    if n > MOST:
        raise ValueError(f"more than {MOST:,} units: the difference is too small for a plan")
    return n if not signal.groups else _smallest(lambda units: power_of_one_look(signal, units, alpha), power, n)


def power_of_one_look(signal: Signal, units: int, alpha: float) -> float:
    """Return with which probability one look at so many units shows the difference."""
    at_end = signal.drift * math.sqrt(units)
    if not signal.groups:
        return float(special.ndtr((at_end + float(special.ndtri(alpha / 2))) / signal.scale))
    df = units - signal.groups
    if df < 1:
        return 0.0
    return float(1 - special.nctdtr(df, at_end, -float(special.stdtrit(df, alpha / 2))))


class Often(NamedTuple):
    """What looking often costs and saves."""

    units: int
    "Units at the last look."
    power: float
    "Probability that one of the looks shows the difference."
    expected: float
    "Units on average when looking ends: where the difference is shown, else at the last look."


def often_to_show(signal: Signal, alpha: float, power: float = 0.8, looks: int = LOOKS) -> Often:
    """Return how many units an always-valid test needs, which is narrowest at the last of them."""
    least, wanted = units_to_show(signal, alpha, power), float(special.ndtri(power))
    found, slope = power_of_looks(signal, math.ceil(1.6 * least), alpha, looks), signal.drift / signal.scale
    for _ in range(STEPS):
        # The quantile of the power is nearly linear in √n, with the slope of a single look.
        missing = wanted - float(special.ndtri(min(found.power, 1 - 1e-12)))
        if -SLACK <= missing <= 0:
            break
        root = math.sqrt(found.units) + (missing + (SLACK / 2 if missing > 0 else 0.0)) / slope
        found = power_of_looks(signal, max(least, math.ceil(root * root)), alpha, looks)
    return found


def power_of_looks(signal: Signal, units: int, alpha: float, looks: int = LOOKS, tuned_at: int = 0) -> Often:
    """Return with which probability an always-valid test shows the difference by so many units.

    tuned_at: units at which it is narrowest; 0: the last ones.
    """
    looks = max(1, min(looks, units))  # nobody looks between two units
    shares = [(look + 1) / looks for look in range(looks)]
    if signal.discordant is None:
        z = -float(special.ndtri(alpha / 2))
        bounds = [stretched(z, max(1.0, share * units), tuned_at or units) for share in shares]
    else:
        bounds = [betting_bound(share * units * signal.discordant, alpha) for share in shares]
    found = crossing(shares, bounds, signal.drift * math.sqrt(units), signal.scale)
    shown = float(found.sum())
    expected = units * (float(found @ np.array(shares)) + 1 - shown)
    return Often(units, min(1.0, shown), expected)


def betting_bound(discordant: float, alpha: float) -> float:
    """Return how many standard errors the balance of discordant rows must be from 0 for a bet to have shown a difference."""
    rows = max(1.0, discordant)
    wanted = math.log(2 / alpha)

    def missing(only_a: float) -> float:
        """What the bet still lacks: its fortune is 2^(D + 1)·B(A + 1, D - A + 1)·I(D - A + 1, A + 1; 1/2), whole counts or not."""
        up, down = only_a + 1, rows - only_a + 1
        log = (rows + 1) * math.log(2) + float(special.betaln(up, down))
        return wanted - log - math.log(float(special.betainc(down, up, 0.5)))

    if missing(rows) > 0:
        return 10.0 * math.sqrt(rows)  # not even one-sided rows suffice
    only_a = float(optimize.brentq(missing, rows / 2, rows, xtol=1e-6))
    return (2 * only_a - rows) / math.sqrt(rows)


def _smallest(power_at: Callable[[int], float], power: float, start: int) -> int:
    """Return the smallest number of units from `start` on with the wanted power, which grows with units."""
    low, high = start - 1, start
    while power_at(high) < power:
        low, high = high, math.ceil(high * 1.5) + 1
        if high > MOST:
            raise ValueError(f"more than {MOST:,} units: the difference is too small for a plan")
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        if power_at(middle) < power:
            low = middle
        else:
            high = middle
    return high


def _require_rates(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha}, power {power}: need 0 < alpha < power < 1")
