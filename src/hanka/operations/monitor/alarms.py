"""Alarms, how long each is silent afterwards, and when one asks for a retraining.

After a window was judged. A signal that alarmed is silent for `cooldown` windows and then begins anew, with a false-alarm rate of its own. A
retraining is proposed at most once in `period` windows; the alarm of a guardrail may propose one earlier, once per cooldown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from hanka.operations.monitor.settings import MonitorSettings


class Moved(NamedTuple):
    """A category whose share changed."""

    name: str
    reference: float
    live: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """A trigger that was pulled, with its cause."""

    signal: str
    rule: Literal["betting", "cusum", "interval"]
    "Which detector found it."
    window: int
    "Window at whose end it was found."
    time: float | None
    "Of the latest row of that window, seconds since 1970."
    value: float
    "Share of bad rows since about when it rose, or index, or AUC."
    low: float
    high: float
    "Interval of the value: 95 % of a share, of a drift that of this look."
    n: int
    "Live rows behind it."
    reference: float
    "What it is in the reference: share of bad rows; 0 of an index, 0.5 of an AUC."
    limit: float
    "What would have been no alarm."
    moved: tuple[Moved, ...] = ()
    "Categories that changed most, of a drift."
    beside: tuple[str, ...] = ()
    "Other signals that were beyond their limit in the same window, or had alarmed shortly before."

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def stored_alarm(stored: dict[str, Any]) -> Alarm:
    """Return an alarm as it was stored."""
    moved = tuple(Moved(*one) for one in stored["moved"])
    return Alarm(**{**stored, "moved": moved, "beside": tuple(stored["beside"])})


def standing(alarms: Sequence[Alarm], window: int, settings: MonitorSettings) -> list[Alarm]:
    """Return the alarms that stand at a window: those whose cooldown is not over."""
    return [one for one in alarms if window - one.window < settings.cooldown]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A retraining that an alarm asks for."""

    window: int
    signals: tuple[str, ...]
    "What alarmed."
    early: bool
    "Whether a guardrail proposes it before the period is over."


def proposals(alarms: Sequence[Alarm], settings: MonitorSettings) -> list[Proposal]:
    """Return the retrainings that alarms ask for, in order: one a period, or one a cooldown where a guardrail alarms."""
    found: list[Proposal] = []
    for window in sorted({one.window for one in alarms}):
        signals = tuple(one.signal for one in alarms if one.window == window)
        since = window - found[-1].window if found else None
        if since is None or since >= settings.period:
            found.append(Proposal(window, signals, False))
        elif since >= settings.cooldown and set(signals) & set(settings.guardrails):
            found.append(Proposal(window, signals, True))
    return found
