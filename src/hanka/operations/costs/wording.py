"""How money, durations and volumes of a ledger are written: one place for page and terminal."""

from __future__ import annotations

import math

from hanka.analysis.pooling import Asked, System
from hanka.operations.costs.returns import Cheaper, Ends
from hanka.report import inert, numbers
from hanka.report.words import Words


def money(amount: float | None) -> str:
    """Write money without its currency: two decimals, or three figures where it is less than one."""
    if amount is None:
        return numbers.NOTHING
    size = abs(amount)
    if size == 0:
        return "0"
    text = f"{size:,.2f}" if size >= 1 else f"{size:.3g}" if size >= 1e-4 else f"{size:.2e}"
    return numbers.MINUS + text if amount < 0 else text


def money_ends(ends: Ends) -> str:
    """Write the interval of an amount."""
    return f"[{money(ends.low)},\N{NO-BREAK SPACE}{money(ends.high)}]"


def percents(ends: Ends) -> tuple[str, str]:
    """Write a share of one and its interval in percent."""
    write = [_percent(one) for one in ends]
    return write[0], f"[{write[1]},\N{NO-BREAK SPACE}{write[2]}]"


def _percent(share: float) -> str:
    text = f"{abs(100 * share):,.1f}"
    return f"{numbers.MINUS if share < 0 and text.strip('0.,') else ''}{text} %"


def months(count: float, words: Words) -> str:
    """Write months, or that they never come."""
    return words.plain("costs_never") if math.isinf(count) else words.plain("costs_months", count=f"{count:,.1f}")


def month_ends(ends: Ends, words: Words) -> str:
    """Write the interval of months."""
    return f"[{months(ends.low, words)},\N{NO-BREAK SPACE}{months(ends.high, words)}]"


def volume(found: Cheaper, words: Words) -> str:
    """Write at which requests a month tuning is cheaper."""
    if math.isinf(found.above):
        return words.plain("costs_nowhere")
    above, below = f"{math.ceil(found.above):,}", f"{math.floor(found.below):,}" if math.isfinite(found.below) else ""
    if not below:
        return words.plain("costs_anywhere") if found.above == 0 else words.plain("costs_above", count=above)
    return words.plain("costs_below", count=below)


def volume_ends(found: tuple[Cheaper, Cheaper], words: Words) -> str:
    """Write what a volume is at the ends of a gain's interval, the larger gain first."""
    return f"[{_short(found[1], words)}; {_short(found[0], words)}]"


def _short(found: Cheaper, words: Words) -> str:
    """Write a volume where the words around its number stand beside it already."""
    if math.isinf(found.above) or (found.above == 0 and math.isinf(found.below)):
        return volume(found, words)
    return f"≤ {math.floor(found.below):,}" if math.isfinite(found.below) else f"{math.ceil(found.above):,}"


def seconds(count: float | None, words: Words) -> str:
    """Write seconds of a request, or that nobody measured them."""
    return words.plain("costs_not_measured") if count is None else f"{count:.3g}"


def system_name(system: System, asked: Asked, words: Words) -> str:
    """Name a system at an asking."""
    shots = words.plain("costs_shots", count=asked.shots)
    rows = f"{words.comma}{words.plain('size', size=f'{system.size:,}')}" if system.size else ""
    return f"{inert.label(system.label)}{rows}{words.comma}{shots}"
