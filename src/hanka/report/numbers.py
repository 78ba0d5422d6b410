"""How numbers are written: values, differences, intervals, shares, p-values.

Pure formatting, equal in every language and figure; None is an en dash, minus is U+2212.
"""

from __future__ import annotations

import math

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"
DECIMALS = 3
"Of a number below 10, where its scale asks for no more."


def fine(*numbers: float | None) -> int:
    """Return with how many decimals numbers of one scale are told apart: three, more where all of them are below a hundredth."""
    largest = max((abs(number) for number in numbers if number is not None), default=0.0)
    return DECIMALS if largest >= 0.01 or largest < 1e-15 else 2 - math.floor(math.log10(largest))


def _decimals(size: float, decimals: int) -> int:
    return decimals if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0


def value(number: float | None, decimals: int = DECIMALS) -> str:
    """Write a value with three decimals or so many as `fine` says, fewer from 10 on."""
    if number is None:
        return NOTHING
    text = f"{abs(number):,.{_decimals(abs(number), decimals)}f}"
    return MINUS + text if number < 0 and text.strip("0.,") else text


def signed(number: float | None, decimals: int = DECIMALS) -> str:
    """Write a difference with its sign; what rounds to zero has none."""
    if number is None:
        return NOTHING
    text = value(number, decimals)
    return "+" + text if number > 0 and text.strip("0.,") else text


def interval(low: float | None, high: float | None, *, sign: bool = False, decimals: int = DECIMALS) -> str:
    """Write an interval as [low, high], or nothing where there is none."""
    if low is None or high is None:
        return ""
    write = signed if sign else value
    return f"[{write(low, decimals)},\N{NO-BREAK SPACE}{write(high, decimals)}]"


def with_interval(number: float | None, low: float | None, high: float | None, decimals: int = DECIMALS) -> str:
    """Write a value and its interval on one line."""
    return f"{value(number, decimals)} {interval(low, high, decimals=decimals)}".strip()


def difference(number: float | None, low: float | None, high: float | None, decimals: int = DECIMALS) -> str:
    """Write a difference and its interval on one line."""
    return f"{signed(number, decimals)} {interval(low, high, sign=True, decimals=decimals)}".strip()


def count(number: int | float | None) -> str:
    """Write a count with thousands separators."""
    return NOTHING if number is None else f"{int(number):,}"


def share(number: float | None) -> str:
    """Write a share of one as a percentage."""
    return NOTHING if number is None else f"{number * 100:.1f} %"


def percent(number: float) -> str:
    """Write a share of one in whole percent."""
    return f"{number * 100:.0f} %"


def shares(number: float | None, low: float | None, high: float | None) -> str:
    """Write a share of one and its interval as percentages."""
    if number is None:
        return ""
    return share(number) if low is None or high is None else f"{share(number)} [{low * 100:.1f}, {high * 100:.1f}]"


def p_value(number: float | None) -> str:
    """Write a p-value; below 0.001 only that."""
    if number is None:
        return NOTHING
    return "< 0.001" if number < 0.001 else f"{number:.3f}"
