"""What a monitor says, in words of one language: the same sentences on the page and on the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from hanka.operations.monitor.alarms import Alarm
from hanka.operations.monitor.detectors import POWER
from hanka.operations.monitor.results import Report, Status
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.signals import SIGNALS
from hanka.operations.monitor.windows import Measured
from hanka.report import numbers
from hanka.report.inert import label
from hanka.report.words import Words

CATEGORY = 40
"Characters of a category that are shown."


def signal_said(signal: str, words: Words) -> str:
    """Name a signal."""
    return words.plain(f"monitor_signal_{signal}")


def signals_said(signals: list[str], words: Words) -> str:
    """Name signals."""
    return words.comma.join(signal_said(one, words) for one in dict.fromkeys(signals))


def verdict_said(report: Report, words: Words) -> str:
    """Say how everything stands, in a sentence."""
    counts: dict[str, str | int | float] = {
        "windows": numbers.count(report.n_windows), "rows": numbers.count(report.tally.requests)
    }  # fmt: skip
    if report.verdict == "alarm":
        signals = signals_said([one.signal for one in report.standing], words)
        return words.plain("monitor_said_alarm", signals=signals, **counts)
    if not report.windows:
        return words.plain("monitor_said_nothing", rows=counts["rows"])
    if report.verdict == "inconclusive":
        lacking = report.lacking or [one for one in report.statuses if one.state == "open"]
        return words.plain(
            "monitor_said_inconclusive", signals=signals_said([one.signal for one in lacking], words), **counts
        )
    watched = sum(one.state == "quiet" for one in report.statuses)
    return words.plain("monitor_said_quiet", watched=watched, **counts)


def unit_said(signal: str, words: Words) -> str:
    """Say what a signal's numbers are."""
    return words.plain(
        f"monitor_unit_{'auc' if signal == 'domain' else 'psi' if SIGNALS[signal].kind == 'drift' else 'share'}"
    )


def value_said(signal: str, measured: Measured | None) -> str:
    """Write a value with its interval."""
    if measured is None:
        return numbers.NOTHING
    if SIGNALS[signal].kind == "share":
        return numbers.shares(measured.value, measured.low, measured.high)
    return numbers.with_interval(measured.value, measured.low, measured.high)


def counted_said(signal: str, measured: Measured | None) -> str:
    """Write a value with its interval, and below it on how many rows it rests."""
    said = value_said(signal, measured)
    return said if measured is None else f"{said}\nn = {numbers.count(measured.n)}"


def alarm_said(alarm: Alarm) -> str:
    """Write the value of an alarm with its interval."""
    return value_said(alarm.signal, Measured(alarm.value, alarm.low, alarm.high, alarm.n))


def limit_said(signal: str, limit: float | None) -> str:
    """Write a limit."""
    return numbers.share(limit) if SIGNALS[signal].kind == "share" else numbers.value(limit)


def state_said(status: Status, words: Words) -> str:
    """Say how a signal stands."""
    return words.plain(f"monitor_state_{status.state}")


def why_said(status: Status, words: Words) -> str:
    """Say why a signal says nothing; empty where it does."""
    return words.plain(f"monitor_missing_{status.missing}") if status.missing else ""


def delay_said(status: Status, words: Words) -> str:
    """Say after how many rows a rise is found."""
    if status.to_find is None:
        return numbers.NOTHING
    rows = numbers.count(status.to_find)
    if status.windows_to_find is None:
        return words.plain("monitor_delay_rows", rows=rows)
    return words.plain("monitor_delay_said", rows=rows, windows=f"{status.windows_to_find:.1f}")


def promises_said(report: Report, words: Words) -> list[str]:
    """Say the false-alarm rate, the delay of accuracy, and what they rest on."""
    settings = report.settings
    said = [words.plain("monitor_promise_alpha", alpha=numbers.share(settings.alpha), period=settings.period)]
    accuracy = next((one for one in report.statuses if one.signal == "wrong"), None)
    if accuracy is not None and (accuracy.limit is not None or accuracy.missing == "reference_small"):
        drop = f"{settings.drop * 100:g}"
        if accuracy.to_find is None:
            said.append(words.plain("monitor_promise_never", drop=drop))
        else:
            counts: dict[str, str | int | float] = {
                "drop": drop, "rows": numbers.count(accuracy.to_find), "power": f"{POWER:g}"
            }  # fmt: skip
            if accuracy.windows_to_find is None:
                said.append(words.plain("monitor_promise_delay_rows", **counts))
            else:
                said.append(words.plain("monitor_promise_delay", windows=f"{accuracy.windows_to_find:.1f}", **counts))
    return [*said, words.plain("monitor_promise_limits")]


def window_said(settings: MonitorSettings, words: Words) -> str:
    """Say what a window is."""
    if settings.window > 0:
        return words.plain("monitor_window_rows", n=numbers.count(settings.window))
    return words.plain("monitor_window_hours", n=-settings.window // 3600, least=settings.least_rows)


def cause_said(alarm: Alarm, words: Words) -> str:
    """Say what changed with an alarm."""
    moved = [
        words.plain(
            "monitor_moved",
            name=words.plain("monitor_category_other") if one.name == "other" else label(one.name, CATEGORY),
            before=numbers.percent(one.reference),
            after=numbers.percent(one.live),
        )
        for one in alarm.moved
    ]
    beside = (
        words.plain("monitor_beside", signals=signals_said(list(alarm.beside), words))
        if alarm.beside
        else words.plain("monitor_alone")
    )
    return ("。" if words.lang == "ja" else "; ").join([*([words.comma.join(moved)] if moved else []), beside])


def time_said(time: float | None) -> str:
    """Write a time, UTC."""
    if time is None:
        return numbers.NOTHING
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return numbers.NOTHING


def labelled_said(report: Report, words: Words) -> str:
    """Say how many requests have a label."""
    if not report.tally.labelled or report.labelled_share is None:
        return words.plain("monitor_labelled_none")
    return words.plain(
        "monitor_labelled_said", n=numbers.count(report.tally.labelled), share=numbers.share(report.labelled_share)
    )


def odd_said(report: Report, words: Words) -> str:
    """Warn of more odd rows than stated; empty where there are fewer."""
    if not report.odd:
        return ""
    counts = report.tally.odd()
    kinds = words.comma.join(
        f"{words.plain(f'monitor_tally_{one}')} {numbers.count(counts[one])}" for one in report.odd
    )
    return words.plain("monitor_odd_warning", share=numbers.percent(report.settings.most_odd), kinds=kinds)
